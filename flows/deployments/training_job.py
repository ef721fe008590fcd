"""What crosses the training queue: names and numbers, no rows and no models."""

from dataclasses import dataclass

from prefect.client.schemas.objects import FlowRun

from flows.deployments.once import ask_once


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A window that calls for a training.

    Attributes:
        model: registered name.
        window: where its rows are: a path, or URL#table.
        sha256: of the window's rows as they were when the job was asked for.
        decision: id of the decision that it is to end in.
    """

    model: str
    window: str
    sha256: str
    decision: str

    @property
    def key(self) -> str:
        """Identify the job: the same is asked for once, however often the event fires.

        >>> TrainingJob("m", "rows.csv", "ab12", "d1").key
        'm:ab12:d1'
        """
        return f"{self.model}:{self.sha256}:{self.decision}"


def ask_training(job: TrainingJob) -> FlowRun:
    """Put a job on the training queue once, and do not wait for it."""
    parameters = {"window": job.window, "sha256": job.sha256}
    return ask_once(f"retrain/{job.model}", parameters, job.key)
