"""How a model's inference log is kept, and how windows are cut from it."""

from typing import Self

from pydantic import Field, model_validator

from factory.errors import BadConfig
from factory.policy import Part, Share


class LogConfig(Part):
    """What is kept of predictions, and what makes a window of them."""

    rows: int | None = Field(None, ge=1, description="predictions that make a window")
    hours: float | None = Field(None, gt=0, description="or the hours that make one")
    step: float | None = Field(
        None,
        gt=0,
        description="rows or hours from window to window; as long as a window when absent, "
        "shorter for windows that slide",
    )
    wait: float = Field(
        60.0, ge=0, description="seconds after which no prediction of a window is missing"
    )
    keep_days: int | None = Field(None, ge=1, description="days that are kept; all when absent")
    outliers: Share = Field(0.01, description="share of sound rows that may be called outliers")

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        """Refuse two lengths at once, and steps that would leave rows out."""
        if self.rows is not None and self.hours is not None:
            raise BadConfig("rows and hours exclude each other.", hint="drop one of them")
        if self.step is not None and self.step > self.length:
            raise BadConfig(
                f"A step of {self.step:g} leaves rows out of windows of {self.length:g}.",
                hint="make step no longer than a window",
            )
        if self.hours is None and self.step is not None and not self.step.is_integer():
            raise BadConfig(f"{self.step:g} is no number of rows.", hint="make step whole")
        return self

    @property
    def length(self) -> float:
        """Rows of a window, or hours where those are given.

        >>> LogConfig().length, LogConfig(hours=24, step=6).length
        (1000.0, 24.0)
        """
        return float(self.hours or self.rows or ROWS)


ROWS = 1_000
"""Predictions that make a window unless the config says otherwise."""
