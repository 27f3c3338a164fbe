"""The limits of generated columns.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/CreateTableAnalyzer.java` (analyzeGeneratedColumnForOlap);
recorded: `test/sql/test_materialized_column/R/test_materialized_column`.
"""

from sqlglot import exp

from emulator.errors import analysis
from emulator.sql import dialect
from emulator.sql.translate import column_tree
from emulator.storage.catalog import Column, Table
from emulator.types.coercion import type_of
from emulator.types.sql_type import SqlType

_AGGREGATES = frozenset({"sum", "count", "avg", "min", "max", "any_value", "array_agg", "group_concat", "ndv"})


def check_generated(table: Table) -> None:
    """Raise StarRocks' refusal of a generated column that may not be."""
    found = False
    for column in table.columns:
        if column.generated is None:
            if found:
                raise analysis("All generated columns must be defined after ordinary columns")
            continue
        found = True
        check_expression(table, column)


def check_expression(table: Table, column: Column, named: bool = False) -> None:
    """Raise StarRocks' refusal of the expression; `named`: the text names the column it refers to, as ALTER's does."""
    tree = dialect.parse_expression(column.generated or "")
    if any(_is_aggregate(node) for node in tree.walk()):
        raise analysis("Generated Column don't support aggregation function")
    for each in tree.find_all(exp.Column):
        source = table.column(each.name)
        if source is None:
            raise analysis(f"Column '{each.name}' cannot be resolved")
        ending = f": {source.name}" if named else ""
        if source.generated is not None:
            raise analysis(f"Expression can not refers to other generated columns{ending}")
        if source.auto_increment:
            raise analysis(f"Expression can not refers to AUTO_INCREMENT columns{ending}")
    kind = type_of(column_tree(column.generated or "", table))
    if kind is not None and not _matches(column.sql_type, kind):
        raise analysis(
            "Illegal expression type for Generated Column"
            f" Column Type: {column.sql_type.title}, Expression Type: {kind.title}"
        )


def _is_aggregate(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in _AGGREGATES
    return isinstance(node, exp.AggFunc)


def _matches(column: SqlType, kind: SqlType) -> bool:
    """Lengths of texts do not matter, precision and scale of decimals do."""
    if kind.name == "null" or (column.is_text and kind.is_text):
        return True
    if column.items:
        return column.name == kind.name
    return column == kind


def referring(table: Table, name: str) -> str | None:
    """The generated column whose expression reads a column, or None."""
    for column in table.columns:
        if column.generated is None:
            continue
        tree = dialect.parse_expression(column.generated)
        if any(each.name.lower() == name.lower() for each in tree.find_all(exp.Column)):
            return column.name
    return None
