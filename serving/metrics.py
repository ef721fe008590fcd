"""What the service tells Prometheus; labels are bounded: models served, routes, reasons."""

import time
from collections.abc import Mapping
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from factory.abstaining import REASONS
from serving.refused import Kind
from serving.shelf import Shelf

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)

Outcome = Literal["shadow", "canary", "unlogged", "failed"]
"""What became of asking the challenger: it was asked beside the champion, it answered, what it
said could not be logged, or it said nothing sound."""


class Metrics:
    """The metrics of one service.

    Args:
        names: models that are served.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.registry = CollectorRegistry()
        model = ["model"]

        def counter(name: str, what: str, labels: list[str]) -> Counter:
            return Counter(f"factory_{name}", what, labels, registry=self.registry)

        def gauge(name: str, what: str, labels: list[str] = model) -> Gauge:
            return Gauge(f"factory_{name}", what, labels, registry=self.registry)

        requests = counter("requests", "Requests that asked for predictions.", [*model, "route"])
        rows = counter("rows", "Rows that were predicted.", model)
        bad = counter("bad_rows", "Rows that broke the signature.", model)
        errors = counter("errors", "Requests that were refused, by reason.", [*model, "kind"])
        seconds = Histogram(
            "factory_request_seconds", "From a request's first byte to its answer.", model,
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        sizes = Histogram(
            "factory_request_rows", "Rows of a request.", model, buckets=ROWS,
            registry=self.registry,
        )  # fmt: skip
        self.routes = ("invocations", "infer", "explain", "labels")
        self.requests = {(n, r): requests.labels(n, r) for n in names for r in self.routes}
        known = [*names, ""]
        self.errors = {(n, k): errors.labels(n, k) for n in known for k in get_args(Kind)}
        self.rows = {name: rows.labels(name) for name in names}
        self.bad = {name: bad.labels(name) for name in names}
        left = counter("abstained_rows", "Rows left to a person, by reason.", [*model, "reason"])
        self.abstained = {(n, r): left.labels(n, r) for n in names for r in REASONS}
        self.seconds = {name: seconds.labels(name) for name in names}
        self.sizes = {name: sizes.labels(name) for name in names}
        challenged = counter(
            "challenger_requests", "Requests that the challenger was asked beside, by outcome.",
            [*model, "outcome"],
        )  # fmt: skip
        self.challenged = {
            (n, o): challenged.labels(n, o) for n in names for o in get_args(Outcome)
        }
        self.switches = counter("switches", "Times that another version took over.", model)
        self.version = gauge("model_version", "Version that serves.")
        self.age = gauge("model_age_seconds", "Since the version that serves was registered.")
        self.behind = gauge("model_behind", "1 where the ledger's champion cannot be served.")
        self.compiled = gauge("model_compiled", "1 where the version is served compiled.")
        self.trial = gauge("challenger_version", "Version that is tried; 0 where none is.")
        self.busy = Gauge("factory_in_flight", "Requests being answered.", registry=self.registry)
        self.waiting = Gauge(
            "factory_log_waiting_rows", "Predictions on their way to the log.",
            registry=self.registry,
        )  # fmt: skip
        self.score = gauge("performance", "The metric, by where it is from.", [*model, "source"])
        self.shift = gauge("shift_effect", "Size of a shift on [0, 1].", [*model, "shift"])
        self.alarm = gauge("check_alarm", "1 where the newest check alarmed.")
        self.checked = gauge("check_age_seconds", "Since the newest recorded check.")
        self.outliers = gauge("outlier_share", "Share of the newest rows out of place.")
        self.strange = gauge("ood_share", "Share of the newest rows strange to the model.")

    def tell(
        self, shelf: Shelf, waiting: int, checks: Mapping[str, "Mapping[str, float]"]
    ) -> bytes:
        """Return all of it as Prometheus reads it.

        Args:
            shelf: what serves now.
            waiting: predictions on their way to the log.
            checks: per model, figures of its newest check (see ``serving.checks``).
        """
        now = time.time()
        self.waiting.set(waiting)
        for name, line in shelf.lines.items():
            champion = line.champion
            self.version.labels(name).set(champion.version)
            self.age.labels(name).set(now - champion.created)
            self.behind.labels(name).set(bool(line.behind))
            self.compiled.labels(name).set(champion.proof.form == "compiled")
            self.trial.labels(name).set(line.challenger.version if line.challenger else 0)
            self._checked(name, checks.get(name, {}), now)
        return generate_latest(self.registry)

    def _checked(self, name: str, check: Mapping[str, float], now: float) -> None:
        for key, value in check.items():
            match key.partition(":"):
                case ("performance", _, source):
                    self.score.labels(name, source).set(value)
                case ("shift", _, shift):
                    self.shift.labels(name, shift).set(value)
                case ("at", _, _):
                    self.checked.labels(name).set(now - value)
                case ("alarm", _, _):
                    self.alarm.labels(name).set(value)
                case ("outliers", _, _):
                    self.outliers.labels(name).set(value)
                case ("ood", _, _):
                    self.strange.labels(name).set(value)
