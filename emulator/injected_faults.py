"""Faults that a test asks for: lost replies, failures, delays, strange redirects. Nothing happens unless enabled.

    POST /api/_faults   {"lose_reply_after_commit": 1, "fail_next": ["stream_load"], "publish_delay": 0.5,
    "redirect_to": "h:1"}

on the FE port sets them, on a server started with faults enabled; each counted fault is used up.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

NAMES = ("lose_reply_after_commit", "fail_next", "publish_delay", "redirect_to")


class InjectedFaults:
    """The faults of one server; safe to use from any thread."""

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled
        self._lock = threading.Lock()
        self._lost_replies = 0
        self._failures: list[str] = []
        self.publish_delay = 0.0
        self.redirect_to = ""

    def lose_reply_after_commit(self, count: int = 1) -> None:
        """Close the connection instead of answering the next `count` Stream Loads that committed."""
        with self._lock:
            self._lost_replies = count

    def fail_next(self, *kinds: str) -> None:
        """Let the next operation of each kind fail; there is one kind, `stream_load`. Raises ValueError for another."""
        if unknown := sorted(set(kinds) - {"stream_load"}):
            raise ValueError(f"nothing of the kind {unknown[0]} can be made to fail; there is stream_load")
        with self._lock:
            self._failures += kinds

    def loses_reply(self) -> bool:
        """True once for each reply that is to be lost."""
        with self._lock:
            lost = self._lost_replies > 0
            self._lost_replies -= lost
            return lost

    def fails(self, kind: str) -> bool:
        """True once for each failure asked for."""
        with self._lock:
            if kind not in self._failures:
                return False
            self._failures.remove(kind)
            return True

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Take over the faults of a request. Raises ValueError naming one that does not exist."""
        unknown = sorted(set(wanted) - set(NAMES))
        if unknown:
            raise ValueError(f"unknown fault {unknown[0]}; there are {', '.join(NAMES)}")
        if "lose_reply_after_commit" in wanted:
            self.lose_reply_after_commit(int(wanted["lose_reply_after_commit"]))
        self.fail_next(*wanted.get("fail_next", ()))
        self.publish_delay = float(wanted.get("publish_delay", self.publish_delay))
        self.redirect_to = str(wanted.get("redirect_to", self.redirect_to))


def of(server: object) -> InjectedFaults:
    """The faults of a server: its attribute `faults`, or none at all."""
    found = getattr(server, "faults", None)
    return found if isinstance(found, InjectedFaults) else InjectedFaults()
