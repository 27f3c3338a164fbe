"""What a statement gives back: a set of rows, or an OK."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.types.sql_type import SqlType, parse_type

VARCHAR = SqlType("varchar", length=65533)


@dataclass(frozen=True)
class ResultColumn:
    """Name and type of a result's column, as the client sees them."""

    name: str
    type: SqlType = VARCHAR


@dataclass
class Ok:
    """Done, no rows. `info` is StarRocks' text, for example `{'label':'x', 'status':'VISIBLE', 'txnId':'1'}`."""

    affected: int = 0
    info: str = ""
    warnings: int = 0


@dataclass
class ResultSet:
    """Rows of Python values (None, bool, int, float, Decimal, str, bytes, date, datetime, list, dict) in batches.

    `batches` may be lazy: it is read while the rows go out.
    """

    columns: Sequence[ResultColumn]
    batches: Iterable[Sequence[Sequence[Any]]] = field(default_factory=list)


Result = Ok | ResultSet


def rows(names: Sequence[str], values: Iterable[Sequence[Any]]) -> ResultSet:
    """A result set from memory. A name may carry a type: `Id:bigint`; others are VARCHAR, None = NULL."""
    columns = []
    for name in names:
        title, _, kind = name.partition(":")
        columns.append(ResultColumn(title, parse_type(kind) if kind else VARCHAR))
    return ResultSet(columns, [list(values)])
