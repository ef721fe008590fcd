"""What the gate asks of a challenger."""

from dataclasses import dataclass, field
from typing import Literal

from factory.breakdown.bins import Groupings
from factory.config import ModelConfig
from factory.policy import GateConfig
from factory.remedies import Adapt, DropFeatures, Remedy, Retrain

Asks = Literal["improvement", "non_inferiority"]


@dataclass(frozen=True, slots=True)
class Bar:
    """How high the challenger has to jump.

    Attributes:
        asks: that it is better, or that it is not worse by more than a margin.
        gain: smaller relative gains are not worth a new version.
        level: chance that a challenger passes which is no better, or worse by the margin.
        minimum_rows: fewer rows judge nobody.
        segments: what parts the rows; by the champion's most important features where empty.
        most_segments: of each entry that are kept apart.
        silent: features that the challenger does without; whether they are sound no longer
            matters to it, so that they part the rows only where they are named in ``segments``.
        config: margins, budgets and what else is asked.
    """

    asks: Asks = "improvement"
    gain: float = 0.02
    level: float = 0.05
    minimum_rows: int = 50
    segments: Groupings = ()
    most_segments: int = 50
    silent: frozenset[str] = frozenset()
    config: GateConfig = field(default_factory=GateConfig)

    @classmethod
    def of(
        cls, config: ModelConfig, remedy: Remedy | None = None, *, level: float | None = None
    ) -> "Bar":
        """Return what a model's configuration asks of a remedy's challenger.

        Args:
            config: of the model.
            remedy: that made the challenger; None for a training by hand.
            level: of its test where others were tried on the same rows, and it looked best.

        >>> values = {"name": "m", "data": {"path": "a.csv", "target": "y"}}
        >>> config = ModelConfig.model_validate(values)
        >>> Bar.of(config, DropFeatures(("a",), "hedge")).asks, Bar.of(config, level=0.01).level
        ('non_inferiority', 0.01)
        """
        policy = config.policy
        return cls(
            asks=asked(remedy, policy.gate),
            gain=policy.minimum_gain,
            level=policy.error_rate if level is None else level,
            minimum_rows=policy.minimum_rows,
            segments=config.check.segments,
            most_segments=config.check.most_segments,
            config=policy.gate,
        )


def asked(remedy: Remedy | None, config: GateConfig) -> Asks:
    """Return what a remedy's challenger has to show.

    Where keeping is a risk of its own, that the challenger is no worse is enough: features that
    broke are done without or converted back, and a recipe that has proved itself learns the rows
    that came since on top of those it knows. Such a challenger is chosen for what it is expected
    to gain (see ``factory.decide``), and one that is worse passes at most at the stated rate.
    Fewer rows than before, another recipe, corrected outputs and an earlier version bring a risk
    that the newest rows may not show: those have to do better.

    >>> asked(None, GateConfig()), asked(DropFeatures(("a",), "neutralise"), GateConfig())
    ('improvement', 'non_inferiority')
    >>> asked(Retrain("all"), GateConfig()), asked(Retrain("recent", 1), GateConfig())
    ('non_inferiority', 'improvement')
    """
    if config.test != "by_remedy":
        return config.test
    match remedy:
        case DropFeatures() | Adapt(how="unit") | Retrain(rows="all", search=False):
            return "non_inferiority"
        case _:
            return "improvement"


def border(asks: Asks, config: GateConfig) -> float:
    """Return the relative gain that a challenger's true one has to be above.

    >>> border("improvement", GateConfig()), border("non_inferiority", GateConfig())
    (0.0, -0.02)
    """
    return 0.0 if asks == "improvement" else -config.margin
