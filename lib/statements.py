"""Takes SQL text apart: statements, what a query reads, the columns that a CREATE TABLE declares.

All of it by sqlglot's StarRocks dialect, never by searching for `;` or FROM.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib.errors import Misconfigured

if TYPE_CHECKING:
    from sqlglot import Token
    from sqlglot.expressions import Expr


@dataclass(frozen=True)
class Declared:
    """A column as a CREATE TABLE statement declares it: `type` as it is written there, `definition` all of it."""

    name: str
    type: str
    nullable: bool
    definition: str


def split(sql: str) -> list[str]:
    """The statements of a text, each from its first word on and without its semicolon.

    `;` in strings, quoted names and comments ends nothing; comments before a statement are left out.
    """
    from sqlglot import TokenType

    found: list[str] = []
    start: int | None = None
    for token in tokens(sql):
        if token.token_type is not TokenType.SEMICOLON:
            start = token.start if start is None else start
        elif start is not None:
            found.append(sql[start : token.start].rstrip())
            start = None
    return found if start is None else [*found, sql[start:].rstrip()]


def tokens(sql: str) -> list[Token]:
    """The words of a text; raises `Misconfigured` for one that ends within a string or comment."""
    from sqlglot import tokenize
    from sqlglot.errors import TokenError

    try:
        return tokenize(sql, read="starrocks")
    except TokenError as error:
        raise Misconfigured(f"SQL cannot be read: {' '.join(str(error).split())[:200]}") from None


def single(path: Path, sql: str) -> str:
    """The one statement of a file; raises `Misconfigured` when there are more."""
    found = split(sql)
    if len(found) != 1:
        raise Misconfigured(f"{path}: expected one statement below the header, found {len(found)}")
    return found[0]


def fingerprint(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def parse(path: Path, statement: str) -> Expr:
    """The tree of a statement; raises `Misconfigured` when sqlglot does not know its syntax."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    # What it does not know it keeps as text and says so on its logger; here that is an error with a place.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        tree = parse_one(statement, read="starrocks")
    except SqlglotError as error:
        raise Misconfigured(f"{path}: SQL cannot be read: {' '.join(str(error).split())[:300]}") from None
    if isinstance(tree, exp.Command):
        raise Misconfigured(f"{path}: SQL cannot be read: {' '.join(statement.split())[:120]}")
    return tree


def reads(path: Path, statement: str) -> frozenset[str]:
    """The tables and views that the query of a CREATE ... AS statement reads, CTEs left out."""
    from sqlglot import exp

    query = parse(path, statement).args.get("expression")
    if query is None:
        raise Misconfigured(f"{path}: expected CREATE ... AS SELECT")
    ctes = {cte.alias for cte in query.find_all(exp.CTE)}
    return frozenset(table.name for table in query.find_all(exp.Table) if table.name not in ctes)


def declared_columns(path: Path, create: str) -> list[Declared]:
    """The columns of a CREATE TABLE statement in their order; raises `Misconfigured` when it cannot be read.

    Columns of a primary key are NOT NULL whatever is written (docs/en/table_design/table_types/primary_key_table.md).
    """
    from sqlglot import exp

    tree = parse(path, create)
    key = {name.name.lower() for found in tree.find_all(exp.PrimaryKey) for name in found.expressions}
    schema = tree.this
    return [
        Declared(
            name=column.name,
            type=column.args["kind"].sql("starrocks"),
            nullable=column.name.lower() not in key and not _is_not_null(column),
            definition=column.sql("starrocks"),
        )
        for column in schema.expressions
        if isinstance(column, exp.ColumnDef)
    ]


def _is_not_null(column: Expr) -> bool:
    from sqlglot import exp

    return any(
        isinstance(constraint.kind, exp.NotNullColumnConstraint) and not constraint.kind.args.get("allow_null")
        for constraint in column.args.get("constraints") or ()
    )
