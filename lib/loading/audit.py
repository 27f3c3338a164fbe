"""Looks at what is staged before it becomes visible: rows that break the table's own rules are put aside.

What the client's parser cannot see is seen here: values made by expressions, unknown references, rows that would
move to another partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib import quarantine
from lib.catalog import Check, TableFile
from lib.errors import DataRefused
from lib.loading import conform
from lib.loading.mapping import LOST, ROW, SOURCE, Mapping
from lib.loading.stage import Stage
from lib.reading import Part, Reject
from lib.warehouse import Row, Warehouse, quote

# Rows are left out of the publish by their numbers, so there is an end to how many one load can put aside here.
MOST = 5000


@dataclass(frozen=True)
class Fault:
    """A rule that staged rows can break: `broken` is SQL over the stage's columns (alias s)."""

    reason: str
    column: str
    broken: str


@dataclass(frozen=True)
class Finding:
    """A staged row that breaks a rule."""

    row: int
    reason: str
    column: str
    value: str
    coordinates: str
    row_text: str


def row_faults(table: TableFile, stage: Stage) -> list[Fault]:
    """The rules that one row alone can break."""
    found = []
    for column in stage.mapping.derived.values():
        name = f"s.{quote(column.name)}"
        if not column.nullable:
            found.append(Fault("null", column.name, f"{name} IS NULL"))
        if column.is_text and column.arguments:
            found.append(Fault("length", column.name, f"length({name}) > {column.arguments[0]}"))
    lost = [Fault("conversion", name, f"s.{quote(LOST)} = '{name}'") for name in stage.mapping.guarded]
    return (
        found + lost + [fault for check in table.checks if check.severity == "CRITICAL" for fault in _declared(check)]
    )


def _declared(check: Check) -> list[Fault]:
    """CRITICAL checks of a single row, as faults of staged rows."""
    from lib.checks import row_rule

    broken = row_rule(check)
    return [Fault("check", check.arguments[0], broken)] if broken else []


def findings(warehouse: Warehouse, table: TableFile, stage: Stage, partition: Sequence[str]) -> list[Finding]:
    """Every staged row that breaks a rule, each once. One scan tells whether there is any."""
    rules = row_faults(table, stage)
    found: list[Finding] = []
    if rules:
        counts = ", ".join(f"count(CASE WHEN {rule.broken} THEN 1 END) AS f{index}" for index, rule in enumerate(rules))
        counted = warehouse.read(f"SELECT {counts} FROM {stage.table} s")[0]
        for index, rule in enumerate(rules):
            if counted[f"f{index}"]:
                found += _rows(warehouse, stage, rule)
    for column, (dimension, key) in table.references().items():
        if dimension not in table.infer and _is_critical(table, column):
            found += _rows(warehouse, stage, _reference(warehouse, column, dimension, key))
    if table.version and partition:
        found += _rows(warehouse, stage, _moved(warehouse, table, partition))
    each = {finding.row: finding for finding in reversed(found)}
    if len(each) > MOST:
        worst = found[0]
        raise DataRefused(
            f"{table.name}: more than {MOST:,} staged rows break its rules, the first at {worst.coordinates}:"
            f" {worst.column} = {worst.value!r} ({worst.reason})",
            hint="mend the source or the header of the table file; nothing of this load is visible",
        )
    return list(each.values())


def rejects(part: Part, plan: Mapping, found: Sequence[Finding]) -> list[Reject]:
    """The findings with their rows as the source has them, read once more, so that they can be replayed.

    Where the source has another row there by now, the staged row stands in for it.
    """
    texts = _source_rows(part, plan, {one.row: one.coordinates for one in found}) if found else {}
    return [
        Reject(one.reason, one.column, one.value, one.coordinates, texts.get(one.row, one.row_text)) for one in found
    ]


def _source_rows(part: Part, plan: Mapping, wanted: dict[int, str]) -> dict[int, str]:
    """The source rows of these numbers, counted as the stage counted them: over the rows that fit."""
    import polars as pl

    numbers = pl.Series(sorted(wanted), dtype=pl.UInt64)
    texts: dict[int, str] = {}
    before = 0
    for batch in part.batches():
        good, _ = conform.conform(batch, plan.direct, plan.required)
        counted = pl.int_range(before + 1, before + good.height + 1, dtype=pl.UInt64)
        picked = good.with_columns(counted.alias(ROW)).filter(pl.col(ROW).is_in(numbers.implode()))
        for row in picked.iter_rows(named=True):
            number = int(row.pop(ROW))
            if str(row[SOURCE]) == wanted[number]:
                texts[number] = quarantine.text(row)
        before += good.height
        if before >= numbers[-1]:
            break
    return texts


def _is_critical(table: TableFile, column: str) -> bool:
    return any(
        check.kind == "references" and check.arguments[0] == column and check.severity == "CRITICAL"
        for check in table.checks
    )


def _reference(warehouse: Warehouse, column: str, dimension: str, key: str) -> Fault:
    known = f"SELECT {quote(key)} FROM {quote(warehouse.database, dimension)}"
    return Fault("reference", column, f"s.{quote(column)} IS NOT NULL AND s.{quote(column)} NOT IN ({known})")


def _moved(warehouse: Warehouse, table: TableFile, partition: Sequence[str]) -> Fault:
    same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in table.key)
    other = " OR ".join(f"t.{quote(name)} <> s.{quote(name)}" for name in partition)
    target = quote(warehouse.database, table.name)
    return Fault("moved", partition[0], f"EXISTS (SELECT 1 FROM {target} t WHERE {same} AND ({other}))")


def _rows(warehouse: Warehouse, stage: Stage, rule: Fault) -> list[Finding]:
    rows = warehouse.read(
        f"SELECT s.{quote(ROW)} AS staged_row, s.{quote(SOURCE)} AS source_text,"
        f" CAST(s.{quote(rule.column)} AS VARCHAR) AS value, {_whole(stage)} AS whole"
        f" FROM {stage.table} s WHERE {rule.broken} ORDER BY s.{quote(ROW)} LIMIT {MOST + 1}"
    )
    return [_finding(row, rule) for row in rows]


def _finding(row: Row, rule: Fault) -> Finding:
    value = "" if row["value"] is None else str(row["value"])[:200]
    return Finding(int(row["staged_row"]), rule.reason, rule.column, value, str(row["source_text"]), str(row["whole"]))


def _whole(stage: Stage) -> str:
    """SQL for the staged row as text, so that the quarantine shows all of it."""
    names = [column.name for column in stage.mapping.staged]
    parts = ", ".join(f"concat('{name}=', coalesce(CAST(s.{quote(name)} AS VARCHAR), 'NULL'))" for name in names)
    return f"concat_ws(', ', {parts})"
