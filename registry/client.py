"""The one door to MLflow: explicit addresses, no telemetry, no chatter."""

import os
import warnings
from typing import Any

from factory.errors import Unavailable
from registry.home import Home
from registry.settings import MLFLOW

for _name, _value in MLFLOW.items():
    os.environ.setdefault(_name, _value)

with warnings.catch_warnings():
    # MLflow warns of its own type hints when it is imported.
    warnings.simplefilter("ignore")
    import mlflow.artifacts
    import mlflow.pyfunc
    import mlflow.sklearn
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

__all__ = ["MlflowException", "absent", "connect", "exists", "mlflow", "passing"]


def connect(home: Home) -> Any:
    """Return a client of the home's tracking store and model registry, which are one.

    Raises:
        Unavailable: the store does not answer, or is none.
    """
    try:
        client = MlflowClient(tracking_uri=home.tracking_uri, registry_uri=home.tracking_uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise Unavailable(
            f"MLflow's store {home.tracking_uri} cannot be used: {reason}",
            hint="check MLFLOW_TRACKING_URI, and that the server runs",
        ) from None
    return client


def passing(error: MlflowException) -> bool:
    """Say whether a fault may pass by itself: a server or database that does not answer."""
    return error.error_code in {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE"}


def absent(error: MlflowException) -> bool:
    """Whether MLflow says that what was asked for is not there."""
    return str(error.error_code) == "RESOURCE_DOES_NOT_EXIST"


def exists(error: MlflowException) -> bool:
    """Whether MLflow says that what was to be made is there already."""
    return str(error.error_code) == "RESOURCE_ALREADY_EXISTS"
