"""ALTER TABLE ... ADD, DROP, TRUNCATE, RENAME PARTITION.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/AlterTableClauseAnalyzer.java`,
`server/LocalMetastore.java`; recorded: `test/sql/test_drop_partition`, `test/sql/test_partition_by_expr`,
`test/sql/test_list_partition/R/test_add_list_partition`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from emulator.errors import analysis, failed, unsupported
from emulator.results import Ok
from emulator.sql.reader import Reader
from emulator.statements import partition_clauses
from emulator.statements.create_table import fresh_partition
from emulator.statements.partition_checks import added
from emulator.statements.partition_clauses import Batched, Declared
from emulator.storage import partitions
from emulator.storage.catalog import Table
from emulator.storage.writing import touch, visible, visible_names

if TYPE_CHECKING:
    from emulator.session import Session


def partition_clause(session: Session, table: Table, reader: Reader) -> Ok | None:
    """Read and do a clause about partitions; None when the clause is about something else."""
    if reader.next_is("ADD", "PARTITION") or reader.next_is("ADD", "PARTITIONS"):
        reader.expect("ADD")
        return _add(session, table, reader)
    if reader.next_is("DROP", "PARTITION") or reader.next_is("DROP", "PARTITIONS"):
        reader.expect("DROP")
        return _drop(session, table, reader)
    if reader.accept("TRUNCATE", "PARTITION") or reader.accept("TRUNCATE", "PARTITIONS"):
        names = reader.identifiers() if reader.next_is("(") else (reader.identifier(),)
        return _remove_rows(session, table, list(names))
    if reader.accept("RENAME", "PARTITION"):
        return _rename(session, table, reader.identifier(), reader.identifier())
    for verb in ("ADD", "DROP", "DROP ALL", "REPLACE", "MODIFY"):
        words = verb.split()
        for kind in ("TEMPORARY", "PARTITION"):
            if reader.next_is(*words, kind):
                raise unsupported(f"ALTER TABLE {verb} {kind}")
    return None


def _add(session: Session, table: Table, reader: Reader) -> Ok:
    if not table.partition_by:
        raise analysis("Only support adding partition to range/list partitioned table")
    if_not_exists = False
    new: list[Declared]
    if reader.accept("PARTITIONS"):
        new = [partition_clauses.read_batched(reader)]
    else:
        reader.expect("PARTITION")
        one, if_not_exists = partition_clauses.read_named(reader)
        new = [one]
    if reader.accept("DISTRIBUTED", "BY", "HASH"):
        reader.identifiers()
        if reader.accept("BUCKETS"):
            reader.number()
    if reader.next_is("("):
        reader.properties()
    if table.declared_partitions:
        return _declare(session, table, new, if_not_exists)
    if partitions.unit_of(table) is not None:
        return _add_ahead(session, table, new)
    return _add_values(session, table, new, if_not_exists)


def _declare(session: Session, table: Table, new: list[Declared], if_not_exists: bool) -> Ok:
    known = {name.lower() for name in visible_names(session.engine, table)}
    whole = [
        each for one in new for each in (partition_clauses.expanded(table, one) if isinstance(one, Batched) else [one])
    ]
    if any(each.values for each in whole) != (table.partition_by == "LIST"):
        raise analysis("Cant add partition with error partition type")
    taken = next((each.name for each in whole if each.name.lower() in known), None)
    if taken is not None and if_not_exists:
        return Ok()
    if taken is not None:
        raise failed(f"Duplicate partition name {taken}", 1517)
    return _save(session, added(session.cursor, table, whole), [each.name for each in whole])


def _add_ahead(session: Session, table: Table, new: list[Declared]) -> Ok:
    """Partitions of date_trunc before there are rows for them; they must be those that rows would make."""
    batched = new[0]
    if not isinstance(batched, Batched):
        raise analysis(
            "Currently, you cannot manually add a single range partition to a table that is automatically partition"
        )
    if batched.step > 1:
        raise analysis("The step of the auto-partitioned table should be 1")
    unit = partitions.unit_of(table) or ""
    if batched.unit != unit:
        raise analysis(
            f"The granularity of the auto-partitioned table granularity({unit})"
            f" should be consistent with the increased partition granularity({batched.unit.upper()})."
        )
    _check_aligned(table, batched)
    return _save(session, table, [each.name for each in partition_clauses.expanded(table, batched)])


def _check_aligned(table: Table, batched: Batched) -> None:
    start, end = partition_clauses.moments(batched)
    first, last = (partition_clauses.floor(each, batched.unit) for each in (start, end))
    if (first, last) == (start, end):
        return
    column = table.column(table.partition_columns[0])
    pattern = "%Y-%m-%d" if column is not None and column.type == "date" else "%Y-%m-%d %H:%M:%S"
    given, wanted = (",".join(each.strftime(pattern) for each in pair) for pair in ((start, end), (first, last)))
    raise analysis(
        f"Batch build partition range [{given}) should be a standard unit of time ({batched.unit.upper()}) ."
        f" suggest range [{wanted})If you want to create partial partitions in batch, you can turn off this check by"
        " setting the FE config enable_create_partial_partition_in_batch=true"
    )


def _add_values(session: Session, table: Table, new: list[Declared], if_not_exists: bool) -> Ok:
    """A partition of one combination of values, under a name that the rows would not give it."""
    one = new[0]
    if isinstance(one, Batched) or not one.values:
        raise analysis("Cant add partition with error partition type")
    if len(one.values) > 1:
        raise analysis("Automatically partitioned tables does not support multiple values in the same partition")
    if one.name.lower() in {name.lower() for name in visible_names(session.engine, table)}:
        if if_not_exists:
            return Ok()
        raise failed(f"Duplicate partition name {one.name}", 1517)
    changed = added(session.cursor, table, [one])
    columns = ", ".join(partitions.literals(changed, changed.partitions[-1]))
    found = session.cursor.execute(f"select {partitions.name_sql(table)} from (select {columns})").fetchone()
    if found is not None and found[0] in visible_names(session.engine, table):
        raise analysis(f"Duplicate partition values exist for partition: {one.name}")
    return _save(session, changed, [one.name])


def _save(session: Session, table: Table, names: list[str]) -> Ok:
    """Put new, empty partitions into the catalogue."""
    state = visible(session.engine, table)
    fresh = {name: fresh_partition(session, table) for name in names if name not in state["partitions"]}
    with session.engine.write(session.cursor) as unit:
        unit.save(table)
        unit.put("visible", "", str(table.id), {**state, "partitions": {**state["partitions"], **fresh}})
    return Ok()


def _drop(session: Session, table: Table, reader: Reader) -> Ok:
    several = reader.accept("PARTITIONS")
    if not several:
        reader.expect("PARTITION")
    if_exists = reader.accept("IF", "EXISTS")
    if reader.next_is("WHERE"):
        raise unsupported("ALTER TABLE DROP PARTITIONS WHERE")
    if reader.next_is("START"):
        names = [each.name for each in partition_clauses.expanded(table, partition_clauses.read_batched(reader))]
    else:
        names = list(reader.identifiers() if several else (reader.identifier(),))
    reader.accept("FORCE")
    if not table.partition_by:
        raise failed(f"Alter table [{table.name}] failed. Not a partitioned table")
    known = visible_names(session.engine, table)
    missing = [name for name in names if name not in known]
    if missing and not if_exists:
        raise failed(f"Error in list of partitions to [{', '.join(missing)}]", 1507)
    found = [name for name in names if name in known]
    if found:
        _remove(session, table, found, known)
    return Ok()


def _remove(session: Session, table: Table, names: list[str], known: list[str]) -> None:
    state = visible(session.engine, table)
    left = {name: each for name, each in state["partitions"].items() if name not in names}
    kept = tuple(each for each in table.partitions if each.name not in names)
    with session.engine.write(session.cursor) as unit:
        unit.execute(f"delete from {table.physical} where {partitions.predicate(table, names, known)}")
        unit.save(dataclasses.replace(table, partitions=kept))
        unit.put("visible", "", str(table.id), {"version": state["version"] + 1, "partitions": left})


def _remove_rows(session: Session, table: Table, names: list[str]) -> Ok:
    known = visible_names(session.engine, table)
    for name in names:
        if name not in known:
            raise failed(f"Partition {name} does not exist")
    with session.engine.write(session.cursor) as unit:
        unit.execute(f"delete from {table.physical} where {partitions.predicate(table, names, known)}")
        touch(session.engine, unit, table, names)
    return Ok()


def _rename(session: Session, table: Table, old: str, new: str) -> Ok:
    if table.partition_by and not table.declared_partitions:
        raise failed(f"Table[{table.name}] is automatic partitioned. not support to rename partition name.")
    if not table.partition_by:
        raise failed(f"Table[{table.name}] is not partitioned. no need to rename partition name.")
    known = visible_names(session.engine, table)
    if old not in known:
        raise failed(f"Partition[{old}] does not exists")
    if new in known:
        raise failed(f"Partition name[{new}] is already used")
    state = visible(session.engine, table)
    renamed = tuple(dataclasses.replace(each, name=new) if each.name == old else each for each in table.partitions)
    listed = {new if name == old else name: each for name, each in state["partitions"].items()}
    with session.engine.write(session.cursor) as unit:
        unit.save(dataclasses.replace(table, partitions=renamed))
        unit.put("visible", "", str(table.id), {**state, "partitions": listed})
    return Ok()
