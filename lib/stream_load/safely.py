"""Sending until it is known what happened: the part of Stream Load that must not double and must not lose.

What a lost answer means is asked from the label's state; only what is known not to be there is sent again,
under the same label, so that StarRocks refuses the second one if the first turns up late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from lib import log
from lib.errors import OutcomeUnknown, Refused, Told, Unavailable
from lib.stream_load.answer import Loaded, NotDone, Outcome

# Times that one body is sent before its load is given up.
SENDS = 3
# Seconds between two questions for the state: doubling, from and to.
POLL = (0.1, 2.0)
COMMITTED = ("COMMITTED", "VISIBLE")
ENDED = (*COMMITTED, "ABORTED", "UNKNOWN")


@dataclass
class Act:
    """One load of one body under one label."""

    name: str
    label: str
    seconds: float
    state: Callable[[], str]
    tracking_log: Callable[[str], list[str]]
    # Whether a request of this act may have been executed: then a finished label is our own.
    mine: bool = False

    def run(self, send: Callable[[], Outcome]) -> Loaded:
        """Send until the rows are committed. Errors as told in `StreamLoad.load`."""
        reason = ""
        for _ in range(SENDS):
            result = send()
            if isinstance(result, Loaded):
                return self._published(result)
            loaded = self._refused(result) if isinstance(result, NotDone) else self._lost(result.reason)
            if loaded is not None:
                return self._published(loaded)
            reason = result.reason
        raise Unavailable(f"{self.name}: sent {SENDS} times, nothing is loaded: {reason}")

    def _lost(self, reason: str) -> Loaded | None:
        log.warning("stream_load_answer_lost", label=self.label, reason=reason)
        self.mine = True
        return self._found(self._end(reason))

    def _refused(self, result: NotDone) -> Loaded | None:
        if result.label_exists is None:
            # A failure after the transaction began may be the failure to hear of its commit.
            found = self._found(self._end(result.reason)) if result.txn_id is not None else None
            if found is None:
                raise self._error(result)
            return found
        return self._existing(result)

    def _existing(self, result: NotDone) -> Loaded | None:
        finished = result.label_exists == "FINISHED"
        found = Loaded(self.label, visible=False) if finished else self._found(self._end(result.reason))
        if found is None or self.mine:
            return found
        raise Refused(
            f"{self.name}: another load has used this label: {result.reason}",
            hint="nothing was loaded by this call; run it again under a new label",
        )

    def _found(self, state: str) -> Loaded | None:
        return Loaded(self.label, visible=state == "VISIBLE") if state in COMMITTED else None

    def _end(self, reason: str) -> str:
        """The state once it does not change any more by itself."""
        for state in self._states():
            if state in ENDED:
                return state
        raise OutcomeUnknown(
            f"{self.name}: {reason}; its state could not be learned within {self.seconds:g} s",
            hint=f"before loading these rows again: SHOW TRANSACTION WHERE LABEL = '{self.label}'",
        )

    def _published(self, loaded: Loaded) -> Loaded:
        """Waits until readers see a committed load; gives it with `visible` as it is when the time is up."""
        if loaded.visible:
            return loaded
        visible = any(state == "VISIBLE" for state in self._states())
        if not visible:
            log.warning("stream_load_not_visible", label=self.label, seconds=self.seconds)
        return replace(loaded, visible=visible)

    def _states(self) -> Iterator[str]:
        """The label's states as they come, until the time is up."""
        until, pause = time.monotonic() + self.seconds, POLL[0]
        while True:
            try:
                yield self.state()
            except Unavailable as error:
                # The frontend may be failing over: what counts is whether it comes back in time.
                log.warning("stream_load_state_unavailable", label=self.label, reason=error.message)
            if time.monotonic() + pause > until:
                return
            time.sleep(pause)
            pause = min(2 * pause, POLL[1])

    def _error(self, result: NotDone) -> Told:
        if result.transient:
            return Unavailable(f"{self.name}: {result.reason}")
        rejected = self.tracking_log(result.error_url)
        said = ": " + " | ".join(rejected) if rejected else ""
        return Refused(
            f"{self.name}: {result.reason}{said}",
            hint="nothing of this load is visible; correct the rows or the columns and run it again",
        )
