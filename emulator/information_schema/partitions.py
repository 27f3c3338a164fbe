"""information_schema.partitions_meta, and the partitions of a table for SHOW PARTITIONS.

Recorded: `test/sql/test_list_partition/R/test_add_list_partition` (keys and values of list partitions).
"""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from emulator.information_schema.registry import moment, system_table
from emulator.information_schema.tables import wanted_tables
from emulator.storage import partitions
from emulator.storage.catalog import Table, quoted
from emulator.storage.ddl_text import column_text
from emulator.storage.writing import visible

if TYPE_CHECKING:
    from emulator.session import Session


@system_table(
    "partitions_meta",
    "DB_NAME TABLE_NAME PARTITION_NAME PARTITION_ID:bigint COMPACT_VERSION:bigint VISIBLE_VERSION:bigint"
    " VISIBLE_VERSION_TIME:datetime NEXT_VERSION:bigint DATA_VERSION:bigint VERSION_EPOCH:bigint VERSION_TXN_TYPE"
    " PARTITION_KEY PARTITION_VALUE DISTRIBUTION_KEY BUCKETS:int REPLICATION_NUM:int STORAGE_MEDIUM"
    " COOLDOWN_TIME:datetime LAST_CONSISTENCY_CHECK_TIME:datetime"
    " IS_IN_MEMORY:boolean IS_TEMP:boolean DATA_SIZE ROW_COUNT:bigint"
    " ENABLE_DATACACHE:boolean AVG_CS:double P50_CS:double MAX_CS:double STORAGE_PATH STORAGE_SIZE:bigint"
    " TABLET_BALANCED:boolean METADATA_SWITCH_VERSION:bigint",
)
def partitions_meta(session: "Session") -> Iterable[Sequence[Any]]:
    for table in wanted_tables(session):
        yield from partition_rows(session, table)


def partition_rows(session: "Session", table: Table) -> Iterable[Sequence[Any]]:
    """A table's rows of partitions_meta."""
    counted, values = _counted(session, table)
    replicas = int(table.properties.get("replication_num", "1"))
    for name, state in sorted(visible(session.engine, table)["partitions"].items()):
        version = state["version"]
        yield (
            table.db,
            table.name,
            name,
            state["id"],
            0,
            version,
            moment(state["time"]),
            version + 1,
            version,
            0,
            "TXN_NORMAL",
            _key(table),
            partitions.shown_value(table, name) or values.get(name, ""),
            _names(table.distribution),
            table.buckets,
            replicas,
            "HDD",
            None,
            None,
            False,
            False,
            "0B",
            counted.get(name, 0),
            True,
            0.0,
            0.0,
            0.0,
            "",
            0,
            True,
            0,
        )


def _counted(session: "Session", table: Table) -> tuple[dict[str, int], dict[str, str]]:
    """Rows of each partition; where lists come with the rows, also the values of each as they are shown."""
    if partitions.is_range(table) or table.declared_partitions:
        return partitions.counts(session.cursor, table), {}
    name = partitions.name_sql(table)
    texts = ", ".join(f"any_value(cast({quoted(column)} as varchar))" for column in table.partition_columns)
    rows = session.cursor.execute(f"select {name}, count(*), {texts} from {table.physical} group by 1").fetchall()
    values = {row[0]: json.dumps([list(row[2:])], separators=(",", ":"), ensure_ascii=False) for row in rows}
    return {row[0]: row[1] for row in rows}, values


def _key(table: Table) -> str:
    """PARTITION_KEY: names for ranges, whole definitions for lists."""
    if partitions.is_range(table):
        return _names(table.partition_columns)
    columns = (table.column(name) for name in table.partition_columns)
    return ", ".join(column_text(column).strip() for column in columns if column is not None)


def _names(listed: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in listed)
