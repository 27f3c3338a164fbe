"""Faults that a test asks for: StarRocks' bad days, on demand. Nothing happens unless the server was started for it.

    GET    /api/_faults                                          what is set
    POST   /api/_faults   {"lose_reply_after_commit": 1, ...}    sets (names and meanings: docs/emulator.md)
    DELETE /api/_faults                                          clears all

on the FE port, from this machine only, on a server started with `--faults`. Numbers count down as they are used.
Texts of the errors: be/src/storage/delta_writer.cpp, be/src/runtime/mem_tracker.cpp,
fe/fe-core/src/main/java/com/starrocks/common/FeConstants.java in StarRocks' repository.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import duckdb

from emulator.errors import StarRocksError, failed

TOO_MANY_VERSIONS = (
    "Failed to load data into tablet 10003, because of too many versions, current/limit: 1001/1000. You can reduce the"
    " loading job concurrency, or increase loading data batch size. If you are loading data with Routine Load, you can"
    " increase FE configs routine_load_task_consume_second and max_routine_load_batch_size,"
)
MEMORY_EXCEEDED = (
    "Memory of process exceed limit. Query: injected fault. Backend: 127.0.0.1, Used: 1073741825, Limit: 1073741824."
    " Mem usage has exceed the limit of BE"
)
NO_BACKEND = "Backend node not found. Check if any backend node is down."
READING, WRITING = ("SELECT", "WITH"), ("INSERT", "UPDATE", "DELETE")


@dataclass
class Faults:
    """What is asked for: counts of operations still to be hit, seconds, or switches."""

    lose_reply_after_commit: int = 0
    lose_sql_reply_after_commit: int = 0
    too_many_versions: int = 0
    memory_exceeded: int = 0
    disk_full: int = 0
    publish_delay: float = 0.0
    slow: float = 0.0
    redirect_to: str = ""
    backend_gone: bool = False
    fail_next: list[str] = field(default_factory=list)


Action = Callable[[Any], None]


class InjectedFaults:
    """The faults of one server; safe to use from any thread.

    `actions` are things done at once, by name: the server adds `failover`, `forget_labels` and others.
    """

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled
        self.actions: dict[str, Action] = {}
        self._lock = threading.Lock()
        self._set = Faults()

    @property
    def publish_delay(self) -> float:
        """Seconds between COMMITTED and VISIBLE."""
        return self._set.publish_delay

    @publish_delay.setter
    def publish_delay(self, seconds: float) -> None:
        self._set.publish_delay = seconds

    @property
    def redirect_to(self) -> str:
        """host:port that the FE names instead of the BE; '' = the BE."""
        return self._set.redirect_to

    @redirect_to.setter
    def redirect_to(self, target: str) -> None:
        self._set.redirect_to = target

    @property
    def backend_gone(self) -> bool:
        """True while the only BE is down."""
        return self._set.backend_gone

    def lose_reply_after_commit(self, count: int = 1) -> None:
        """Close the connection instead of answering the next `count` Stream Loads that committed."""
        self.set({"lose_reply_after_commit": count})

    def fail_next(self, *kinds: str) -> None:
        """Let the next operation of each kind fail; there is one kind, `stream_load`. Raises ValueError for another."""
        self.set({"fail_next": list(kinds)})

    def loses_reply(self, sql: bool = False) -> bool:
        """True once for each reply after a commit that is to be lost."""
        return self._used("lose_sql_reply_after_commit" if sql else "lose_reply_after_commit")

    def fails(self, kind: str) -> bool:
        """True once for each failure asked for."""
        with self._lock:
            if kind not in self._set.fail_next:
                return False
            self._set.fail_next.remove(kind)
            return True

    def refuse_write(self) -> None:
        """Called before a transaction is applied. Raises what a BE says of a tablet with too many versions."""
        if self._used("too_many_versions"):
            raise failed(TOO_MANY_VERSIONS)

    def refuse_commit(self) -> None:
        """Called before the database file is written. Raises what the engine does when the disk is full."""
        if self._used("disk_full"):
            raise duckdb.IOException("IO Error: Could not write to the database file: No space left on device")

    def before_statement(self, text: str) -> None:
        """Called before an SQL statement runs: waits, or raises what StarRocks says without memory or BE."""
        self.delay()
        verb = text.lstrip("( \n\t\r")[:6].upper().split(" ", 1)[0]
        if verb in (*READING, *WRITING):
            self.refuse_work()

    def refuse_work(self) -> None:
        """Called before a load or query runs. Raises 1064: no BE, or no memory."""
        if self._set.backend_gone:
            raise failed(NO_BACKEND)
        if self._used("memory_exceeded"):
            raise StarRocksError(1064, MEMORY_EXCEEDED)

    def delay(self) -> None:
        """Called before every answer."""
        if self._set.slow:
            time.sleep(self._set.slow)

    def shown(self) -> dict[str, Any]:
        """Everything that is set, by name."""
        with self._lock:
            return asdict(self._set)

    def clear(self) -> None:
        """Nothing is asked for any more."""
        with self._lock:
            self._set = Faults()

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Take over the faults of a request. Raises ValueError naming one that does not exist or has a wrong value."""
        known = {each.name: type(getattr(Faults(), each.name)) for each in fields(Faults)}
        for name, value in wanted.items():
            if name in self.actions:
                continue
            if name not in known:
                raise ValueError(f"unknown fault {name}; there are {', '.join(sorted({*known, *self.actions}))}")
            if not isinstance(value, (int, float) if known[name] in (int, float) else known[name]):
                raise ValueError(f"fault {name}: {value!r} is no {known[name].__name__}")
        if unknown := sorted(set(wanted.get("fail_next", ())) - {"stream_load"}):
            raise ValueError(f"nothing of the kind {unknown[0]} can be made to fail; there is stream_load")
        for name, value in wanted.items():
            if name in self.actions:
                self.actions[name](value)
                continue
            with self._lock:
                setattr(self._set, name, [*self._set.fail_next, *value] if name == "fail_next" else known[name](value))

    def _used(self, name: str) -> bool:
        with self._lock:
            left = int(getattr(self._set, name))
            if left > 0:
                setattr(self._set, name, left - 1)
            return left > 0


def of(server: object) -> InjectedFaults:
    """The faults of a server: its attribute `faults`, or none at all."""
    found = getattr(server, "faults", None)
    return found if isinstance(found, InjectedFaults) else InjectedFaults()
