"""Numbers for AUTO_INCREMENT columns: each given once, from 1, in the order in which they are asked for.

Numbers that a client writes itself do not move the counter, as in StarRocks
(test/sql/test_auto_increment/R/test_auto_increment); StarRocks may leave gaps, here there are gaps after failures only.
"""

from emulator.storage.catalog import Column, Table, quoted
from emulator.storage.engine import Engine, Unit

KIND = "auto_increment"


def column_of(table: Table) -> Column | None:
    """The AUTO_INCREMENT column of a table; there is one at most."""
    return next((column for column in table.columns if column.auto_increment), None)


def begin(unit: Unit, table: Table) -> None:
    """Give a new table its counter."""
    if column_of(table) is not None:
        unit.put(KIND, "", str(table.id), {"next": 1})


def forget(unit: Unit, table: Table) -> None:
    """The table goes."""
    unit.delete(KIND, "", str(table.id))


def take(engine: Engine, unit: Unit, table: Table, count: int) -> int:
    """Take `count` numbers; give the first. A table that came from a backup goes on behind its rows, and so does a
    temporary one, which leaves nothing in the catalogue."""
    if table.temporary:
        return _behind_rows(unit, table)
    key = (KIND, "", str(table.id))
    state = unit.changes.get(key) or engine.get(*key)
    first = int(state["next"]) if state else _behind_rows(unit, table)
    unit.put(*key, {"next": first + count})
    return first


def _behind_rows(unit: Unit, table: Table) -> int:
    column = column_of(table)
    if column is None:
        return 1
    row = unit.execute(f"select coalesce(max({quoted(column.name)}), 0) + 1 from {table.physical}").fetchone()
    return int(row[0]) if row else 1
