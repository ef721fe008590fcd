"""What MLflow reads from the environment, in whatever process and before it is imported."""

from collections.abc import Mapping

MLFLOW: Mapping[str, str] = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Models load without its gate for pickles, see ``registry.bundles``, so it may stay shut.
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
"""What a user has set stands."""
