"""BEGIN, COMMIT, ROLLBACK.

Source: `fe/fe-core/src/main/java/com/starrocks/transaction/TransactionStmtExecutor.java`.
"""

from emulator.errors import analysis
from emulator.results import Ok, Result
from emulator.session import Explicit, Session, txn_info
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.storage.transactions import VISIBLE


@statement("BEGIN [WORK]", "START TRANSACTION", in_transaction=True)
def begin(session: Session, reader: Reader) -> Result:
    """Open an explicit transaction; a second BEGIN gives the open one."""
    reader.accept("WITH", "CONSISTENT", "SNAPSHOT")
    label = reader.word_or_string() if reader.accept("WITH", "LABEL") else None
    reader.end()
    if not session.variables.is_on("enable_sql_transaction"):
        return Ok()
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
        session.transactions.commit(txn, session.cursor)
    finally:
        session.drop_stages(stages)
    return Ok(info=txn_info(txn))


@statement("ROLLBACK [WORK]", in_transaction=True)
def rollback(session: Session, reader: Reader) -> Result:
    """Give up the transaction; nothing to do outside of one."""
    reader.end()
    return session.rollback()
