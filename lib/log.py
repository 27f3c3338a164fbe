"""The log of a job: one line an event on stderr, JSON when nobody watches, readable on a terminal.

Stdout belongs to results. How a line is made is imported at the first event, so that a job that says nothing starts
fast. Lines carry the host's clock, not lib.clock: they are laid beside the lines of StarRocks and of cron,
and a demo that sets the jobs' clock must not put them out of order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import Any

from lib.errors import Told
from lib.redaction import hide as hide

_run: dict[str, str] = {}
_bound: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default=MappingProxyType({}))


def configure(*, job: str, run_id: str) -> None:
    """Remember whose lines these are, and take over what libraries say at WARNING and above."""
    _run.update(job=job, run_id=run_id)
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))
    for name in ("apprise", "urllib3"):
        # Their DEBUG lines print webhook URLs.
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def info(event: str, **fields: object) -> None:
    """Something worth a line happened: `info("loaded", table="fact_trade", rows=3)`."""
    _logger().info(event, **fields)


def warning(event: str, **fields: object) -> None:
    """The job goes on, but somebody should look."""
    _logger().warning(event, **fields)


def error(event: str, **fields: object) -> None:
    """Something failed."""
    _logger().error(event, **fields)


def exception(event: str, error: BaseException, **fields: object) -> None:
    """Something failed with this exception: a `Told` gives message and hint, anything else its traceback.

    Tracebacks never show local variables: they hold passwords and rows.
    """
    if isinstance(error, Told):
        told = {"error": error.message, "hint": error.hint} if error.hint else {"error": error.message}
        _logger().error(event, **{**fields, **told})
    else:
        _logger().error(event, exc_info=error, **fields)


@contextmanager
def bind(**fields: object) -> Iterator[None]:
    """Within the block every line carries these fields, in this thread or task."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def context() -> dict[str, object]:
    """The fields that every line carries at the moment."""
    return {**_run, **_bound.get()}


@cache
def _logger() -> Any:
    from lib import log_pipeline

    return log_pipeline.build()


class _Libraries(logging.Handler):
    """What urllib3, apprise, confluent_kafka and warnings say goes through the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            # A library whose format does not fit its arguments.
            text = str(record.msg)
        level = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(_logger(), level)(text, logger=record.name, exc_info=record.exc_info or None)
