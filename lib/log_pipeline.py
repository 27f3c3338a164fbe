"""What happens to an event between `log.info` and stderr: context, redaction, telemetry, rendering, writing.

structlog renders lines for eyes, and is imported at the first of these: with all that it imports, it costs a third
of a run that finds nothing new. Lines for machines are plain JSON.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import Any

from lib import log, streams, telemetry
from lib.errors import Misconfigured
from lib.redaction import redact
from lib.settings import settings

Event = MutableMapping[str, Any]
Renderer = Callable[[str, Event], str]
# A person at a terminal reads these on standard output; a machine reads them here.
ON_STDOUT = {"step", "run"}


def build() -> Logger:
    """The logger of this process."""
    return Logger(_for_eyes if _style() == "text" else _for_machines)


class Logger:
    """Takes events from lib.log, and writes a line of each to stderr."""

    name = "nightshift"

    def __init__(self, render: Renderer) -> None:
        self._render = render

    def info(self, event: str, **fields: Any) -> None:
        """An event of level `info`."""
        self._say("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """An event of level `warning`."""
        self._say("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """An event of level `error`; `exc_info`, an exception or True for the one at hand, gives its traceback."""
        self._say("error", event, fields)

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        line = _clean(_exception(_complete(level, event, fields)))
        telemetry.export_log(self, level, line)
        if shown := self._render(level, line):
            streams.err(shown)


def _style() -> str:
    try:
        style: str = settings().nightshift_log
    except Misconfigured:
        # The very event may be that the settings are wrong.
        style = os.environ.get("NIGHTSHIFT_LOG", "auto")
    if style in ("json", "text"):
        return style
    return "text" if sys.stderr is not None and sys.stderr.isatty() else "json"


def _complete(level: str, event: str, fields: dict[str, Any]) -> Event:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"ts": now, "level": level, "event": event, **log.context(), **telemetry.ids(), **fields}


def _exception(event: Event) -> Event:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if isinstance(found, tuple) and found[1] is not None:
        event["exception"] = "".join(traceback.format_exception(*found)).rstrip()
    return event


def _clean(event: Event) -> Event:
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


def _for_machines(_level: str, event: Event) -> str:
    return json.dumps(event, ensure_ascii=False)


def _for_eyes(level: str, event: Event) -> str:
    if event["event"] in ON_STDOUT:
        return ""
    return str(_console()(None, level, {k: v if k == "exception" else _printable(v) for k, v in event.items()}))


@cache
def _console() -> Callable[[None, str, Event], object]:
    import structlog

    colors = sys.stderr is not None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="ts", sort_keys=False)


def _printable(value: Any) -> Any:
    """Text of a row must not be able to move the cursor or to forge a line."""
    if not isinstance(value, str):
        return value
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in value)
