"""Studies behind Optuna's gRPC proxy, which spares a database one connection a worker."""

import warnings
from urllib.parse import urlparse

from grpc import FutureTimeoutError
from optuna.exceptions import ExperimentalWarning
from optuna.storages import GrpcStorageProxy

from factory.errors import Unavailable

CONNECT_SECONDS, USUAL_PORT = 10.0, 13_000


def connect(place: str) -> GrpcStorageProxy:
    """Return the storage of a proxy at ``grpc://host:port``.

    Raises:
        Unavailable: it does not answer.
    """
    address = urlparse(place)
    host, port = address.hostname or "127.0.0.1", address.port or USUAL_PORT
    with warnings.catch_warnings():
        # Optuna calls its proxy experimental.
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=host, port=port)
    try:
        proxy.wait_server_ready(timeout=CONNECT_SECONDS)
    except FutureTimeoutError:
        raise Unavailable(
            f"search.study: no gRPC proxy answers at {host}:{port}.",
            hint="start optuna.storages.run_grpc_proxy_server there, or search.study: home",
        ) from None
    return proxy
