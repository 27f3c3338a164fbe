"""`colocate_with`: the tables of a group in a database are cut alike. Rows do not lie apart here; the rule is kept.

Source: `fe/fe-core/src/main/java/com/starrocks/catalog/ColocateGroupSchema.java`.
"""

from emulator.errors import failed
from emulator.storage.catalog import Table
from emulator.storage.engine import Engine

_NUMBER = 5063


def check_group(engine: Engine, table: Table) -> None:
    """Raise StarRocks' refusal of a table that differs from the others of its group."""
    group = table.properties.get("colocate_with")
    if not group or table.temporary:
        return
    others = (each for each in engine.all("table", table.db) if each.properties.get("colocate_with") == group)
    other = next((each for each in others if each.id != table.id), None)
    if other is None:
        return
    if table.buckets != other.buckets:
        raise failed(f"Colocate tables must have same bucket num: {other.buckets}, with group {group}", _NUMBER)
    mine, theirs = _types(table), _types(other)
    if len(mine) != len(theirs):
        raise failed(
            f"Colocate tables distribution columns size must be the same : {len(theirs)}, with group {group}", _NUMBER
        )
    for name, kind, wanted in zip(table.distribution, mine, theirs, strict=True):
        if kind != wanted:
            raise failed(
                f"Colocate tables distribution columns must have the same data type with group {group},"
                f" current col: {name}, should be: {wanted}",
                _NUMBER,
            )
    replicas = other.properties.get("replication_num", "1")
    if table.properties.get("replication_num", "1") != replicas:
        raise failed(f"Colocate tables must have same replication num: {replicas}, with group {group}", _NUMBER)


def _types(table: Table) -> list[str]:
    """Titles of the bucket columns' types; the length of a text does not count."""
    kinds = [column.sql_type for name in table.distribution if (column := table.column(name)) is not None]
    return [kind.name.upper() if kind.is_text else kind.title for kind in kinds]
