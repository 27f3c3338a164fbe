"""Stream Load: rows over HTTP into one table, with an outcome that is true.

`StreamLoad.send` is one request; `StreamLoad.load` is the act that the suite uses: it finds out what became
of a request whose answer was lost, and sends again only what is known not to be there.

Two steps, because requests (like curl without --location-trusted) drops the password when the frontend
redirects to a backend, and because a body sent to the frontend is lost (StarRocks:
fe/.../http/rest/LoadAction.java): a PUT with headers only asks the frontend for a backend, a second one
carries the body there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from lib import telemetry
from lib.errors import Misconfigured, Refused, Unavailable
from lib.settings import Settings, settings
from lib.stream_load.answer import Loaded as Loaded
from lib.stream_load.answer import NotDone as NotDone
from lib.stream_load.answer import Outcome as Outcome
from lib.stream_load.answer import Unknown as Unknown
from lib.stream_load.answer import decode, denied, no_access, outcome, refusal
from lib.stream_load.body import Body as Body
from lib.stream_load.body import Stream, opened
from lib.stream_load.request import Request as Request

if TYPE_CHECKING:
    from lib.stream_load.http import Reply, Wire

STATES = {"UNKNOWN", "PREPARE", "PREPARED", "COMMITTED", "VISIBLE", "ABORTED"}


class StreamLoad:
    """Loads into the StarRocks of some settings. Holds no connection; safe to share between threads."""

    def __init__(self, settings: Settings, known_hosts: Callable[[], set[str]] | None = None) -> None:
        self._settings = settings
        self._known_hosts = known_hosts

    @classmethod
    def connect(cls, known_hosts: Callable[[], set[str]] | None = None) -> StreamLoad:
        """For the settings of this process. `known_hosts` names the hosts of SHOW BACKENDS and SHOW
        FRONTENDS: the password goes to these, to the frontend of the settings, and to what STARROCKS_HOST_MAP
        maps."""
        return cls(settings(), known_hosts)

    def send(self, request: Request) -> Outcome:
        """Send the body once.

        The number of rows is for the span only. Raises `Unavailable` when nothing has been executed for lack of
        a connection, `Misconfigured` for a refused login or a redirect to a strange host, `ValueError` for a
        header that HTTP cannot carry and for an empty body.
        """
        limit = self._limit(request)
        headers = request.headers(limit)
        with telemetry.span(
            f"stream_load {request.table}",
            table=request.table,
            label=request.label,
            rows=request.rows,
            **request.attributes,
        ) as span:
            with opened(request.body) as stream:
                result = self._send(request, headers, stream, limit)
                span.set(bytes=stream.sent)
            span.set(**{"nightshift.load.outcome": type(result).__name__})
            if isinstance(result, Loaded):
                span.set(txn_id=result.txn_id, rows_loaded=result.loaded_rows, visible=result.visible)
            else:
                span.set(reason=result.reason)
        return result

    def state(self, database: str, label: str) -> str:
        """UNKNOWN, PREPARE, PREPARED, COMMITTED, VISIBLE or ABORTED: the newest transaction with this label.

        UNKNOWN is no proof: StarRocks forgets a label after 3 days, or after 1000 later loads of the database
        (fe/.../transaction/DatabaseTransactionMgr.java). Raises `Unavailable`, `Refused` or `Misconfigured`.
        """
        reply = self._wire().ask(f"/api/{quote(database, safe='')}/get_load_state?label={quote(label, safe='')}")
        self._admitted(reply)
        answer = decode(reply.text)
        if answer is not None and answer.state in STATES:
            return answer.state
        if answer is None or not answer.status:
            raise Unavailable(f"get_load_state of {label!r}: HTTP {reply.code} without a state")
        refused = refusal(reply.code, answer)
        raise (Unavailable if refused.transient else Refused)(f"get_load_state of {label!r}: {refused.reason}")

    def load(self, request: Request) -> Loaded:
        """Load the body once, whatever the network does meanwhile.

        Raises `Unavailable` when nothing is loaded and trying again later makes sense, `Refused` when the
        server will not have these rows (nothing is loaded) or counted others than there are, `OutcomeUnknown`
        when the label's state could not be learned within the timeout. A label that another load has used is
        refused, even if it was the same program: only this call knows that the content is the same. Take a
        new label for each call.
        """
        from lib.stream_load.safely import Act

        act = Act(
            name=f"Stream Load into {request.database}.{request.table} (label {request.label})",
            label=request.label,
            seconds=self._limit(request),
            state=partial(self.state, request.database, request.label),
            tracking_log=self.tracking_log,
        )
        loaded = act.run(partial(self.send, request))
        _check_counts(act.name, loaded, request.rows)
        return loaded

    def tracking_log(self, url: str) -> list[str]:
        """The first lines of what the backend says about refused rows; [] when it cannot be had."""
        return self._wire().tracking_log(url, lines=5) if url else []

    def _limit(self, request: Request) -> float:
        """The seconds that one request may take."""
        return request.timeout or self._settings.starrocks_load_timeout

    def _wire(self) -> Wire:
        from lib.stream_load.http import Wire

        return Wire(self._settings, self._known_hosts)

    def _send(self, request: Request, headers: dict[str, str], stream: Stream, limit: float) -> Outcome:
        from lib.stream_load.http import Lost

        wire = self._wire()
        knock = wire.knock(request.path, headers)
        if not knock.location:
            self._admitted(knock)
            return _turned_away(knock, wire.frontend)
        url = wire.reachable(knock.location) + request.path
        try:
            reply = wire.deliver(url, headers, stream, limit)
        except Lost as lost:
            return Unknown(f"no answer from {url}: {lost}")
        self._admitted(reply, url)
        return outcome(request.label, reply.code, reply.text)

    def _admitted(self, reply: Reply, place: str = "the frontend") -> None:
        if denied(reply.code, reply.text):
            raise no_access(place, self._settings.starrocks_user, reply.text)


def _turned_away(knock: Reply, frontend: str) -> NotDone:
    """What the frontend says instead of a redirect; nothing has been executed."""
    answer = decode(knock.text)
    if answer is None or not answer.status:
        raise Unavailable(
            f"Stream Load: {frontend} answered HTTP {knock.code} without a redirect to a backend",
            hint="is STARROCKS_HTTP_PORT the HTTP port of a StarRocks frontend?",
        )
    if "fail" not in answer.status:
        raise Misconfigured(
            f"Stream Load: {frontend} answered {answer.status!r} to a request without a body",
            hint="point STARROCKS_HTTP_PORT to the frontend: a proxy that follows redirects cannot be used",
        )
    return refusal(knock.code, answer)


def _check_counts(name: str, loaded: Loaded, rows: int | None) -> None:
    """None stands where the answer was lost: then the caller counts what is staged."""
    if rows is not None and loaded.total_rows is not None and loaded.total_rows != rows:
        raise Refused(
            f"{name}: sent {rows} rows, StarRocks counted {loaded.total_rows}, and they are committed",
            hint="drop what this label loaded; do a value's bytes hold a delimiter?",
        )
    if loaded.filtered_rows or loaded.unselected_rows:
        raise Refused(
            f"{name}: of {loaded.total_rows} rows {loaded.filtered_rows} were filtered and "
            f"{loaded.unselected_rows} not selected; the others are committed",
            hint="drop what this label loaded",
        )
