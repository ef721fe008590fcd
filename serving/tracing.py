"""OpenTelemetry spans of requests, where the environment asks for them; else nothing at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Self

from factory.errors import BadConfig, Unavailable
from serving.http import Scope, header

EXPORTERS = {
    "console": "opentelemetry.sdk.trace.export:ConsoleSpanExporter",
    "otlp": "opentelemetry.exporter.otlp.proto.http.trace_exporter:OTLPSpanExporter",
}


class Span:
    """One request; says nothing unless there is somebody to tell."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def tell(self, version: int, rows: int) -> None:
        """Add what was learnt while the request was answered."""
        if self._span is not None:
            self._span.set_attribute("factory.version", version)
            self._span.set_attribute("factory.rows", rows)


QUIET = Span()


class Tracer:
    """Makes spans.

    Args:
        provider: of OpenTelemetry; None makes none.
    """

    def __init__(self, provider: Any = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("factory.serving") if provider else None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Return what the variables of OpenTelemetry ask for.

        Args:
            environ: ``OTEL_TRACES_EXPORTER`` is ``console``, ``otlp`` or ``none``; where only
                ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set it is ``otlp``.

        Raises:
            BadConfig: another exporter is asked for.
            Unavailable: its package is not installed.
        """
        usual = "otlp" if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else "none"
        asked = environ.get("OTEL_TRACES_EXPORTER") or usual
        if asked == "none":
            return cls()
        if asked not in EXPORTERS:
            known = ", ".join(EXPORTERS)
            raise BadConfig(f"OTEL_TRACES_EXPORTER={asked} is unknown.", hint=f"one of: {known}")
        module, exporter = EXPORTERS[asked].split(":")
        try:
            export = import_module("opentelemetry.sdk.trace.export")
            sdk = import_module("opentelemetry.sdk.trace")
            sink = getattr(import_module(module), exporter)()
        except ImportError as error:
            raise Unavailable(
                f"Traces cannot be exported: {error}.",
                hint="pip install 'drift-factory[traces]'",
            ) from None
        provider = sdk.TracerProvider()
        provider.add_span_processor(export.BatchSpanProcessor(sink))
        return cls(provider)

    @contextmanager
    def span(self, scope: Scope, model: str, route: str) -> Iterator[Span]:
        """Open the span of a request, under the one that the client named."""
        if self._tracer is None:
            yield QUIET
            return
        carrier = {"traceparent": header(scope, b"traceparent")}
        parent = import_module("opentelemetry.propagate").extract(carrier)
        with self._tracer.start_as_current_span(f"{route} {model}", context=parent) as span:
            span.set_attribute("factory.model", model)
            yield Span(span)

    def close(self) -> None:
        """Export what is left."""
        if self._provider is not None:
            self._provider.shutdown()
