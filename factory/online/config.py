"""What a config says of online detectors."""

import difflib
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from factory.errors import BadConfig
from factory.online import ONLINE


class OnlineConfig(BaseModel):
    """What ``factory watch`` looks at row by row, and how rarely it may alarm for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: str = Field("mmd", description=" | ".join(ONLINE))
    one_false_alarm_per: int = Field(
        5_000, ge=10, le=100_000, description="rows without drift, on average"
    )
    windows: tuple[Annotated[int, Field(ge=2, le=1_000)], ...] = Field(
        (10, 100), min_length=1, description="newest rows that are compared; short ones are fast"
    )
    on: Literal["features", "predictions", "loss"] = Field(
        "features", description="features | predictions | loss (of labelled rows)"
    )

    @field_validator("detector")
    @classmethod
    def known(cls, name: str) -> str:
        """Refuse a name that is not in the table."""
        if name not in ONLINE:
            near = difflib.get_close_matches(name.lower(), ONLINE, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(ONLINE)}"
            raise BadConfig(f"{name!r} is no online detector.", hint=hint)
        return name

    @model_validator(mode="after")
    def fitting(self) -> Self:
        """Refuse windows that are longer than the run between two false alarms."""
        longest, per = max(self.windows), self.one_false_alarm_per
        if len({*self.windows}) < len(self.windows):
            raise BadConfig("A window is named twice.", hint="name each once")
        if longest >= per:
            raise BadConfig(
                f"A window of {longest} rows cannot have one false alarm per {per} rows.",
                hint=f"windows shorter than {per}, such as [{max(2, per // 5)}]",
            )
        return self
