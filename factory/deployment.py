"""When a model is trained, checked and asked without a person, and who hears of it."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from factory.errors import BadConfig
from factory.policy import Part

CRON_FIELDS = 5


class WhenConfig(Part):
    """Times of a schedule; neither key is no schedule, and runs come by hand or by events."""

    cron: str | None = Field(None, description="five fields, as 0 6 * * 1-5")
    every: float | None = Field(None, ge=1, description="seconds from run to run")
    timezone: str = Field("UTC", description="of cron, as Europe/Berlin")

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        """Refuse two schedules at once, and what is no cron line."""
        if self.cron is not None and self.every is not None:
            raise BadConfig("cron and every exclude each other.", hint="drop one of them")
        if self.cron is not None and len(self.cron.split()) != CRON_FIELDS:
            raise BadConfig(f"{self.cron!r} has not five fields.", hint="cron: 0 6 * * *")
        return self

    @property
    def scheduled(self) -> bool:
        """Whether it comes by itself."""
        return self.cron is not None or self.every is not None


class MonitorConfig(WhenConfig):
    """When the newest window is checked, and where windows are found."""

    windows: str | None = Field(
        None,
        description="a file, a pattern as rows/*.parquet whose newest file counts, a Delta "
        "table's folder, URL#table, or log: the inference log, cut as log says",
    )
    silence: float | None = Field(
        None, ge=10, description="seconds without a check until an alert; three times every"
    )

    @property
    def alert_after(self) -> float | None:
        """Seconds without a check until somebody is told, None for never."""
        if self.silence is not None:
            return self.silence
        return None if self.every is None else max(10.0, 3 * self.every)


class ScoreConfig(WhenConfig):
    """When a table is scored, and where to."""

    source: str | None = Field(None, description="rows to score")
    output: str | None = Field(
        None, description=".csv or .parquet to write; a relative path stays below the config"
    )

    @field_validator("output")
    @classmethod
    def stays(cls, output: str | None) -> str | None:
        """Refuse a relative path that climbs out of the config's folder."""
        if output is not None and ".." in Path(output).parts:
            raise BadConfig(f"{output!r} leaves the config's folder.", hint="give a path below it")
        return output


class TrainingConfig(WhenConfig):
    """When the model is trained anew from its data, and what a training needs."""

    memory_mb: int = Field(
        0, ge=0, description="free memory that a training waits for, of the device or the machine"
    )


class DeployConfig(Part):
    """What runs by itself: schedules, bounds, and who is told."""

    monitor: MonitorConfig = MonitorConfig()
    train: TrainingConfig = TrainingConfig()
    predict: ScoreConfig = ScoreConfig()
    notify: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")], ...] = Field(
        (), description="notification blocks of Prefect, as [slack-webhook/ops]"
    )
    runner: str = Field(
        "thread",
        pattern=r"^(thread|dask|ray|(tcp|tls|ray)://\S+)$",
        description="where parts of a window larger than memory are read: thread, dask, ray, or a "
        "cluster that runs, as tcp://scheduler:8786 (Dask) or ray://head:10001",
    )
    workers: int = Field(1, ge=1, le=10_000, description="parts at a time")
    attempts: int = Field(3, ge=1, le=20, description="starts of a run whose worker dies")
    approval_hours: float = Field(72.0, gt=0, description="until an unanswered approval fails")

    def beside(self, folder: Path) -> "DeployConfig":
        """Take relative paths from a folder, as the config's other paths are."""
        windows = self.monitor.windows
        if windows is not None and windows != "log":
            windows = _beside(windows, folder)
        score = {
            key: None if path is None else _beside(path, folder)
            for key, path in (("source", self.predict.source), ("output", self.predict.output))
        }
        return self.model_copy(
            update={
                "monitor": self.monitor.model_copy(update={"windows": windows}),
                "predict": self.predict.model_copy(update=score),
            }
        )


def _beside(path: str, folder: Path) -> str:
    return path if "://" in path or Path(path).is_absolute() else str(folder / path)
