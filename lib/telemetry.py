"""Traces, metrics and logs by OTLP: everything here does nothing until `start` finds an endpoint.

Nothing of OpenTelemetry is imported unless OTEL_EXPORTER_OTLP_ENDPOINT is set and OTEL_SDK_DISABLED is not
`true`; the other OTEL_ variables keep the meaning that OpenTelemetry gives them. A dead collector costs a job
the deadline of `shutdown` at most, and never its exit code.

Attribute names: a plain keyword gets the prefix `nightshift.` (`table="fact_trade"` is `nightshift.table`), a
name with a dot stays as it is (`**{"db.namespace": "dw"}`); `job`, `run_id` and `outcome` are
`nightshift.job.name`, `nightshift.run.id`, `nightshift.job.outcome`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lib import log
from lib.errors import Misconfigured
from lib.redaction import described, redact
from lib.settings import settings

if TYPE_CHECKING:
    from opentelemetry.trace import Span as OtelSpan

    from lib.telemetry_export import Export

NAMESPACE = "nightshift."
SPECIAL = {"job": "job.name", "run_id": "run.id", "outcome": "job.outcome"}
UNITS = {"seconds": "s", "bytes": "By", "rows": "{row}"}

_export: Export | None = None


class Span:
    """What `span` yields: it takes attributes while the work goes on, and forgets them without telemetry."""

    def __init__(self, span: OtelSpan | None) -> None:
        self._span = span

    def set(self, **attributes: object) -> None:
        """Add attributes to the span; values that OTLP has no type for are sent as text."""
        if self._span is not None:
            self._span.set_attributes(named(attributes))

    def fail(self, error: BaseException) -> None:
        """Mark the span as failed, with class and message of the error (redacted)."""
        if self._span is not None:
            from opentelemetry.trace import Status, StatusCode

            kind, text = type(error).__name__, described(error)
            self._span.set_attribute("error.type", kind)
            self._span.set_status(Status(StatusCode.ERROR, text))
            self._span.add_event("exception", {"exception.type": kind, "exception.message": text})


def start(*, job: str, run_id: str, attributes: Mapping[str, str]) -> None:
    """Begin to export, if an endpoint is set.

    Of `attributes` those of `service.`, `deployment.` and `host.` describe the process (`service.version` is
    the git revision); the others go to every span. A setup that fails is told in the log and leaves telemetry
    off.
    """
    global _export
    if not _wanted() or _export is not None:
        return
    from lib.telemetry_export import Export

    try:
        _export = Export(common=named({"job": job, "run_id": run_id}), given=attributes)
    except Exception as error:
        # OpenTelemetry reads a dozen variables and raises what it likes; the night does not fail for its
        # telemetry.
        log.warning("telemetry_off", reason=described(error), hint="check the OTEL_ variables")


@contextmanager
def span(name: str, **attributes: object) -> Iterator[Span]:
    """A span around the block; an exception that passes through marks it as failed and goes on."""
    if _export is None:
        yield Span(None)
        return
    with _export.span(name, named(attributes)) as inner:
        current = Span(inner)
        try:
            yield current
        except BaseException as error:
            current.fail(error)
            raise


def traceparent() -> str:
    """The W3C `traceparent` of the current span, for a statement or a child process; '' without one."""
    found = ids()
    return f"00-{found['trace_id']}-{found['span_id']}-01" if found else ""


def trace_id() -> str:
    """The id of the current trace, 32 hexadecimal digits; '' without one."""
    return ids().get("trace_id", "")


def ids() -> dict[str, str]:
    """`trace_id` and `span_id` of the current span, for a line of the log; {} without one."""
    return _export.ids() if _export is not None else {}


def count(name: str, value: int | float, **attributes: object) -> None:
    """Add to a counter (`count("rows", 3, table="fact_trade")`), sent as delta: a run counts for itself."""
    if _export is not None:
        _export.counter(*_metric(name)).add(value, named(attributes))


def gauge(name: str, value: int | float, **attributes: object) -> None:
    """Set a gauge. The unit follows the end of the name: `_seconds`, `_bytes`, `_rows`."""
    if _export is not None:
        _export.gauge(*_metric(name)).set(value, named(attributes))


def export_log(logger: object, method: str, event: Mapping[str, Any]) -> None:
    """Send one line of the log, complete and redacted, as an OTLP record. Called by the log itself."""
    if _export is not None:
        known = ("ts", "trace_id", "span_id", "event", "level", "exception")
        fields = {name: value for name, value in event.items() if name not in known}
        line = {name: event[name] for name in ("event", "level", "exception") if name in event}
        _export.log(logger, method, {**line, "timestamp": event["ts"], **named(fields)})


def shutdown(deadline_seconds: float = 3.0) -> None:
    """Send what is left within the deadline. Never raises; what could not be sent is told once in the log."""
    global _export
    ending, _export = _export, None
    if ending is None:
        return
    fault = ending.shutdown(time.monotonic() + deadline_seconds)
    if fault:
        log.warning(
            "telemetry_export_failed",
            endpoint=settings().otel_exporter_otlp_endpoint,
            reason=fault,
            hint="is the collector up? the run itself is not affected",
        )


def named(attributes: Mapping[str, object]) -> dict[str, Any]:
    """Attributes under the names and with the types of OpenTelemetry; None is left out, text is redacted."""
    return {_name(key): _value(value) for key, value in attributes.items() if value is not None}


def _name(key: str) -> str:
    return key if "." in key else NAMESPACE + SPECIAL.get(key, key)


def _value(value: object) -> bool | int | float | str | list[str]:
    if isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        # OTLP integers have 64 bits; a larger one makes the encoder drop the whole batch.
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, (list, tuple)):
        return [redact(str(item)) for item in value]
    return redact(str(value))


def _metric(name: str) -> tuple[str, str]:
    full = name if name.startswith(NAMESPACE) else NAMESPACE + name
    return full, UNITS.get(full.replace(".", "_").rpartition("_")[2], "")


def _wanted() -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    try:
        return bool(settings().otel_exporter_otlp_endpoint)
    except Misconfigured:
        # The job meets the same fault in a moment and tells it; this is not the place to fail.
        return False
