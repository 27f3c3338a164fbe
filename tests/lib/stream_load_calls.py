"""One Stream Load of three rows, as the tests of it make it."""

from __future__ import annotations

from typing import Any

from lib.stream_load.load import Body, Loaded, Request, StreamLoad

ROWS = b"1\x01a\x022\x01b\x023\x01c\x02"
BODY = Body(lambda: iter([ROWS]), len(ROWS))


def send(body: Body = BODY, **changes: Any) -> Any:
    """`send` with what the test changes."""
    given: dict[str, Any] = {"label": "l-1", "columns": "id, name", "body": body, "timeout": 5}
    return StreamLoad.connect().send(Request("dw", "fact_trade", **{**given, **changes}))


def load(body: Body = BODY, **changes: Any) -> Loaded:
    """`load` with what the test changes."""
    given: dict[str, Any] = {"label": "l-1", "columns": "id, name", "body": body, "rows": 3, "timeout": 5}
    loader = StreamLoad.connect(changes.pop("known_hosts", None))
    return loader.load(Request("dw", "fact_trade", **{**given, **changes}))
