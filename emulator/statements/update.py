"""UPDATE and DELETE, with StarRocks' limits a model.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/UpdateAnalyzer.java`, `DeleteAnalyzer.java`.
"""

import duckdb
from sqlglot import exp

from emulator.errors import StarRocksError, analysis, unsupported
from emulator.results import Ok, Result
from emulator.session import Session
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.sql.translate import Translation, predicate_sql, translate_query
from emulator.statements.insert import target
from emulator.statements.inserting import finish, give_up, stage_query, start
from emulator.statements.registry import statement
from emulator.statements.select import context_of
from emulator.storage import partitions
from emulator.storage.catalog import PRIMARY, Table
from emulator.storage.writing import Batch, visible_names


@statement("UPDATE", in_transaction=True)
def update(session: Session, reader: Reader) -> Result:
    """UPDATE t SET c = expression, ... [FROM ...] WHERE ...: PRIMARY KEY tables only."""
    node = dialect.parse(reader.text)
    if not isinstance(node, exp.Update) or not isinstance(node.this, exp.Table):
        raise unsupported("this form of UPDATE")
    table = target(session, node.this.db, node.this.name, "modified")
    if table.model != PRIMARY:
        raise analysis(f"table {table.name} does not support update")
    if node.args.get("where") is None:
        raise analysis("must specify where clause to prevent full table update")
    for key in ("order", "limit", "returning"):
        if node.args.get(key):
            raise analysis(f"UPDATE does not support {key.upper()}")
    query = _new_rows(table, node)
    translation = translate_query(context_of(session), query)
    names = tuple(column.name for column in table.plain_columns)
    return _stage_and_finish(session, table, translation, names, "update", "insert")


def _new_rows(table: Table, node: exp.Update) -> exp.Select:
    """A query of the whole new rows."""
    assigned = {}
    for each in node.expressions:
        name = each.this.name
        column = table.column(name)
        if column is None:
            raise analysis(f"table '{table.name}' do not existing column '{name}'")
        if column.key:
            raise analysis(f"primary key column cannot be updated: {column.name}")
        if column.generated is not None:
            raise analysis(f"generated column cannot be updated: {column.name}")
        assigned[column.name] = each.expression
    alias = node.this.alias_or_name
    values = [assigned.get(c.name) or exp.column(c.name, alias) for c in table.plain_columns]
    named = [exp.alias_(value, column.name) for value, column in zip(values, table.plain_columns, strict=True)]
    query = exp.Select(expressions=named, from_=exp.From(this=node.this.copy()), where=node.args["where"])
    source = node.args.get("from_")
    if source is not None:
        query.set("joins", [exp.Join(this=source.this), *(source.this.args.pop("joins", None) or [])])
    if node.args.get("with_"):
        query.set("with_", node.args["with_"])
    return query


@statement("DELETE FROM", in_transaction=True)
def delete(session: Session, reader: Reader) -> Result:
    """DELETE FROM t [PARTITION p] [USING ...] WHERE ...: any condition on PRIMARY KEY tables, simple ones elsewhere."""
    node = dialect.parse(reader.text)
    if not isinstance(node, exp.Delete) or not isinstance(node.this, exp.Table):
        raise unsupported("this form of DELETE")
    table = target(session, node.this.db, node.this.name, "modified")
    for key in ("order", "limit", "returning", "tables"):
        if node.args.get(key):
            raise analysis(f"DELETE does not support {key.upper()}")
    where = node.args.get("where")
    if table.model != PRIMARY:
        return _delete_plain(session, table, node, where)
    if where is None:
        raise analysis("Delete must specify where clause to prevent full table delete")
    alias = node.this.alias_or_name
    keys = [exp.alias_(exp.column(key, alias), key) for key in table.keys]
    query = exp.Select(expressions=keys, from_=exp.From(this=node.this.copy()), where=where)
    using = node.args.get("using")
    if using:
        query.set("joins", [exp.Join(this=each) for each in using])
    if node.args.get("with_"):
        query.set("with_", node.args["with_"])
    translation = translate_query(context_of(session), query)
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
    scope = predicate_sql(context_of(session), where.this.sql(dialect=dialect.Dialect), table)
    if node.this.args.get("partition"):
        names = [each.name for each in node.this.args["partition"].expressions]
        scope = f"({scope}) and {partitions.predicate(table, names, visible_names(session.engine, table))}"
    txn = start(session, table, None, set(), "delete")
    return finish(session, txn, Batch(table, "", (), 0, "delete_where", scope=scope), set())


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
    elif isinstance(node, exp.Not):
        _check_simple(node.this)
    else:
        raise analysis(
            "Where clause only supports compound predicate, binary predicate, is_null predicate and in predicate"
        )


def _is_value(node: exp.Expr) -> bool:
    return isinstance(node.this if isinstance(node, exp.Neg | exp.Cast) else node, exp.Literal | exp.Boolean | exp.Null)
