"""The event that a check emits when it alarms."""

from dataclasses import asdict

from prefect.events import emit_event

from flows.case import Examined
from flows.deployments.training_job import TrainingJob

DRIFT = "drift.detected"


def resource_of(model: str) -> dict[str, str]:
    """Name a model as events do."""
    return {"prefect.resource.id": f"factory.model.{model}", "prefect.resource.name": model}


def tell_drift(job: TrainingJob, examined: Examined) -> None:
    """Emit ``drift.detected`` with the window and what was found, for automations to react to."""
    diagnosis = examined.diagnosis
    payload = {
        **asdict(job),
        "cause": diagnosis.cause,
        "culprits": list(diagnosis.culprits),
        "because": diagnosis.because,
    }
    emit_event(DRIFT, resource=resource_of(job.model), payload=payload)
