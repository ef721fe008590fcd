"""A model's configuration: one YAML file, read into frozen parts; unknown keys are refused."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core.core_schema import ValidationInfo

from factory.breakdown.bins import Groupings
from factory.breakdown.worth import ValueConfig, text
from factory.detectors import JOINT, PLUGINS_READ, READS
from factory.errors import BadConfig
from factory.nouns import Kind, Task
from factory.online.config import OnlineConfig

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Share = Annotated[float, Field(gt=0, lt=1)]
Family = Literal["linear", "tree", "forest", "boosting", "svm", "neighbours", "mlp"]
Loss = Literal["auto", "squared_error", "absolute_error", "log_loss", "hinge"]


class Part(BaseModel):
    """A piece of configuration: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Part):
    """Where the rows are and what the columns mean."""

    path: str = Field(description=".csv, .parquet, a Delta table's folder, or URL#table")
    target: str = Field(description="column to predict")
    task: Task | None = Field(None, description="inferred from the target when absent")
    timestamp: str | None = Field(None, description="column that orders the rows in time")
    id: str | None = Field(None, description="column that names a row; must be unique")
    types: dict[str, Kind] = Field(
        default_factory=dict, description="kinds of columns that inference would get wrong"
    )
    ignore: tuple[str, ...] = Field((), description="columns that are no features")


class SplitConfig(Part):
    """Shares of the rows held out of training; the rest trains."""

    calibration: Share = 0.1
    reference: Share = 0.2


class FeaturesConfig(Part):
    """How columns become numbers; all of it is part of the model's one pipeline."""

    impute: Literal["median", "mean", "constant"] = "median"
    encode: Literal["auto", "ordinal", "onehot"] = Field(
        "auto", description="auto: ordinal for trees, one-hot for the other families"
    )
    max_categories: int = Field(
        50, ge=2, le=10_000, description="one-hot columns per feature; rarer categories share one"
    )
    order: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="fixed order of an ordinal feature's categories"
    )
    scale: Literal["auto", "none", "standard", "minmax", "row_norm"] = Field(
        "auto", description="auto: standard where the family needs it, none for trees"
    )
    dates: tuple[Literal["year", "month", "day", "weekday", "hour"], ...] = (
        "month",
        "weekday",
        "hour",
    )
    budget: int | None = Field(
        None, ge=1, description="keep at most this many encoded features, by mutual information"
    )


class SearchConfig(Part):
    """Which models are tried, and for how long."""

    backend: Literal["optuna"] = "optuna"
    families: tuple[Family, ...] = Field(
        ("linear", "forest", "boosting"), min_length=1, description="families searched together"
    )
    loss: Loss = Field("auto", description="training loss; families that lack it are refused")
    trials: int = Field(25, ge=1, le=100_000)
    seconds: float = Field(60.0, gt=0, description="no trial starts after this long")
    folds: int = Field(3, ge=2, le=20)


class DetectorsConfig(Part):
    """Which detector tests each kind of feature, and all together; see ``factory.detectors``."""

    number: str = Field("ks", description=" | ".join(READS["number"]))
    category: str = Field("chi2", description=" | ".join(READS["category"]))
    joint: str = Field("domain_classifier", description=" | ".join(JOINT))

    @field_validator("number", "category", "joint")
    @classmethod
    def known(cls, name: str, info: ValidationInfo) -> str:
        """Refuse a name that is not in the table for this kind of feature."""
        kind = str(info.field_name)
        fit = (*{**READS, "joint": tuple(JOINT)}[kind], *PLUGINS_READ[kind])
        if name not in fit:
            near = difflib.get_close_matches(name.lower(), fit, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(fit)}"
            raise BadConfig(f"{name!r} is no detector of that kind.", hint=hint)
        return name


class CheckConfig(Part):
    """When a check alarms."""

    false_alarms: float = Field(
        5.0, gt=0, lt=100, description="accepted per 100 windows without drift, over all tests"
    )
    minimum_effect: float = Field(
        0.05, ge=0, le=1, description="smaller changes do not alarm, however certain they are"
    )
    tolerance: float = Field(
        0.05, ge=0, description="relative loss of performance that is accepted"
    )
    confidence: Share = 0.95
    resamples: int = Field(400, ge=100, le=100_000, description="bootstrap resamples")
    corruptions: int = Field(
        100, ge=0, le=2_000, description="broken batches that teach a second estimate; 0 for none"
    )
    segments: Groupings = Field(
        (), description="as [origin, {column: age, edges: [25, 40]}, [origin, carrier]]"
    )
    most_segments: int = Field(50, ge=1, le=1_000, description="rarer ones are pooled")
    segment_effect: float = Field(
        0.2, ge=0, le=1, description="a segment that could hide a larger drift has no power"
    )
    groups: Groupings = Field((), description="as segments: groups to be treated alike")
    favourable: Annotated[str | None, BeforeValidator(text)] = Field(
        None, description="the class that is good to get; of two the last when absent"
    )
    impact_ratio: Share = Field(
        0.8, description="least ratio of the groups' selection rates (the four-fifths rule)"
    )
    impact_alarm: bool = Field(default=False, description="whether less than that alarms")
    value: ValueConfig | None = Field(
        None, description="as {unit: EUR, binary: {tp: 10, fp: -2, fn: -20, tn: 0}}"
    )
    evidently: Literal["never", "incidents", "always"] = Field(
        "never", description="when to add Evidently's report: incidents are checks that alarm"
    )
    evidently_rows: int = Field(
        5_000,
        ge=1,
        le=50_000,
        description="rows of each side that Evidently is given, drawn by seed",
    )
    detectors: DetectorsConfig = DetectorsConfig()
    online: OnlineConfig | None = Field(
        None, description="as {detector: mmd, one_false_alarm_per: 5000, windows: [10, 100]}"
    )


class GateConfig(Part):
    """What a challenger must not break; null turns a limit off."""

    test: Literal["by_remedy", "improvement", "non_inferiority"] = Field(
        "by_remedy", description="by_remedy: hedges need only be no worse, the rest better"
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
        400,
        ge=0,
        description="fewer labelled rows are cross-fitted: all are measured on",
    )
    folds: int = Field(3, ge=2, le=20, description="of a cross-fit; each costs another fit")
    cooldown: int = Field(
        0, ge=0, description="windows after a promotion in which nothing is retrained"
    )
    settle: int = Field(
        3, ge=0, description="windows after a change in which undoing it must gain twice as much"
    )
    retrains: int = Field(10, ge=0, description="at most, within as many windows as follows")
    retrains_within: int = Field(20, ge=1, description="newest windows that retrains count in")
    approve: Literal["never", "retrain", "always"] = Field(
        "never", description="which changes wait for factory promote by a person"
    )
    gate: GateConfig = GateConfig()


class HedgesConfig(Part):
    """Fallback models, trained beforehand, for when features break."""

    groups: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = Field(
        (), description="features that break together, as [[lat, lon]]; found by rows when absent"
    )
    most: int = Field(
        3, ge=0, le=50, description="groups with a fallback model, the most important; 0 for none"
    )


class ModelConfig(Part):
    """One model: everything from data to policy. Only name and data are required."""

    name: Name
    data: DataConfig
    metric: str | None = Field(
        None, description="a scikit-learn scorer's name without neg_; by task when absent"
    )
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    search: SearchConfig = SearchConfig()
    check: CheckConfig = CheckConfig()
    hedges: HedgesConfig = HedgesConfig()
    policy: PolicyConfig = PolicyConfig()
    seed: int = Field(0, ge=0, le=2**32 - 1)


def parse_config(values: Mapping[str, Any], *, source: str) -> ModelConfig:
    """Check plain values against the configuration's schema.

    Args:
        values: what a YAML file held.
        source: the file's name, for messages.

    Raises:
        BadConfig: with the path of the first key that is wrong and, where a known key is near,
            that key.

    >>> config = parse_config({"name": "m", "data": {"path": "a.csv", "target": "y"}}, source="m")
    >>> config.search.trials
    25
    >>> parse_config({"name": "m", "data": {"path": "a", "target": "y"}, "sead": 1}, source="m")
    Traceback (most recent call last):
        ...
    factory.errors.BadConfig: m: unknown key 'sead'.
      fix: did you mean 'seed'?
    """
    try:
        return ModelConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise _explain(first, source) from None


def load_config(path: Path) -> ModelConfig:
    """Read a model's YAML file; a relative data path is taken from the file's folder.

    Raises:
        BadConfig: the file is missing, is not YAML, or breaks the schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadConfig(
            f"No config file at {path}.", hint="factory init DATA --target COL -o FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path} cannot be read: {error}.", hint="give a YAML file") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise BadConfig(f"{path} is not YAML: {line}", hint="mend that line") from None
    if not isinstance(values, dict):
        raise BadConfig(f"{path} holds no keys.", hint="factory init DATA --target COL -o FILE")
    config = parse_config(values, source=str(path))
    where = config.data.path
    if "://" not in where and not Path(where).is_absolute():
        data = config.data.model_copy(update={"path": str(path.parent / where)})
        config = config.model_copy(update={"data": data})
    return config


def _explain(error: Mapping[str, Any], source: str) -> BadConfig:
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _keys_beside(path), n=1, cutoff=0.5)
        known = ", ".join(sorted(_keys_beside(path)))
        hint = f"did you mean {near[0]!r}?" if near else f"known keys here: {known}"
        return BadConfig(f"{source}: unknown key {key!r}.", hint=hint)
    if error["type"] == "missing":
        return BadConfig(f"{source}: {key!r} is missing.", hint=f"add {key!r}")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, BadConfig):
        return BadConfig(f"{source}: {key}: {cause.problem}", hint=cause.hint)
    said = error["msg"].replace("tuple", "list")  # what YAML calls it
    problem = f"{source}: {key} = {error['input']!r}: {said}."
    return BadConfig(problem, hint=f"change {key!r}")


def _keys_beside(path: list[str]) -> list[str]:
    part: Any = ModelConfig
    for name in path[:-1]:
        kind = part.model_fields[name].annotation
        # A part that may be left out is a union with None.
        part = next((one for one in get_args(kind) if hasattr(one, "model_fields")), kind)
    return list(part.model_fields)
