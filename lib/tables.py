"""Creates what the files of schema/ and aggregates/ declare, and tells where the warehouse differs from them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lib import columns, statements
from lib.errors import Misconfigured, Refused
from lib.statements import Declared
from lib.warehouse import Warehouse, quote

if TYPE_CHECKING:
    from lib.run import Run

_WIDTH = re.compile(r"\b(tinyint|smallint|int|bigint|largeint)\(\d+\)")
_SYNONYMS = {
    "bool": "boolean",
    "integer": "int",
    "string": "varchar(65533)",
    "text": "varchar(65533)",
    "varchar": "varchar(1)",
    "char": "char(1)",
    "decimal": "decimal(10,0)",
}


class TableFile(Protocol):
    """A file that declares a table."""

    @property
    def name(self) -> str:
        """The table."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def ddl(self) -> str:
        """Its CREATE TABLE statement."""


@dataclass(frozen=True)
class Database:
    """A database that the suite needs."""

    database: str

    @property
    def name(self) -> str:
        """The step's name."""
        return f"database {self.database}"


@dataclass(frozen=True)
class Columns:
    """The columns of one table, to be compared with its file."""

    table: TableFile

    @property
    def name(self) -> str:
        """The step's name."""
        return f"{self.table.name} columns"


def databases(warehouse: Warehouse) -> list[Database]:
    """The database of the warehouse and that of the stage tables."""
    return [Database(warehouse.database), Database(warehouse.stage_database)]


def create_database(run: Run, item: Database) -> None:
    """Creates a database unless it is there: who may not create databases can still migrate an existing one."""
    if ensure_database(run.warehouse, item.database):
        created(run, item.name)


def missing(warehouse: Warehouse, declared: Iterable[TableFile]) -> list[TableFile]:
    """The tables that the warehouse does not have."""
    there = names(warehouse)
    return [table for table in declared if table.name not in there]


def create(run: Run, table: TableFile) -> None:
    """Creates a table; one that is there meanwhile is left alone."""
    run.warehouse.write(table.ddl)
    created(run, table.name)


def ensure_database(warehouse: Warehouse, database: str) -> bool:
    """Creates a database unless it is there; whether it was created."""
    if any(database in row.values() for row in warehouse.read("SHOW DATABASES")):
        return False
    warehouse.write(f"CREATE DATABASE IF NOT EXISTS {quote(database)}")
    if not warehouse.dry_run:
        # A connection made while the database was missing has none: the next statement opens one that has.
        warehouse.close()
    return True


def compare(run: Run, item: Columns) -> None:
    """Raises `Refused` when a column that the file declares is missing in the warehouse, or is another one there.

    Columns that the file does not name are told in a note: loading leaves them alone.
    """
    table = item.table
    try:
        declared = statements.declared_columns(table.path, table.ddl)
    except Misconfigured as error:
        run.note(f"WARNING {table.name}: columns not compared: {error.message}")
        return
    actual = columns.of(run.warehouse, table.name)
    if wrong := differences(declared, actual):
        raise Refused(
            f"{table.name}: schema drift against {table.path}: {'; '.join(wrong)}",
            hint="write the step as schema/migrations/NNNN_name.sql, then ./run migrate",
        )
    named = {column.name.lower() for column in declared}
    if extra := [column.name for column in actual if column.name.lower() not in named]:
        run.note(f"WARNING {table.name}: columns that {table.path} does not name: {', '.join(extra)}")


def differences(declared: Iterable[Declared], actual: Iterable[columns.Column]) -> list[str]:
    """In words, how the columns of a table differ from those that its file declares."""
    found = {column.name.lower(): column for column in actual}
    told: list[str] = []
    for want in declared:
        have = found.get(want.name.lower())
        if have is None:
            told.append(f"column {want.name} is missing")
        elif canonical(want.type) != canonical(have.type):
            told.append(f"column {want.name} is {canonical(have.type)}, the file says {canonical(want.type)}")
        elif want.nullable != have.nullable:
            told.append(f"column {want.name} is {_null(have.nullable)}, the file says {_null(want.nullable)}")
    return told


def canonical(type_text: str) -> str:
    """One spelling of a type, however a file or information_schema writes it.

    information_schema.columns shows BOOLEAN as tinyint(1) and LARGEINT as bigint(20) unsigned
    (fe/fe-type/src/main/java/com/starrocks/type/ScalarType.java).
    """
    text = "".join(type_text.lower().replace("unsigned", " unsigned").split())
    text = text.replace("tinyint(1)", "boolean").replace("bigint(20)unsigned", "largeint")
    text = re.sub(r"decimal(?:v2|v3|32|64|128|256)\b", "decimal", text)
    text = re.sub(r"decimal\((\d+)\)", r"decimal(\1,0)", _WIDTH.sub(r"\1", text))
    return re.sub(r"[a-z]+(?!\w|\()", lambda word: _SYNONYMS.get(word[0], word[0]), text)


def names(warehouse: Warehouse) -> set[str]:
    """The tables and views that the warehouse has."""
    sql = "SELECT TABLE_NAME FROM information_schema.tables WHERE TABLE_SCHEMA = %s"
    return {row["TABLE_NAME"] for row in warehouse.read(sql, (warehouse.database,))}


def created(run: Run, name: str) -> None:
    """Keeps what a run has created, for its result."""
    known = run.result.setdefault("created", [])
    if isinstance(known, list):
        known.append(name)


def _null(nullable: bool) -> str:
    return "NULL" if nullable else "NOT NULL"
