"""What crosses the training queue: names and numbers, no rows and no models."""

from dataclasses import dataclass
from typing import cast

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.states import AwaitingRetry


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
    """Put a job on the training queue, and do not wait for it.

    Where it was asked for before, that run is returned; if that failed, it is started again, as
    often as the config bounds the attempts of a run.
    """
    run = run_deployment(
        f"retrain/{job.model}",
        parameters={"window": job.window, "sha256": job.sha256},
        idempotency_key=job.key,
        timeout=0,
        as_subflow=False,
    )
    run = cast("FlowRun", run)
    state = run.state
    if state is not None and (state.is_failed() or state.is_crashed()):
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
    return run
