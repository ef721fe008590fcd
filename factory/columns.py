"""The part of a configuration that says where the rows are and what their columns mean."""

from typing import Literal

from pydantic import Field

from factory.nouns import Column, Task
from factory.policy import Part


class ImageConfig(Part):
    """A column that names files of pictures, beside the table or below it."""

    column: str
    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024, description="other files are brought to this size")
    channels: Literal[1, 3, 4] = Field(1, description="1 is grey, 3 is colour")

    @property
    def feature(self) -> Column:
        """The column as a feature."""
        return Column(self.column, "image", (self.height, self.width, self.channels))


class DataConfig(Part):
    """Where the rows are and what the columns mean."""

    path: str = Field(description=".csv, .parquet, a Delta table's folder, or URL#table")
    target: str = Field(description="column to predict")
    task: Task | None = Field(None, description="inferred from the target when absent")
    timestamp: str | None = Field(None, description="column that orders the rows in time")
    id: str | None = Field(None, description="column that names a row; must be unique")
    types: dict[str, Literal["number", "category", "date", "text"]] = Field(
        default_factory=dict, description="kinds of columns that inference would get wrong"
    )
    image: ImageConfig | None = Field(
        None, description="as {column: file, height: 28, width: 28, channels: 1}"
    )

    @property
    def images(self) -> tuple[Column, ...]:
        """The features that are images."""
        return () if self.image is None else (self.image.feature,)

    ignore: tuple[str, ...] = Field(
        (),
        description="columns that are no features; check.groups and check.segments may name them",
    )
