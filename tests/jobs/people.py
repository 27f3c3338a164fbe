"""People who are told of runs: a server on loopback that keeps what it was sent."""

from __future__ import annotations

import json

from tests.lib.scripted_starrocks import Listener


def everybody(hook: Listener, key: str = "") -> dict[str, str]:
    """The settings by which people are told, each severity at a path of its own."""
    names = ("CRITICAL", "WARNING", "INFO")
    return {f"NOTIFY_{name}": f"json://127.0.0.1:{hook.port}/{name}{key}" for name in names}


def messages(hook: Listener) -> list[tuple[str, str, str]]:
    """What was received: path, title and text."""
    found = [(request.path, json.loads(request.body)) for request in hook.requests]
    return [(path, message["title"], message["message"]) for path, message in found]
