"""What a config says of rows that a model leaves to a person."""

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import Field

from factory.errors import BadConfig
from factory.policy import Part, Share

Reason = Literal["strange", "unsure"]
REASONS: tuple[Reason, ...] = get_args(Reason)


class AbstainConfig(Part):
    """When a model leaves a row to a person."""

    strange: bool = Field(
        default=True, description="rows that the section ood calls strange; needs it"
    )
    cost: Share | None = Field(
        None, description="of a person's answer, an error costing 1; null trusts every class"
    )

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self | None:
        """Return the part of a bundle's configuration; None where it has none.

        >>> AbstainConfig.of({"abstain": {"cost": 0.2}}).cost, AbstainConfig.of({})
        (0.2, None)
        """
        told = config.get("abstain")
        return None if told is None else cls.model_validate(told)

    def beside(self, *, ood: bool) -> Self:
        """Return the same, where it can be done.

        Args:
            ood: whether the config says how strange rows are told.

        Raises:
            BadConfig: strange rows are not told, or there is no reason to abstain for.
        """
        if self.strange and not ood:
            raise BadConfig(
                "Nothing tells which rows are strange.", hint="add ood: {}, or strange: false"
            )
        if not self.strange and self.cost is None:
            raise BadConfig("There is no reason to abstain for.", hint="give cost, as 0.1")
        return self
