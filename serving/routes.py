"""The routes of a service: what each path answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version

from factory.nouns import Column
from registry.predictions import Log
from serving.answer import Answer, answer
from serving.explain import Explainer
from serving.http import Receive, Reply, Scope, header, json_reply, read, refusal
from serving.labels import take_labels
from serving.metrics import CONTENT_TYPE, Metrics
from serving.openapi import document
from serving.page import page
from serving.refused import Refused
from serving.shelf import Line, Shelf
from serving.tracing import Tracer

INLINE_BYTES = 32 * 1024
"""Larger bodies are answered on a thread, so that small ones need not wait for them."""
THREADS = 2
PAUSE = 0.01
"""Seconds between two looks for room in the log."""
Handler = Callable[[Scope, Receive], Awaitable[Reply]]


class Routes:
    """What a service answers, by path and method.

    Args:
        shelf: opened.
        log: where predictions go.
        explainer: answers ``/explain``.
        tracer: makes spans where that is configured.
        metrics: counts what is asked.
        body_bytes: largest body that is taken.
        wait_seconds: how long an answer waits for room in the log.
    """

    def __init__(
        self,
        shelf: Shelf,
        log: Log,
        explainer: Explainer,
        tracer: Tracer,
        metrics: Metrics,
        body_bytes: int,
        wait_seconds: float,
    ) -> None:
        self.shelf = shelf
        self.log = log
        self.explainer = explainer
        self.tracer = tracer
        self.metrics = metrics
        self.body_bytes = body_bytes
        self.wait_seconds = wait_seconds
        self.checks: dict[str, dict[str, float]] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="predict")
        self._labelling = ThreadPoolExecutor(1, thread_name_prefix="label")
        self._table = self._by_path()

    def find(self, scope: Scope) -> Handler:
        """Return what answers a request.

        Raises:
            Refused: nothing does.
        """
        path = scope["path"]
        methods = self._table.get(path)
        if methods is None:
            hint = "see /openapi.json; models: " + ", ".join(self.shelf.names)
            if path.startswith(("/v2/models/", "/models/")):
                raise Refused("unknown_model", f"Nothing is served at {path[:200]!r}.", hint=hint)
            raise Refused("unknown_route", f"There is no {path[:200]!r} here.", hint=hint)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        handler = methods.get(method)
        if handler is None:
            allowed = ", ".join(methods)
            raise Refused("wrong_method", f"{method[:20]} is not for {path}.", hint=allowed)
        return handler

    def close(self) -> None:
        """Finish what was begun, on threads and in the process that explains; then the log."""
        self._pool.shutdown()
        self._labelling.shutdown()
        self.explainer.close()
        self.log.close()

    def _by_path(self) -> dict[str, Mapping[str, Handler]]:
        first = self.shelf.names[0]
        fixed: dict[str, Handler] = {
            "/": self._about, "/ping": self._alive, "/health": self._alive,
            "/version": self._mlflow_version, "/v2": self._about, "/v2/health/live": self._alive,
            "/v2/health/ready": partial(self._ready, self.shelf.names), "/metrics": self._tell,
            "/openapi.json": self._document, "/docs": self._page,
        }  # fmt: skip
        table: dict[str, Mapping[str, Handler]] = {p: {"GET": h} for p, h in fixed.items()}
        table["/invocations"] = {"POST": partial(self._predict, first, "invocations")}
        table["/explain"] = {"POST": partial(self._explain, first)}
        table["/labels"] = {"POST": partial(self._label, first)}
        for name in self.shelf.names:
            table[f"/models/{name}/invocations"] = {
                "POST": partial(self._predict, name, "invocations")
            }
            table[f"/models/{name}/explain"] = {"POST": partial(self._explain, name)}
            table[f"/models/{name}/labels"] = {"POST": partial(self._label, name)}
            table[f"/v2/models/{name}"] = {"GET": partial(self._metadata, name)}
            table[f"/v2/models/{name}/ready"] = {"GET": partial(self._ready, (name,))}
            table[f"/v2/models/{name}/infer"] = {"POST": partial(self._predict, name, "infer")}
        return table

    async def _predict(self, name: str, route: str, scope: Scope, receive: Receive) -> Reply:
        started = time.perf_counter()
        self.metrics.requests[name, route].inc()
        try:
            line = self.shelf.line(name)
            with self.tracer.span(scope, name, route) as span:
                body = await read(receive, self.body_bytes)
                made = await self._answer(line, body, scope, v2=route == "infer")
                span.tell(made.version, made.rows)
            kept = await self._append(made)
        except Refused as refused:
            self.metrics.errors[name, refused.kind].inc()
            self.metrics.bad[name].inc(len({fault.row for fault in refused.faults}))
            return refusal(refused)
        self._count(name, line, made, kept=kept)
        self.metrics.seconds[name].observe(time.perf_counter() - started)
        return Reply(200, made.body, made.content_type.encode())

    async def _answer(self, line: Line, body: bytes, scope: Scope, *, v2: bool) -> Answer:
        kind = header(scope, b"content-type").partition(";")[0].strip().lower()
        work = partial(answer, line, body, kind, header(scope, b"accept"), v2=v2)
        if len(body) <= INLINE_BYTES and line.champion.inline_rows:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _append(self, made: Answer) -> bool:
        """Log the answer that is given; return whether what was asked beside it is logged, too."""
        given, *beside = made.batches
        until = time.perf_counter() + self.wait_seconds
        while not self.log.append(given):
            if time.perf_counter() > until:
                raise Refused(
                    "queue_full",
                    "Predictions come faster than they can be logged.",
                    hint="send the request again a little later",
                )
            await asyncio.sleep(PAUSE)
        return all(self.log.append(batch) for batch in beside)

    def _count(self, name: str, line: Line, made: Answer, *, kept: bool) -> None:
        self.metrics.rows[name].inc(made.rows)
        self.metrics.sizes[name].observe(made.rows)
        for reason, rows in made.abstained.items():
            self.metrics.abstained[name, reason].inc(rows)
        if made.bad:
            self.metrics.bad[name].inc(made.bad)
        if made.failed and line.challenger is not None:
            self.metrics.challenged[name, "failed"].inc()
            self.shelf.stop_challenger(name, line.challenger.version, made.failed)
        elif len(made.batches) > 1:
            tried = "canary" if made.batches[0].role == "canary" else "shadow"
            self.metrics.challenged[name, tried if kept else "unlogged"].inc()

    async def _explain(self, name: str, scope: Scope, receive: Receive) -> Reply:
        self.metrics.requests[name, "explain"].inc()
        try:
            served = self.shelf.line(name).champion
            body = await read(receive, self.body_bytes)
            kind = header(scope, b"content-type").partition(";")[0].strip().lower()
            told = await self.explainer.explain(served, body, kind)
        except Refused as refused:
            self.metrics.errors[name, refused.kind].inc()
            return refusal(refused)
        return json_reply(told)

    async def _label(self, name: str, scope: Scope, receive: Receive) -> Reply:
        self.metrics.requests[name, "labels"].inc()
        schema = self.shelf.line(name).champion.bundle.schema
        try:
            body = await read(receive, self.body_bytes)
            kind = header(scope, b"content-type").partition(";")[0].strip().lower()
            work = partial(
                take_labels, self.explainer.home, name, schema, body, kind, time.time_ns()
            )
            told = await asyncio.get_running_loop().run_in_executor(self._labelling, work)
        except Refused as refused:
            self.metrics.errors[name, refused.kind].inc()
            return refusal(refused)
        return json_reply(told)

    async def _metadata(self, name: str, scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        line = self.shelf.line(name)
        schema, proof = line.champion.bundle.schema, line.champion.proof
        outputs = [("predict", "BYTES" if schema.classes else "FP64", [-1])]
        if schema.classes:
            outputs.append(("predict_proba", "FP64", [-1, len(schema.classes)]))
        outputs.append(("prediction_id", "BYTES", [-1]))
        return json_reply(
            {
                "name": name,
                "versions": [str(number) for number in sorted(line.warm)],
                "platform": "drift-factory",
                "inputs": [
                    {"name": c.name, "datatype": _datatype(c), "shape": [-1]}
                    for c in schema.features
                ],
                "outputs": [{"name": n, "datatype": d, "shape": s} for n, d, s in outputs],
                "parameters": {
                    "version": str(line.champion.version),
                    "form": proof.form,
                    "because": proof.because,
                    "largest_difference": proof.largest_difference,
                    "challenger": str(line.challenger.version) if line.challenger else "",
                },
            }
        )

    async def _about(self, scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        return json_reply(
            {
                "name": "drift-factory",
                "version": version("drift-factory"),
                "extensions": [],
                "models": list(self.shelf.names),
            }
        )

    async def _alive(self, scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        return json_reply({"live": True})

    async def _ready(self, names: tuple[str, ...], scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        for name in names:
            self.shelf.line(name)
        return json_reply({"live": True, "ready": True})

    async def _mlflow_version(self, scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        return Reply(200, version("mlflow").encode(), b"text/plain; charset=utf-8")

    async def _tell(self, scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        told = self.metrics.tell(self.shelf, self.log.waiting(), self.checks)
        return Reply(200, told, CONTENT_TYPE.encode())

    async def _document(self, scope: Scope, receive: Receive) -> Reply:
        del scope, receive
        return json_reply(document(self.shelf))

    async def _page(self, scope: Scope, receive: Receive) -> Reply:
        del receive
        made = page(self.shelf, document(self.shelf), header(scope, b"host"))
        return Reply(200, made, b"text/html; charset=utf-8")


def _datatype(column: Column) -> str:
    return "FP64" if column.kind == "number" else "BYTES"
