"""UPDATE and DELETE, with StarRocks' limits a model.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/UpdateAnalyzer.java`, `DeleteAnalyzer.java`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
from sqlglot import exp

from emulator.errors import StarRocksError, analysis, failed, unsupported
from emulator.results import Ok, Result
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import Translation, predicate_sql, translate_query
from emulator.statements.insert import target
from emulator.statements.insert_rows import default_of, is_default
from emulator.statements.inserting import finish, give_up, stage_query, start
from emulator.statements.querying import context_of
from emulator.statements.registry import statement
from emulator.storage import partitions
from emulator.storage.catalog import DUPLICATE, PRIMARY, Column, Table
from emulator.storage.writing import Batch, visible_names

if TYPE_CHECKING:
    from emulator.session import Session

_MOST_COLUMNS, _MOST_SHARE = 3, 0.3


@statement("UPDATE", in_transaction=True)
def update(session: Session, reader: Reader) -> Result:
    """UPDATE t SET c = expression, ... [FROM ...] WHERE ...: PRIMARY KEY tables only."""
    node = dialect.parse(reader.text)
    if not isinstance(node, exp.Update) or not isinstance(node.this, exp.Table):
        raise unsupported("this form of UPDATE")
    table = target(session, node.this.db, node.this.name, "modified", "UPDATE")
    if table.model != PRIMARY:
        raise analysis(f"table {table.name} does not support update")
    if node.args.get("where") is None and not _is_small(session, table, len(node.expressions)):
        raise analysis("must specify where clause to prevent full table update")
    for key in ("order", "limit", "returning"):
        if node.args.get(key):
            raise analysis(f"UPDATE does not support {key.upper()}")
    query, numbered = _new_rows(table, node)
    translation = translate_query(context_of(session, (table.db, table.name)), query)
    names = tuple(column.name for column in table.plain_columns if column.name != numbered)
    return _stage_and_finish(session, table, translation, names, "update", "insert")


def _is_small(session: Session, table: Table, count: int) -> bool:
    """Without WHERE: up to three columns, less than 30 % of them, or `partial_update_mode` is column."""
    if session.variables.get("partial_update_mode", session.hints) == "column":
        return True
    return count <= _MOST_COLUMNS and count < len(table.columns) * _MOST_SHARE


def _new_rows(table: Table, node: exp.Update) -> tuple[exp.Select, str]:
    """A query of the whole new rows without the AUTO_INCREMENT column that DEFAULT is assigned to; its name."""
    assigned, numbered = {}, ""
    for each in node.expressions:
        name = each.this.name
        column = table.column(name)
        if column is None:
            raise analysis(f"table '{table.name}' do not existing column '{name}'")
        if column.key:
            raise analysis(f"primary key column cannot be updated: {column.name}")
        if column.generated is not None:
            raise analysis(f"generated column cannot be updated: {column.name}")
        if column.auto_increment and isinstance(each.expression, exp.Null):
            raise analysis(f"AUTO_INCREMENT column: {column.name} must not be NULL")
        if column.auto_increment and is_default(each.expression):
            numbered = column.name
        assigned[column.name] = default_of(column) if _takes_default(column, each.expression) else each.expression
    alias = node.this.alias_or_name
    named = [
        exp.alias_(assigned.get(column.name) or exp.column(column.name, alias), column.name)
        for column in table.plain_columns
        if column.name != numbered
    ]
    query = exp.Select(expressions=named, from_=exp.From(this=node.this.copy()), where=node.args.get("where"))
    source = node.args.get("from_")
    if source is not None:
        query.set("joins", [exp.Join(this=source.this), *(source.this.args.pop("joins", None) or [])])
    if node.args.get("with_"):
        query.set("with_", node.args["with_"])
    return query, numbered


def _takes_default(column: Column, value: exp.Expr) -> bool:
    return is_default(value) and not column.auto_increment


@statement("DELETE FROM", in_transaction=True)
def delete(session: Session, reader: Reader) -> Result:
    """DELETE FROM t [PARTITION p] [USING ...] WHERE ...: any condition on PRIMARY KEY tables, simple ones elsewhere."""
    node = dialect.parse(reader.text)
    if not isinstance(node, exp.Delete) or not isinstance(node.this, exp.Table):
        raise unsupported("this form of DELETE")
    table = target(session, node.this.db, node.this.name, "modified", "DELETE")
    for key in ("order", "limit", "returning", "tables"):
        if node.args.get(key):
            raise analysis(f"DELETE does not support {key.upper()}")
    where = node.args.get("where")
    if table.model != PRIMARY:
        return _delete_plain(session, table, node, where)
    if where is None:
        raise analysis("Delete must specify where clause to prevent full table delete")
    if node.this.args.get("partition"):
        raise analysis("Delete for primary key table do not support specifying partitions")
    alias = node.this.alias_or_name
    keys = [exp.alias_(exp.column(key, alias), key) for key in table.keys]
    query = exp.Select(expressions=keys, from_=exp.From(this=node.this.copy()), where=where)
    using = node.args.get("using")
    if using:
        query.set("joins", [exp.Join(this=each) for each in using])
    if node.args.get("with_"):
        query.set("with_", node.args["with_"])
    translation = translate_query(context_of(session, (table.db, table.name)), query)
    return _stage_and_finish(session, table, translation, table.keys, "delete", "delete")


def _stage_and_finish(
    session: Session, table: Table, translation: Translation, names: tuple[str, ...], verb: str, kind: str
) -> Ok:
    read = set(translation.tables) - {table.qualified}
    txn = start(session, table, None, read, verb)
    try:
        stage, rows = stage_query(session, table, names, translation.sql, translation.columns)
        return finish(session, txn, Batch(table, stage, names, rows, kind), read)  # type: ignore[arg-type]
    except (StarRocksError, duckdb.Error) as error:
        give_up(session, txn, error, labelled=False)
        raise


def _delete_plain(session: Session, table: Table, node: exp.Delete, where: exp.Where | None) -> Ok:
    if node.args.get("using"):
        raise analysis("Do not support `using` clause in non-primary table")
    if where is None:
        raise analysis("Where clause is not set")
    if node.args.get("with_"):
        raise analysis("Do not support `with` clause in non-primary table")
    _check_simple(where.this)
    for each in where.find_all(exp.Column):
        _check_condition_column(table, each.name)
    scope = predicate_sql(context_of(session), where.this.sql(dialect=dialect.Dialect), table)
    if node.this.args.get("partition"):
        names = [each.name for each in node.this.args["partition"].expressions]
        known = visible_names(session.engine, table)
        missing = next((name for name in names if name not in known), None)
        if missing is not None:
            raise failed(f"Partition does not exist. name: {missing}")
        scope = f"({scope}) and {partitions.predicate(table, names, visible_names(session.engine, table))}"
    txn = start(session, table, None, set(), "delete")
    return finish(session, txn, Batch(table, "", (), 0, "delete_where", scope=scope), set())


def _check_condition_column(table: Table, name: str) -> None:
    """Source: `fe/fe-core/src/main/java/com/starrocks/load/DeleteMgr.java`, checkDeleteV2."""
    column = table.column(name)
    if column is None:
        raise failed(f"Unknown column '{name}' in '{table.name}'", 5509)
    kind = column.sql_type
    if (not column.key and table.model != DUPLICATE) or kind.name in ("float", "double"):
        raise failed(
            f"Column[{name}] is not key column or storage model is not duplicate or column type is float or double."
        )
    if kind.items:
        raise failed(f"unsupported delete condition on Array/Map/Struct type column[{name}]")


def _check_simple(node: exp.Expr) -> None:
    """`column op value` joined by AND, IS NULL, IN: all that models without a primary key can delete by."""
    if isinstance(node, exp.Paren):
        _check_simple(node.this)
    elif isinstance(node, exp.And):
        _check_simple(node.this)
        _check_simple(node.expression)
    elif isinstance(node, exp.Or):
        raise analysis("Compound predicate's op should be AND")
    elif isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        if not isinstance(node.this, exp.Column):
            raise analysis("Left expr of binary predicate should be column name")
        if not _is_value(node.expression):
            raise analysis("Right expr of binary predicate should be value")
    elif isinstance(node, exp.Is):
        if not isinstance(node.this, exp.Column):
            raise analysis("Left expr of is_null predicate should be column name")
    elif isinstance(node, exp.In) and node.args.get("query") is None:
        if not all(_is_value(each) for each in node.expressions):
            raise analysis("Child of in predicate should be value")
    elif isinstance(node, exp.Not) and isinstance(node.this, exp.Is | exp.In):
        _check_simple(node.this)
    elif isinstance(node, exp.Not):
        raise analysis("Compound predicate's op should be AND")
    else:
        raise analysis(
            "Where clause only supports compound predicate, binary predicate, is_null predicate and in predicate"
        )


def _is_value(node: exp.Expr) -> bool:
    return isinstance(node.this if isinstance(node, exp.Neg | exp.Cast) else node, exp.Literal | exp.Boolean | exp.Null)
