"""What the FE itself does of the Stream Load transaction interface: ends transactions that the BE has let go.

A call that is the BE's (begin, load, prepare, and the end of what was never prepared) gets None: the FE redirects it.
Sources: fe/fe-core/src/main/java/com/starrocks/http/rest/TransactionLoadAction.java and
.../rest/transaction/TransactionWithoutChannelHandler.java.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.errors import StarRocksError
from emulator.storage.engine import Engine
from emulator.storage.transactions import ABORTED, COMMITTED, PREPARED, VISIBLE, Transaction, Transactions

EXCEPTION = "class com.starrocks.common.StarRocksException"
DEFAULT_TIMEOUT = 20.0
Answer = dict[str, Any]


class CallFailed(Exception):
    """Answered as FAILED with the text `<Java class>: <message>`."""

    def __init__(self, message: str, kind: str = EXCEPTION) -> None:
        super().__init__(f"{kind}: {message}")


def is_multi_table(headers: Mapping[str, str]) -> bool:
    """Whether a call belongs to a transaction over several tables (`source_type: 12` is the older form)."""
    return headers.get("transaction_type", "").lower() == "multi" or headers.get("source_type") == "12"


def timeout_of(headers: Mapping[str, str]) -> float:
    """The `timeout` header in seconds, 20 without. Raises CallFailed."""
    text = headers.get("timeout", "").strip()
    if text and not text.lstrip("-").isdigit():
        raise CallFailed(f'For input string: "{text}"', "class java.lang.NumberFormatException")
    return float(text) if text else DEFAULT_TIMEOUT


def check(headers: Mapping[str, str], engine: Engine) -> None:
    """Raise CallFailed for a call without database or label."""
    if not headers.get("db"):
        raise CallFailed("No database selected.")
    if not headers.get("label"):
        raise CallFailed("Empty label.")
    timeout_of(headers)
    if engine.get("database", "", headers["db"]) is None:
        raise CallFailed(f"Database[{headers['db']}] does not exist.")


def answer(operation: str, headers: Mapping[str, str], engine: Engine, transactions: Transactions) -> Answer | None:
    """The FE's own answer, None where the BE answers. Raises CallFailed."""
    check(headers, engine)
    txn = transactions.find(headers["db"], headers["label"])
    if operation == "begin":
        return None
    if txn is None:
        raise CallFailed(f"No transaction found by label {headers['label']}")
    if operation == "commit":
        return _commit(txn, transactions, engine, timeout_of(headers))
    if operation == "rollback":
        return _rollback(txn, transactions)
    return None


def _commit(txn: Transaction, transactions: Transactions, engine: Engine, timeout: float) -> Answer | None:
    if txn.state == ABORTED:
        raise CallFailed(f"Can not commit {txn.state} transaction {txn.id}, label is {txn.label}")
    if txn.state in (COMMITTED, VISIBLE):
        return told(txn, f"Transaction {txn.id} has already committed, label is {txn.label}")
    if txn.state != PREPARED:
        return None
    commit_now(txn, transactions, engine, timeout)
    return told(txn, "")


def commit_now(txn: Transaction, transactions: Transactions, engine: Engine, timeout: float) -> None:
    """Commit what is kept or staged in the file. Raises CallFailed, also when it is not visible after `timeout`."""
    cursor = engine.cursor()
    try:
        transactions.commit(txn, cursor, timeout)
    except StarRocksError as error:
        raise CallFailed(error.message) from error
    finally:
        cursor.close()
    if txn.state == COMMITTED:
        raise CallFailed(f"publish timeout: {timeout * 1000:.0f}, transactionId={txn.id}")


def _rollback(txn: Transaction, transactions: Transactions) -> Answer | None:
    if txn.state in (COMMITTED, VISIBLE):
        raise CallFailed(f"Can not abort {txn.state} transaction {txn.id}, label is {txn.label}")
    if txn.state == ABORTED:
        return told(txn, f"Transaction {txn.id} has already aborted, label is {txn.label}")
    if txn.state != PREPARED:
        return None
    transactions.abort(txn, "User Aborted")
    return told(txn, "")


def told(txn: Transaction, message: str) -> Answer:
    """OK as the FE words it."""
    return {"Label": txn.label, "Status": "OK", "TxnId": txn.id, "Message": message}
