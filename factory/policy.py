"""The rules that a remedy has to keep: what it must be worth, and what it must not break."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(gt=0, lt=1)]


class Part(BaseModel):
    """A piece of configuration: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GateConfig(Part):
    """What a challenger must not break; null turns a limit off."""

    test: Literal["by_remedy", "improvement", "non_inferiority"] = Field(
        "by_remedy",
        description="by_remedy: where keeping is a risk too no worse is enough, the rest is better",
    )
    margin: float = Field(
        0.02, ge=0, lt=1, description="relative loss that still counts as no worse"
    )
    segment_loss: float | None = Field(
        0.05, ge=0, description="relative loss that is accepted in a segment"
    )
    forgetting: float | None = Field(
        0.1, ge=0, description="relative loss that is accepted on older rows, which the newest lack"
    )
    latency_ratio: float | None = Field(10.0, gt=0, description="to the champion's")
    latency_ms: float | None = Field(None, gt=0, description="to predict one row")
    size_ratio: float | None = Field(20.0, gt=0, description="to the champion's")
    size_mb: float | None = Field(None, gt=0, description="of the saved pipeline")
    leak: Share | None = Field(
        0.999, description="how well a single feature may tell the target, 1 being exactly"
    )


class PriceConfig(Part):
    """What a loss costs and what a remedy costs, in the owner's units."""

    unit: str = Field("windows' losses", description="what the figures count, such as EUR")
    window: float = Field(
        1.0, gt=0, description="what the champion's whole loss over one window costs"
    )
    refit: float = Field(0.01, ge=0, description="of putting a newly fitted model into service")
    search: float = Field(0.02, ge=0, description="of a new search, beside that of its model")
    change: float = Field(0.0, ge=0, description="of any change of what serves")
    compute_hour: float = Field(0.0, ge=0, description="of an hour in which a remedy is made")
    person: float = Field(0.0, ge=0, description="of people who would answer a whole window")


class PolicyConfig(Part):
    """What a remedy must be worth, and how often anything may change."""

    minimum_gain: float = Field(
        0.02, ge=0, description="relative gain below which nothing is changed"
    )
    horizon: float = Field(1.0, gt=0, description="windows over which a remedy is to pay off")
    delay: float = Field(0.0, ge=0, description="windows until a newly fitted model serves")
    risk: float = Field(
        0.5, ge=0, le=1, description="1 counts a gain at its lower bound, 0 at its mean"
    )
    price: PriceConfig = PriceConfig()
    error_rate: Share = Field(0.05, description="chance that a challenger no better passes")
    versions: int = Field(10, ge=0, le=100, description="earlier versions that are rehearsed")
    recent_windows: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 3), description="numbers of newest windows that recent refits learn from, one each"
    )
    half_life: float = Field(
        2.0, gt=0, description="windows after which a row counts half where newer ones count more"
    )
    searches: bool = Field(
        default=True, description="whether a search is rehearsed where no refit restores the score"
    )
    evaluation: Share = Field(
        0.5, description="newest share of the labelled rows, held out to measure remedies"
    )
    minimum_rows: int = Field(50, ge=10, description="fewer labelled rows decide nothing")
    crossed_rows: int = Field(
        2_000,
        ge=0,
        description="fewer labelled rows are cross-fitted: all are measured on",
    )
    pooled_rows: int = Field(
        400, ge=0, description="fewer labelled rows are joined by earlier ones that nobody learnt"
    )
    folds: int = Field(3, ge=2, le=20, description="of a cross-fit; each costs another fit")
    cooldown: int = Field(
        0, ge=0, description="windows after a promotion in which nothing is retrained"
    )
    settle: int = Field(
        3, ge=0, description="windows after a change in which undoing it must gain twice as much"
    )
    retrains: int = Field(
        6,
        ge=0,
        description="at most, within as many windows as follows; the next must gain ever more",
    )
    retrains_within: int = Field(20, ge=1, description="newest windows that retrains count in")
    approve: Literal["never", "retrain", "always"] = Field(
        "never", description="which changes wait for factory promote by a person"
    )
    gate: GateConfig = GateConfig()
