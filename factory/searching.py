"""How models are searched: backend, budget and search spaces, as a config writes them."""

import re
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from factory.errors import BadConfig
from factory.policy import Part

Family = Literal[
    "linear",
    "tree",
    "forest",
    "boosting",
    "svm",
    "neighbours",
    "mlp",
    "dense",
    "convolution",
    "recurrent",
    "autokeras",
]
Loss = Literal["auto", "squared_error", "absolute_error", "log_loss", "hinge"]
Backend = Literal["optuna", "hyperopt", "sklearn", "flaml"]
Sampler = Literal[
    "auto",
    "tpe",
    "atpe",
    "anneal",
    "cmaes",
    "random",
    "grid",
    "halving_random",
    "halving_grid",
    "cfo",
    "blendsearch",
]
Pruner = Literal["auto", "none", "median", "halving", "hyperband"]
Whole: TypeAlias = int  # the parts below have fields of the types' own names
Real: TypeAlias = float


def _number(value: Any) -> Any:
    # YAML 1.1 reads 1e-3 as text, which nobody means.
    wanted = isinstance(value, str) and re.fullmatch(r"[-+]?\d+e[-+]?\d+", value)
    return float(value) if wanted else value


Plain = Annotated[bool | Whole | Real | str | None, BeforeValidator(_number)]


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


When = Annotated[
    dict[str, Annotated[tuple[Plain, ...], BeforeValidator(_several)]],
    Field(max_length=1, description="another choice, and its values that make this one matter"),
]


class IntRange(Part):
    """A whole number within bounds, both included."""

    int: tuple[Whole, Whole]
    log: bool = Field(default=False, description="by order of magnitude")
    start: Whole | None = Field(None, description="tried first; the middle when absent")
    when: When = Field(default_factory=dict)

    @model_validator(mode="after")
    def bounded(self) -> Self:
        """Refuse bounds that hold nothing."""
        _check_bounds(self.int, log=self.log, start=self.start)
        return self


class FloatRange(Part):
    """A number within bounds."""

    float: tuple[Real, Real]
    log: bool = Field(default=False, description="by order of magnitude")
    start: Real | None = Field(None, description="tried first; the middle when absent")
    when: When = Field(default_factory=dict)

    @model_validator(mode="after")
    def bounded(self) -> Self:
        """Refuse bounds that hold nothing."""
        _check_bounds(self.float, log=self.log, start=self.start)
        return self


class Options(Part):
    """One of several plain values; the first is tried first."""

    choice: tuple[Plain, ...] = Field(min_length=1)
    when: When = Field(default_factory=dict)


def _kind(value: Any) -> str:
    if isinstance(value, Part):
        return type(value).__name__
    if not isinstance(value, dict):
        return "Plain"
    return "IntRange" if "int" in value else "FloatRange" if "float" in value else "Options"


Range = Annotated[
    Annotated[IntRange, Tag("IntRange")]
    | Annotated[FloatRange, Tag("FloatRange")]
    | Annotated[Options, Tag("Options")]
    | Annotated[Plain, Tag("Plain")],
    Discriminator(_kind),
]
"""What a hyperparameter may be; a plain value fixes it."""
RANGE_TAGS = ("IntRange", "FloatRange", "Options", "Plain")
RANGE_KEYS = ("int", "float", "choice", "log", "start", "when")


def _check_bounds(bounds: tuple[Real, Real], *, log: bool, start: Real | None) -> None:
    low, high = bounds
    if low > high or (log and low <= 0):
        why = "the lower bound must be above 0" if log and low <= 0 else "the bounds are reversed"
        raise BadConfig(f"[{low:g}, {high:g}]: {why}.", hint="write it as [lowest, highest]")
    if start is not None and not low <= start <= high:
        raise BadConfig(
            f"start = {start:g} is outside [{low:g}, {high:g}].", hint=f"start: {low:g}"
        )


class SearchConfig(Part):
    """Which models are tried, how they are proposed, and for how long."""

    backend: Backend = "optuna"
    sampler: Sampler = Field("auto", description="what proposes; auto: the backend's usual one")
    pruner: Pruner = Field("auto", description="what gives trials up; auto: median with optuna")
    families: tuple[Family, ...] = Field(
        ("linear", "forest", "boosting"), min_length=1, description="families searched together"
    )
    loss: Loss = Field("auto", description="training loss; families that lack it are refused")
    trials: int = Field(25, ge=1, le=100_000)
    seconds: float = Field(60.0, gt=0, description="no trial starts after this long")
    memory_mb: float | None = Field(
        None, gt=0, description="no trial starts while the process holds more"
    )
    folds: int | None = Field(
        None, ge=2, le=20, description="5 for few rows without time when absent, else 3"
    )
    stages: int = Field(
        1, ge=1, le=100, description="scores per fold while rounds or epochs grow, for the pruner"
    )
    levels: int = Field(3, ge=1, le=100, description="values of each number in a grid")
    spaces: dict[Family, dict[str, Range]] = Field(
        default_factory=dict,
        description="as {linear: {C: {float: [0.01, 10], log: true}, solver: lbfgs}}",
    )
    points: tuple[dict[str, Plain], ...] = Field(
        (), description="tried first, as [{family: linear, C: 0.5}]"
    )
    study: str = Field(
        "home",
        description="where trials are kept while a search runs: home, memory, or the URL of "
        "PostgreSQL or of a gRPC proxy (grpc://host:port), where workers can join",
    )
