"""What a session keeps of its explicit transaction, and what it tells the client of one."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.storage.catalog import Table
from emulator.storage.transactions import Transaction


@dataclass
class Explicit:
    """BEGIN ... COMMIT: the transaction and what its statements have touched, as `db.table`.

    `attempt`: target and tables of the last DML statement that was begun; `lost`: a failover took it away.
    """

    transaction: Transaction
    modified: set[str] = field(default_factory=set)
    mentioned: set[str] = field(default_factory=set)
    attempt: tuple[Table, frozenset[str]] | None = None
    lost: bool = False


def txn_info(txn: Transaction) -> str:
    """The text that StarRocks puts into the OK packet of a transaction statement or a DML."""
    late = ", 'err':'Publish timeout '" if txn.state == "COMMITTED" else ""
    return f"{{'label':'{txn.label}', 'status':'{txn.state}', 'txnId':'{txn.id}'{late}}}"
