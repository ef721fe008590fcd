"""Who may use the servers: one name and password, from the environment only.

``FACTORY_AUTH=name:password`` switches authentication on for Prefect, MLflow and the predictor,
and lets every command in. It is handed on in environments, never in arguments, files or logs.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path

from factory.errors import BadConfig
from flows.stack.state import stack_folder

AUTH = "FACTORY_AUTH"
SHORTEST = 12
"""Characters that MLflow asks of a password."""


def credentials(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return name and password; None where access is open.

    Raises:
        BadConfig: the variable is malformed.

    >>> credentials({"FACTORY_AUTH": "ann:correct horse"})
    ('ann', 'correct horse')
    """
    told = environ.get(AUTH)
    if not told:
        return None
    name, _, password = told.partition(":")
    if not name or len(password) < SHORTEST:
        raise BadConfig(
            f"{AUTH} must be name:password, with {SHORTEST} characters or more in the password.",
            hint=f"export {AUTH}=name:password",
        )
    return name, password


def client_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what lets the clients of Prefect and MLflow in."""
    known = credentials(environ)
    if known is None:
        return {}
    name, password = known
    return {
        "PREFECT_API_AUTH_STRING": f"{name}:{password}",
        "MLFLOW_TRACKING_USERNAME": name,
        "MLFLOW_TRACKING_PASSWORD": password,
    }


def prefect_access(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what makes a Prefect server ask who calls."""
    known = credentials(environ)
    return {} if known is None else {"PREFECT_SERVER_API_AUTH_STRING": ":".join(known)}


def mlflow_access(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return what makes an MLflow server ask who calls; its users are made anew at each start.

    So the password is what the environment says now, not what it said at the first start.
    """
    known = credentials(environ)
    if known is None:
        return {}
    folder = stack_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    users, told = folder / "mlflow-users.db", folder / "mlflow-auth.ini"
    users.unlink(missing_ok=True)
    told.write_text(f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{users}\n")
    name, password = known
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(told),
        "MLFLOW_AUTH_ADMIN_USERNAME": name,
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }
