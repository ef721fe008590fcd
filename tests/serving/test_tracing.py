"""Spans of requests, as a collector gets them over HTTP."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from served_world import ROW

from factory.errors import BadConfig
from serving.tracing import QUIET, Tracer

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector():
    """A collector of OpenTelemetry's protocol; what it was sent, and its address."""
    found = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            found.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *given):
            del given

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_collector_gets_the_spans_of_requests(ask, app, collector, monkeypatch):
    found, address = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    tracer = Tracer.of({"OTEL_EXPORTER_OTLP_ENDPOINT": address})
    app.routes.tracer = tracer

    async def act(client):
        named = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        await client.post("/invocations", json={"instances": [ROW, ROW]}, headers=named)
        await client.post("/v2/models/binary/infer", content=b"{")

    ask(app, act)
    tracer.close()
    spans = [
        span
        for path, told in found
        for resource in told.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if path == "/v1/traces"
    ]
    good, refused = sorted(spans, key=lambda span: span.start_time_unix_nano)
    assert (good.name, good.trace_id.hex(), good.parent_span_id.hex()) == (
        "invocations m", TRACE, PARENT,
    )  # fmt: skip
    told = {one.key: one.value.string_value or one.value.int_value for one in good.attributes}
    assert told == {"factory.model": "m", "factory.version": 1, "factory.rows": 2}
    assert good.end_time_unix_nano > good.start_time_unix_nano
    assert (refused.name, refused.parent_span_id) == ("infer binary", b"")
    assert refused.status.code == 2


def test_what_the_environment_asks_for():
    for quiet in ({}, {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"}):
        with Tracer.of(quiet).span({}, "m", "infer") as span:
            assert span is QUIET
    with pytest.raises(BadConfig, match="smoke"):
        Tracer.of({"OTEL_TRACES_EXPORTER": "smoke"})
