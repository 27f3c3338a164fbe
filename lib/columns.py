"""The columns of a table, as the warehouse has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lib.errors import Refused
from lib.warehouse import Warehouse

_TYPE = re.compile(r"([a-z_]+)(?:\((\d+)(?:\s*,\s*(\d+))?\))?")
INTEGERS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64, "largeint": 128}
# STRING is VARCHAR(65533); a VARCHAR may have 1 MiB (docs/en/sql-reference/data-types/string-type).
STRING_BYTES, LONGEST_BYTES = 65533, 1048576
# A name has 1024 characters at most (fe/fe-core/src/main/java/com/starrocks/sql/analyzer/FeNameFormat.java).
LONGEST_NAME = 1024
# What information_schema calls two of the types (fe/fe-type/src/main/java/com/starrocks/type/ScalarType.java).
_SHOWN_AS = {"tinyint(1)": "boolean", "bigint(20) unsigned": "largeint"}


@dataclass(frozen=True)
class Column:
    """One column: `kind` is the type's name in lower case, `size` and `scale` its arguments."""

    name: str
    type: str
    nullable: bool
    key: bool
    generated: bool
    has_default: bool

    @property
    def kind(self) -> str:
        """The type without its arguments: `varchar`, `decimal`, `largeint` ..."""
        found = _TYPE.match(self.type.lower())
        kind = found[1] if found else self.type.lower()
        return "decimal" if kind.startswith("decimal") else kind

    @property
    def arguments(self) -> tuple[int, ...]:
        """(bytes) of a VARCHAR, (precision, scale) of a DECIMAL."""
        found = _TYPE.match(self.type.lower())
        return tuple(int(part) for part in found.groups()[1:] if part) if found else ()

    @property
    def is_text(self) -> bool:
        """Whether it holds text."""
        return self.kind in ("varchar", "char", "string")


def names(warehouse: Warehouse, table: str) -> set[str]:
    """The names of a table's columns in lower case, as StarRocks does not tell them apart; none without the table."""
    sql = "SELECT COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s"
    return {row["COLUMN_NAME"].lower() for row in warehouse.read(sql, (warehouse.database, table))}


def of(warehouse: Warehouse, table: str, database: str | None = None) -> list[Column]:
    """The columns of a table in their order. Raises `Refused` when there is no such table."""
    rows = warehouse.read(
        "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY, COLUMN_DEFAULT, GENERATION_EXPRESSION"
        " FROM information_schema.columns WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
        (database or warehouse.database, table),
    )
    if not rows:
        raise Refused(
            f"{database or warehouse.database}.{table}: no such table",
            hint="create what schema/ declares: ./run migrate",
        )
    return [
        Column(
            name=row["COLUMN_NAME"],
            type=_SHOWN_AS.get(str(row["COLUMN_TYPE"]).lower(), str(row["COLUMN_TYPE"])),
            nullable=row["IS_NULLABLE"] == "YES",
            key=row["COLUMN_KEY"] == "PRI",
            generated=bool(row["GENERATION_EXPRESSION"]),
            has_default=row["COLUMN_DEFAULT"] is not None,
        )
        for row in rows
    ]
