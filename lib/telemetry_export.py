"""The OpenTelemetry SDK as Nightshift sets it up: three providers, delta counters, a bounded end.

Imported by lib.telemetry when there is an endpoint, never otherwise.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.structlog import StructlogProcessor
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.metrics import Counter
from opentelemetry.propagate import extract
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import Counter as SdkCounter
from opentelemetry.sdk.metrics import Histogram as SdkHistogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from lib.redaction import redact
from lib.settings import settings

PROCESS = ("service.", "deployment.", "host.")
# Seconds of one export, unless OTEL_EXPORTER_OTLP_TIMEOUT says otherwise. OpenTelemetry's own 10 would
# outlive a job.
TIMEOUT = 2.0
# Characters of the first fault that are told.
LONGEST = 400


class Export:
    """The providers of one process."""

    def __init__(self, *, common: Mapping[str, Any], given: Mapping[str, str]) -> None:
        process = {name: value for name, value in given.items() if name.startswith(PROCESS)}
        resource = _resource(process)
        self._common = {**common, **{key: value for key, value in given.items() if key not in process}}
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        spans = OTLPSpanExporter(**_target("traces"))
        self._traces.add_span_processor(BatchSpanProcessor(spans))
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(**_target("metrics"), preferred_temporality=_temporality())
        )
        self._metrics = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
        lines = OTLPLogExporter(**_target("logs"))
        self._logs.add_log_record_processor(BatchLogRecordProcessor(lines))
        self._structlog: Callable[..., object] = StructlogProcessor(self._logs)  # type: ignore[no-untyped-call]
        self._tracer = self._traces.get_tracer("nightshift")
        meter = self._metrics.get_meter("nightshift")
        self.counter: Callable[[str, str], Counter] = cache(meter.create_counter)
        self.gauge = cache(meter.create_gauge)
        # What the scheduler or a calling job has put into the environment is the parent of the first span.
        self._parent = extract({key: os.environ.get(key.upper(), "") for key in ("traceparent", "tracestate")})
        # Last: what the SDK says about wrong variables belongs into the log.
        self._faults = _Faults()

    def span(self, name: str, attributes: Mapping[str, Any]) -> AbstractContextManager[trace.Span]:
        """A span under the current one; errors are recorded by the caller, redacted."""
        inside = trace.get_current_span().get_span_context().is_valid
        return self._tracer.start_as_current_span(
            name,
            context=None if inside else self._parent,
            attributes={**self._common, **attributes},
            record_exception=False,
            set_status_on_exception=False,
        )

    def ids(self) -> dict[str, str]:
        """Trace and span id of the current span, as hexadecimal text."""
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return {}
        span_id = trace.format_span_id(current.span_id)
        return {"trace_id": trace.format_trace_id(current.trace_id), "span_id": span_id}

    def log(self, logger: object, method: str, event: dict[str, Any]) -> None:
        """One record; not for what an export itself says, which would feed the next export."""
        if is_instrumentation_enabled():
            self._structlog(logger, method, event)

    def shutdown(self, until: float) -> str:
        """Flush and stop the three providers beside each other; returns what went wrong, or ''.

        One after the other a dead collector costs 14 to 20 s, and `force_flush` reports success for lost
        data.
        """
        ends = [threading.Thread(target=self._end, args=(one,), daemon=True) for one in self._providers()]
        for end in ends:
            end.start()
        for end in ends:
            end.join(max(0.0, until - time.monotonic()))
        if any(end.is_alive() for end in ends):
            self._faults.add("no answer within the deadline")
        return self._faults.summary()

    def _providers(self) -> list[Any]:
        return [self._traces, self._metrics, self._logs]

    def _end(self, provider: Any) -> None:
        try:
            provider.shutdown()
        except Exception as error:
            self._faults.add(f"{type(error).__name__}: {error}")


class _Faults(logging.Handler):
    """Collects what OpenTelemetry says about failed exports, instead of its dozen lines a run."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._first = ""
        self._number = 0
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(self)
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self.add(record.getMessage())

    def add(self, text: str) -> None:
        """Remember a fault; the first one is told, the others are counted."""
        self._number += 1
        self._first = self._first or redact(text)[:LONGEST]

    def summary(self) -> str:
        """What was collected in one sentence, '' for nothing. Goes on to swallow what comes after the deadline."""
        more = f" (and {self._number - 1} more)" if self._number > 1 else ""
        return f"{self._first}{more}" if self._number else ""


def _target(signal: str) -> dict[str, Any]:
    """Where one signal goes. OTEL_EXPORTER_OTLP_<SIGNAL>_ENDPOINT and _TIMEOUT keep their meaning."""
    own = os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    endpoint = own or f"{settings().otel_exporter_otlp_endpoint.rstrip('/')}/v1/{signal}"
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
    given = any(os.environ.get(name) for name in names)
    return {"endpoint": endpoint} if given else {"endpoint": endpoint, "timeout": TIMEOUT}


def _temporality() -> dict[type, AggregationTemporality] | None:
    """Delta for counters: a process that lives for a minute has nothing to accumulate."""
    if os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"):
        return None
    return {SdkCounter: AggregationTemporality.DELTA, SdkHistogram: AggregationTemporality.DELTA}


def _resource(process: Mapping[str, str]) -> Resource:
    """Who sends. The instance is the host: the SDK's random id a process would be a new series a run."""
    host = socket.gethostname()
    environment = settings().environment
    ours = {
        "service.name": settings().otel_service_name,
        "service.namespace": "nightshift",
        "service.instance.id": host,
        "host.name": host,
        # Both names: SigNoz's span metrics know the old one only.
        "deployment.environment.name": environment,
        "deployment.environment": environment,
        **process,
    }
    # OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME win.
    return Resource.create().merge(Resource(ours)).merge(OTELResourceDetector().detect())
