"""Brings the rows of a table into its new shape: another DuckDB table, the old one dropped."""

from sqlglot import exp

from emulator.errors import failed
from emulator.sql.translate import column_expression, generate
from emulator.storage.catalog import AGGREGATE, Column, Table, quoted, stored_columns
from emulator.storage.defaults import default_sql
from emulator.storage.engine import Unit
from emulator.storage.merging import aggregated
from emulator.types.coercion import to_type, typed


def rewritten(unit: Unit, old: Table, new: Table, renamed: dict[str, str]) -> None:
    """Put the rows of `old` into the store of `new`, inside a unit of work; `renamed` maps new names to old ones.

    Raises StarRocksError 1064 for a value that its new type does not hold.
    """
    values, checks = [], []
    for column in new.columns:
        if column.generated is not None:
            continue
        source = old.column(renamed.get(column.name, column.name))
        if source is None or source.generated is not None:
            value = default_sql(column)
        elif source.type == column.type:
            value = quoted(source.name)
        else:
            value = _converted(source, column)
            checks.append(f"({quoted(source.name)} is not null and ({value}) is null)")
        values.append(f"cast({value} as {column.sql_type.duckdb}) as {quoted(column.name)}")
    _refuse_losses(unit, old, checks)
    rows = f"(select {', '.join(values)} from {old.physical})"
    listed = ", ".join(
        quoted(column.name)
        if column.generated is None
        else f"cast(({column_expression(column.generated, new)}) as {column.sql_type.duckdb})"
        for column in new.columns
    )
    if new.model == AGGREGATE and len(new.keys) < len(old.keys):
        rows = f"({aggregated(new, f'(select 0 as __order, * from {rows})')})"
    unit.execute(f"create table {new.physical} ({stored_columns(new.columns)})")
    unit.execute(f"insert into {new.physical} select {listed} from {rows}")
    unit.execute(f"drop table {old.physical}")


def _converted(source: Column, target: Column) -> str:
    node = typed(exp.column(exp.to_identifier(source.name, quoted=True)), source.sql_type)
    return generate(to_type(node, target.sql_type))


def _refuse_losses(unit: Unit, table: Table, checks: list[str]) -> None:
    if checks and unit.execute(f"select 1 from {table.physical} where {' or '.join(checks)} limit 1").fetchone():
        raise failed(f"Alter task failed: a value of table {table.name} does not fit its new type")
