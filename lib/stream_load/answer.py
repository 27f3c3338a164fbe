"""What a Stream Load came to, read from the server's answer: loaded, not done, or unknown.

The JSON status decides, never the HTTP code: a backend answers 200 to a failure as well. Every field is
optional, because an early failure carries a part of them only (StarRocks:
be/src/runtime/stream_load/stream_load_context.cpp to_json, fe/.../http/rest/LoadAction.java,
RestBaseResult.java).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from lib.errors import Misconfigured
from lib.redaction import redact

# Parts of messages, in lower case, after which the same load may succeed in a moment.
TRANSIENT = (
    "too many versions",
    "memory limit exceeded",
    "current running txns on db",
    "no backend",
    "no alive backend",
    "shutting down",
    "retry later",
    "try again later",
    "not leader",
    "not master",
    "not the leader",
    "capacity limit",
    "timeout",
    "timed out",
    "time out",
    "connection refused",
)
# The backend lost the frontend while it committed: committed or aborted, it does not know either.
LOST = ("call frontend service failed", "failure, address=", "thrift")
DENIED = ("no valid basic authorization", "access denied")
USED = "has already been used"
LONGEST = 500


@dataclass(frozen=True)
class Loaded:
    """The transaction is committed. Row counts are None when the answer was lost and only the label's state
    is known.

    `visible` is False while the commit has not been published to readers.
    """

    label: str
    txn_id: int | None = None
    total_rows: int | None = None
    loaded_rows: int | None = None
    filtered_rows: int | None = None
    unselected_rows: int | None = None
    visible: bool = True


@dataclass(frozen=True)
class NotDone:
    """Nothing of this request is or will be visible.

    `label_exists` is the state of an earlier load with the same label: 'FINISHED', 'RUNNING', '' (not said),
    or None when that is not the reason. `txn_id` is set when this request had begun a transaction.
    """

    reason: str
    transient: bool
    error_url: str = ""
    label_exists: str | None = None
    txn_id: int | None = None


@dataclass(frozen=True)
class Unknown:
    """The request was sent and its end is not known: ask for the label's state before doing it again."""

    reason: str


Outcome = Loaded | NotDone | Unknown


class Answer(msgspec.Struct, frozen=True):
    """The fields of all answers together: a backend's are capitalized, a frontend's refusals are not."""

    big_status: str | None = msgspec.field(default=None, name="Status")
    small_status: str | None = msgspec.field(default=None, name="status")
    big_message: str | None = msgspec.field(default=None, name="Message")
    small_message: str | None = msgspec.field(default=None, name="message")
    msg: str | None = None
    existing: str | None = msgspec.field(default=None, name="ExistingJobStatus")
    txn_id: int | None = msgspec.field(default=None, name="TxnId")
    total: int | None = msgspec.field(default=None, name="NumberTotalRows")
    loaded: int | None = msgspec.field(default=None, name="NumberLoadedRows")
    filtered: int | None = msgspec.field(default=None, name="NumberFilteredRows")
    unselected: int | None = msgspec.field(default=None, name="NumberUnselectedRows")
    error_url: str | None = msgspec.field(default=None, name="ErrorURL")
    state: str | None = None

    @property
    def status(self) -> str:
        """The status in lower case, '' when the answer has none."""
        return (self.big_status or self.small_status or "").strip().lower()

    @property
    def message(self) -> str:
        """What the server says, redacted and cut to a line that a person reads."""
        text = redact(self.big_message or self.msg or self.small_message or "")
        return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def decode(text: bytes) -> Answer | None:
    """The answer, or None when the text is no JSON object of the expected types: cut, empty, HTML."""
    try:
        return msgspec.json.decode(text, type=Answer, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def denied(code: int, text: bytes) -> bool:
    """Whether this is a refusal of user, password or privilege."""
    if code in (401, 403):
        return True
    answer = decode(text)
    return answer is not None and "fail" in answer.status and _has(answer.message, DENIED)


def no_access(place: str, user: str, text: bytes) -> Misconfigured:
    """The error for it."""
    answer = decode(text)
    said = f": {answer.message}" if answer and answer.message else ""
    return Misconfigured(
        f"Stream Load: {place} refuses user {user!r}{said}",
        hint="check STARROCKS_USER and STARROCKS_PASSWORD, and GRANT INSERT on the table",
    )


def outcome(label: str, code: int, text: bytes) -> Outcome:
    """The outcome that an answer to the body tells."""
    answer = decode(text)
    if answer is None or not answer.status:
        return Unknown(f"HTTP {code} with {_shape(text)}")
    if answer.status in ("success", "ok"):
        return _loaded(label, answer, visible=True)
    if answer.status == "publish timeout":
        return _loaded(label, answer, visible=False)
    if answer.status in ("label already exists", "label_already_exists") or USED in answer.message:
        return NotDone(answer.message, transient=False, label_exists=(answer.existing or "").upper())
    if answer.status not in ("fail", "failed"):
        return Unknown(f"status {answer.status!r}: {answer.message}")
    if _has(answer.message, LOST):
        return Unknown(answer.message)
    return refusal(code, answer)


def refusal(code: int, answer: Answer) -> NotDone:
    """A failure that the server is sure of."""
    reason = answer.message or f"HTTP {code}, status {answer.status!r}, no message"
    transient = code >= 500 or (not answer.error_url and _has(reason, TRANSIENT))
    begun = answer.txn_id if answer.txn_id is not None and answer.txn_id > 0 else None
    return NotDone(reason, transient=transient, error_url=answer.error_url or "", txn_id=begun)


def _loaded(label: str, answer: Answer, *, visible: bool) -> Loaded:
    return Loaded(
        label,
        answer.txn_id,
        answer.total,
        answer.loaded,
        answer.filtered,
        answer.unselected,
        visible,
    )


def _has(message: str, parts: tuple[str, ...]) -> bool:
    lower = message.lower()
    return any(part in lower for part in parts)


def _shape(text: bytes) -> str:
    if not text:
        return "an empty answer"
    return f"an answer that is no Stream Load result: {redact(text[:80].decode('utf-8', 'replace'))!r}"
