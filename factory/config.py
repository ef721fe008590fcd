"""A model's configuration: one YAML file, read into frozen parts; unknown keys are refused."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core.core_schema import ValidationInfo

from factory.abstaining import AbstainConfig
from factory.breakdown.bins import Groupings
from factory.breakdown.worth import ValueConfig, text
from factory.columns import DataConfig
from factory.deployment import DeployConfig
from factory.detectors.config import DetectorsConfig
from factory.errors import BadConfig
from factory.logs import LogConfig
from factory.online.config import OnlineConfig
from factory.ood.config import OodConfig
from factory.policy import Part, PolicyConfig, Share
from factory.replay.config import ReplayConfig
from factory.searching import RANGE_KEYS, RANGE_TAGS, SearchConfig

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""What a model may be called: files are called by it too."""
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]


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
    terms: int = Field(
        1_000, ge=1, le=100_000, description="words and pairs of words that a text is told by"
    )
    dates: tuple[Literal["year", "month", "day", "weekday", "hour"], ...] = (
        "month",
        "weekday",
        "hour",
    )
    budget: int | None = Field(
        None, ge=1, description="keep at most this many encoded features, by mutual information"
    )


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

    @property
    def parted_by(self) -> tuple[str, ...]:
        """The columns by which rows are parted into segments and groups, each once."""
        cuts = (cut for grouping in (*self.segments, *self.groups) for cut in grouping)
        return tuple(dict.fromkeys(cut.column for cut in cuts))


class HedgesConfig(Part):
    """Fallback models, trained beforehand, for when features break."""

    groups: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = Field(
        (), description="features that break together, as [[lat, lon]]; found by rows when absent"
    )
    most: int = Field(
        3, ge=0, le=50, description="groups with a fallback model, the most important; 0 for none"
    )


class ServeConfig(Part):
    """How a challenger is tried on real traffic before it is promoted."""

    challenger: Literal["off", "shadow", "canary"] = Field(
        "off", description="shadow: scores rows for the log only; canary: answers some requests"
    )
    share: Share = Field(0.1, description="of the requests that the challenger sees")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Return the part of a bundle's configuration; the defaults where it has none.

        >>> ServeConfig.of({"serve": {"challenger": "shadow"}}).share
        0.1
        """
        return cls.model_validate(config.get("serve", {}))


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
    ood: OodConfig | None = Field(None, description="as {score: auto, true_positive_rate: 0.95}")
    abstain: AbstainConfig | None = Field(None, description="as {strange: true, cost: 0.1}")
    hedges: HedgesConfig = HedgesConfig()
    policy: PolicyConfig = PolicyConfig()
    replay: ReplayConfig | None = Field(
        None, description="as {generator: copula, rows: 20000}: older rows are drawn, not kept"
    )
    log: LogConfig = LogConfig()
    deploy: DeployConfig = DeployConfig()
    serve: ServeConfig = ServeConfig()
    seed: int = Field(0, ge=0, le=2**32 - 1)

    @field_validator("abstain")
    @classmethod
    def told(cls, found: AbstainConfig | None, info: ValidationInfo) -> AbstainConfig | None:
        """Refuse to abstain for a reason that nothing tells."""
        return found and found.beside(ood=info.data.get("ood") is not None)


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
        found = error.errors()
        # A key that is misspelt is missing as well; the spelling is what to mend.
        typos = [one for one in found if one["type"] == "extra_forbidden"]
        raise _explain([*typos, *found][0], source) from None


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
    return config.model_copy(update={"deploy": config.deploy.beside(path.parent)})


def _explain(error: Mapping[str, Any], source: str) -> BadConfig:
    path = [str(part) for part in error["loc"] if part not in RANGE_TAGS]
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
        if name not in getattr(part, "model_fields", {}):
            # Below a table whose keys are the user's own stand search spaces.
            return list(RANGE_KEYS)
        kind = part.model_fields[name].annotation
        # A part that may be left out is a union with None.
        part = next((one for one in get_args(kind) if hasattr(one, "model_fields")), kind)
    return list(getattr(part, "model_fields", RANGE_KEYS))
