"""What a prediction is worth: the config's table, read against a model's classes."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from factory.errors import BadConfig
from factory.nouns import Floats, Schema

BINARY_HINT = "value: {unit: EUR, binary: {tp: 10, fp: -2, fn: -20, tn: 0}}"
CLASSES_HINT = "value: {unit: EUR, classes: {TRUE_CLASS: {PREDICTED_CLASS: 10}}}"
ERROR_HINT = "value: {unit: EUR, per_unit_error: -3.5}"


def text(name: Any) -> Any:
    """Return the name of a class as text; YAML reads 1 and true as no text.

    >>> text(1), text(None)
    ('1', None)
    """
    return str(name) if isinstance(name, bool | int | float) else name


def _texts(table: Any) -> Any:
    if not isinstance(table, Mapping):
        return table
    return {text(key): _texts(value) for key, value in table.items()}


class Cells(BaseModel):
    """A value per cell of a binary confusion matrix; the last class is the positive one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tp: float = 0.0
    fp: float = 0.0
    fn: float = 0.0
    tn: float = 0.0


class ValueConfig(BaseModel):
    """What predictions are worth, in one of three forms."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    unit: str = Field("", description="of the values, such as EUR")
    binary: Cells | None = Field(None, description="per cell: tp, fp, fn, tn")
    classes: Annotated[dict[str, dict[str, float]] | None, BeforeValidator(_texts)] = Field(
        None, description="per true class and predicted class; what is left out is worth 0"
    )
    per_unit_error: float | None = Field(None, description="per unit of a regression's error")
    over: float | None = Field(None, description="per unit predicted too high")
    under: float | None = Field(None, description="per unit predicted too low")

    @model_validator(mode="after")
    def one_form(self) -> Self:
        """Refuse none and more than one form."""
        sides = self.over is not None or self.under is not None
        given = {
            "binary": self.binary is not None,
            "classes": self.classes is not None,
            "per_unit_error": self.per_unit_error is not None,
            "over and under": sides,
        }
        named = [form for form, there in given.items() if there]
        if len(named) != 1:
            said = " and ".join(named) if named else "no form"
            problem = f"a value is given in one form, here in {said}."
            raise BadConfig(problem, hint="keep one of: " + ", ".join(given))
        return self


def value_table(config: ValueConfig, schema: Schema) -> Floats:
    """Return the value of each true class (rows) predicted as each class, shape (k, k).

    Raises:
        BadConfig: the form does not fit the task, or names a class that the target lacks.

    >>> schema = Schema((), "y", "binary", classes=("no", "yes"))
    >>> value_table(ValueConfig(binary=Cells(tp=10, fn=-20)), schema).tolist()
    [[0.0, 0.0], [-20.0, 10.0]]
    """
    if not schema.classes:
        raise _unfit(config, schema, ERROR_HINT)
    if config.binary is not None:
        if schema.task != "binary":
            raise _unfit(config, schema, CLASSES_HINT)
        cells = config.binary
        return np.array([[cells.tn, cells.fp], [cells.fn, cells.tp]])
    if config.classes is None:
        raise _unfit(config, schema, BINARY_HINT if schema.task == "binary" else CLASSES_HINT)
    table = np.zeros((len(schema.classes), len(schema.classes)))
    for true, row in config.classes.items():
        for predicted, value in row.items():
            table[_position(true, schema), _position(predicted, schema)] = value
    return table


def value_slopes(config: ValueConfig, schema: Schema) -> tuple[float, float]:
    """Return the value per unit predicted too high, and per unit too low.

    Raises:
        BadConfig: the task is no regression.

    >>> value_slopes(ValueConfig(over=-1, under=-4), Schema((), "y", "regression"))
    (-1.0, -4.0)
    """
    if schema.classes:
        raise _unfit(config, schema, BINARY_HINT if schema.task == "binary" else CLASSES_HINT)
    if config.per_unit_error is not None:
        return config.per_unit_error, config.per_unit_error
    if config.over is None and config.under is None:
        raise _unfit(config, schema, ERROR_HINT)
    return config.over or 0.0, config.under or 0.0


def _position(name: str, schema: Schema) -> int:
    if name not in schema.classes:
        raise BadConfig(
            f"check.value: {name!r} is no class of {schema.target!r}.",
            hint=f"use {', '.join(map(repr, schema.classes))}, in quotes",
        )
    return schema.classes.index(name)


def _unfit(config: ValueConfig, schema: Schema, hint: str) -> BadConfig:
    given = [name for name in type(config).model_fields if getattr(config, name) is not None]
    form = " and ".join(name for name in given if name != "unit")
    return BadConfig(f"check.value: {form} does not fit a {schema.task} task.", hint=hint)
