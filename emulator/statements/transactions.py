"""BEGIN, COMMIT, ROLLBACK.

Source: `fe/fe-core/src/main/java/com/starrocks/transaction/TransactionStmtExecutor.java`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import analysis, failed
from emulator.results import Ok, Result
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.storage.explicit import Explicit, txn_info
from emulator.storage.transactions import VISIBLE

if TYPE_CHECKING:
    from emulator.session import Session

LOST = "Transaction state not found, possibly lost due to FE leader switch"


@statement("BEGIN [WORK]", "START TRANSACTION", in_transaction=True)
def begin(session: Session, reader: Reader) -> Result:
    """Open an explicit transaction; a second BEGIN gives the open one."""
    reader.accept("WITH", "CONSISTENT", "SNAPSHOT")
    label = reader.word_or_string() if reader.accept("WITH", "LABEL") else None
    reader.end()
    if not session.variables.is_on("enable_sql_transaction"):
        return Ok()
    session.forget_lost_transaction()
    if session.explicit is not None:
        open_label = session.explicit.transaction.label
        if label is not None and label != open_label:
            raise analysis(
                f"Transaction already exists with label '{open_label}', cannot begin with different label '{label}'"
            )
        return Ok(info=txn_info(session.explicit.transaction))
    txn = session.transactions.begin(
        "", label, "INSERT_STREAMING", timeout=float(session.variables.get("query_timeout"))
    )
    session.explicit = Explicit(txn)
    return Ok(info=txn_info(txn))


@statement("COMMIT [WORK]", in_transaction=True)
def commit(session: Session, reader: Reader) -> Result:
    """Make everything visible at once; nothing to do outside of a transaction."""
    reader.end()
    _refuse_lost(session)
    explicit, session.explicit = session.explicit, None
    if explicit is None:
        return Ok()
    txn = explicit.transaction
    if not txn.batches:
        session.transactions.forget(txn)
        txn.state = VISIBLE
        return Ok(info=txn_info(txn))
    stages = list(txn.batches)
    try:
        session.transactions.commit(txn, session.cursor, float(session.variables.get("query_timeout")))
    finally:
        session.drop_stages(stages)
    return Ok(info=txn_info(txn))


@statement("ROLLBACK [WORK]", in_transaction=True)
def rollback(session: Session, reader: Reader) -> Result:
    """Give up the transaction; nothing to do outside of one."""
    reader.end()
    _refuse_lost(session)
    return session.rollback()


def _refuse_lost(session: Session) -> None:
    """Raise what StarRocks says when a failover or the timeout has taken the transaction away; there is none then."""
    if session.forget_lost_transaction():
        raise failed(LOST)
