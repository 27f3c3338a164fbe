"""ALTER TABLE MODIFY COLUMN: which changes StarRocks allows, and what is left of the column.

Source: `fe/fe-core/src/main/java/com/starrocks/alter/SchemaChangeHandler.java` (processModifyColumn),
`catalog/Column.java` (checkSchemaChangeAllowed), `catalog/SchemaChangeTypeCompatibility.java`.
"""

import dataclasses
from dataclasses import dataclass, field

from emulator.errors import StarRocksError, analysis, failed
from emulator.sql.reader import Reader
from emulator.statements.generated_columns import check_expression, referring
from emulator.storage.catalog import AGGREGATE, DUPLICATE, PRIMARY, UNIQUE, Column, Table
from emulator.types.sql_type import INTEGERS, SqlType

_MODELS = {PRIMARY: "Primary", UNIQUE: "Unique", DUPLICATE: "Duplicate", AGGREGATE: "Aggregate"}


@dataclass
class Change:
    """A table on its way to another definition.

    `old` is the table as it is, `renamed` maps new names of columns to their old ones. `fast`: StarRocks changes the
    definition at once (fast schema evolution), else a job rewrites the rows.
    """

    old: Table
    table: Table
    renamed: dict[str, str] = field(default_factory=dict)
    fast: bool = True

    @classmethod
    def of(cls, table: Table) -> "Change":
        return cls(table, table, fast=table.properties.get("fast_schema_evolution", "true").lower() == "true")


def modify(change: Change, column: Column, reader: Reader) -> None:
    """MODIFY COLUMN: another type, default or place. Raises StarRocks' refusals."""
    table = change.table
    old = table.column(column.name)
    if old is None:
        raise failed(f"Column[{column.name}] does not exists")
    new = _with_rest(table, old, column)
    widened = _is_widened(old, new)
    _check_modified(table, old, new, widened)
    columns = [new if each is old else each for each in table.columns]
    moved = _moved(table, columns, new, reader)
    change.fast = change.fast and widened and not moved
    change.table = dataclasses.replace(table, columns=tuple(columns))


def _with_rest(table: Table, old: Column, column: Column) -> Column:
    """The new definition with what MODIFY does not say kept."""
    if table.model == AGGREGATE:
        if column.key and column.aggregation:
            raise failed(f"Can not assign aggregation method on key column: {column.name}")
        if column.aggregation != old.aggregation:
            raise failed("Can not change aggregation type")
    elif column.aggregation and table.model != PRIMARY:
        raise wrong_aggregation(table, column)
    nullable = column.nullable and not (table.model == PRIMARY and old.key)
    return dataclasses.replace(
        column,
        name=old.name,
        key=old.key,
        nullable=nullable,
        comment=column.comment or old.comment,
        aggregation=old.aggregation,
    )


def _check_modified(table: Table, old: Column, new: Column, widened: bool) -> None:
    if table.model == PRIMARY and old.key and not widened:
        raise failed(
            f"Can not modify key column: {old.name} for primary key table except for increasing varchar length"
        )
    if table.model == PRIMARY and old.name in table.order_by and not widened:
        raise failed("Can not modify sort column in primary data model table except for increasing varchar length")
    user = referring(table, old.name)
    if new.generated is None and old.generated is None and user is not None:
        raise failed(f"Do not support modify column: {old.name}, because it associates with the generated column")
    if old.auto_increment:
        raise failed("Can't not modify a AUTO_INCREMENT column")
    if (old.generated is None) != (new.generated is None):
        kinds = ("generated", "non-generated") if old.generated is not None else ("non-generated", "generated")
        raise failed(f"Can not modify a {kinds[0]} column to a {kinds[1]} column")
    if new.generated is not None:
        check_expression(table, new, named=True)
        return
    for kind, names in (("partition", table.partition_columns), ("distribution", table.distribution)):
        if old.name in names and not widened:
            raise failed(f"Can not modify {kind} column[{old.name}]. index[{table.name}]")
    if old.nullable and not new.nullable:
        raise failed("Can not change from nullable to non-nullable")
    if old.sql_type.is_text and new.sql_type.is_text and (old.sql_type.length or 0) > (new.sql_type.length or 0):
        raise failed("Cannot shorten string length")
    if not _may_become(old.sql_type, new.sql_type):
        raise failed(f"Can not change {old.sql_type.title} to {new.sql_type.title}")
    if (old.default, old.default_is_function) != (new.default, new.default_is_function):
        raise failed("Can not change default value")


def _moved(table: Table, columns: list[Column], column: Column, reader: Reader) -> bool:
    """Move a column within the list when the clause says so."""
    if reader.accept("FIRST"):
        columns.remove(column)
        columns.insert(0, column)
    elif reader.accept("AFTER"):
        last = reader.identifier()
        after = next((each for each in columns if each.name.lower() == last.lower()), None)
        if after is None:
            raise failed(f"Column[{last}] does not exists")
        if after.generated is not None:
            raise analysis("Can not modify column after Generated Column")
        if after is column:
            raise failed(f"Column[{last}] modify position is invalid")
        columns.remove(column)
        columns.insert(columns.index(after) + 1, column)
    else:
        return False
    order = [each.key for each in columns]
    if order != sorted(order, reverse=True):
        raise failed(f"Invalid column order. value should be after key. index[{table.name}]")
    return True


def _is_widened(old: Column, new: Column) -> bool:
    """Only the length of a VARCHAR grows."""
    if old.sql_type.name != "varchar" or new.sql_type.name != "varchar":
        return False
    longer = (new.sql_type.length or 0) >= (old.sql_type.length or 0)
    return longer and old.nullable == new.nullable


def _may_become(old: SqlType, new: SqlType) -> bool:
    """StarRocks widens only (`catalog/SchemaChangeTypeCompatibility.java`)."""
    if old.is_text and new.is_text:
        return (new.length or 0) >= (old.length or 0)
    if old.name == new.name:
        same_scale = (new.scale or 0) >= (old.scale or 0)
        return same_scale and (new.precision or 0) - (new.scale or 0) >= (old.precision or 0) - (old.scale or 0)
    if old.is_integer and new.is_integer:
        return INTEGERS.index(new.name) > INTEGERS.index(old.name)
    if new.name == "varchar":
        return old.is_integer or old.name in {"float", "double", "date", "decimal", "json"}
    allowed = {("float", "double"), ("date", "datetime"), ("datetime", "date"), ("int", "date"), ("varchar", "json")}
    return (
        (old.name, new.name) in allowed
        or (old.is_integer and new.name in {"float", "double"})
        or (old.is_text and new.name in {*INTEGERS, "float", "double", "date"})
    )


def wrong_aggregation(table: Table, column: Column) -> StarRocksError:
    """Only AGGREGATE KEY tables have aggregations."""
    model = _MODELS[table.model]
    return failed(f"Can not assign aggregation method on column in {model} data model table: {column.name}")
