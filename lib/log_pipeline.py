"""What happens to an event between `log.info` and stderr: context, redaction, telemetry, rendering, writing.

Imported at the first event, because it imports structlog.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import structlog

from lib import log, streams, telemetry
from lib.errors import Misconfigured
from lib.redaction import redact
from lib.settings import settings

Event = MutableMapping[str, Any]
# A person at a terminal reads these on standard output; a machine reads them here.
ON_STDOUT = {"step", "run"}


def build() -> Any:
    """The logger of this process; also what `structlog.get_logger()` in libraries (stamina) returns."""
    structlog.configure(
        processors=[_complete, _exception, _clean, _export, _renderer(_style())],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_: Stderr(),
        cache_logger_on_first_use=False,
    )
    return structlog.get_logger()


class Stderr:
    """Writes lines to stderr and never lets a full disk or a closed stream end the job."""

    name = "nightshift"

    def msg(self, line: str) -> None:
        """Write one line; it is lost when stderr cannot take it."""
        streams.err(line)

    info = warning = warn = error = critical = exception = fatal = debug = msg


def _style() -> str:
    try:
        style: str = settings().nightshift_log
    except Misconfigured:
        # The very event may be that the settings are wrong.
        style = os.environ.get("NIGHTSHIFT_LOG", "auto")
    if style in ("json", "text"):
        return style
    return "text" if sys.stderr is not None and sys.stderr.isatty() else "json"


def _complete(_logger: Any, method: str, event: Event) -> Event:
    level = {"warn": "warning", "exception": "error"}.get(method, method)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    head = {"ts": now, "level": level, "event": event.pop("event")}
    return {**head, **log.context(), **telemetry.ids(), **event}


def _exception(_logger: Any, _method: str, event: Event) -> Event:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if isinstance(found, tuple) and found[1] is not None:
        event["exception"] = "".join(traceback.format_exception(*found)).rstrip()
    return event


def _clean(_logger: Any, _method: str, event: Event) -> Event:
    return {str(key): plain(value) for key, value in event.items()}


def plain(value: object) -> Any:
    """The value as JSON can hold it, with every string redacted. A Secret is shown as *** by itself."""
    if value is None or isinstance(value, bool) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, int):
        return value if redact(str(value)) == str(value) else redact(str(value))
    if isinstance(value, Mapping):
        return {redact(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return redact(_text(value))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:
        # A field that cannot be shown must not end a job that works.
        return f"<{type(value).__name__}: {type(error).__name__} in str()>"


def _export(logger: Any, method: str, event: Event) -> Event:
    telemetry.export_log(logger, method, event)
    return event


def _renderer(style: str) -> Any:
    if style == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    colors = sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    console = structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="ts", sort_keys=False)

    def render(logger: Any, method: str, event: Event) -> Any:
        if event["event"] in ON_STDOUT:
            raise structlog.DropEvent
        shown = {key: value if key == "exception" else _printable(value) for key, value in event.items()}
        return console(logger, method, shown)

    return render


def _printable(value: Any) -> Any:
    """Text of a row must not be able to move the cursor or to forge a line."""
    if not isinstance(value, str):
        return value
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in value)
