"""Which source column goes where: the plan of a load and the `columns` header of its Stream Load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib import expressions
from lib.catalog import TableFile
from lib.columns import Column
from lib.errors import DataRefused
from lib.warehouse import quote

# Columns that a load of a dimension keeps by itself.
SCD2_MANAGED = ("valid_to", "is_current")
INFERRED = "is_inferred"
ROW, SOURCE = "_row", "_source"
# In the stage: the first nullable column for which a conversion has made NULL of a value.
LOST = "_lost"


@dataclass(frozen=True)
class Mapping:
    """The plan: `direct` source columns are loaded as they are, `derived` target columns by an expression.

    `guarded` are the derived columns that may be NULL, but not because a value could not be converted. `sent` are the
    source columns in the order of the load's CSV, after `_row` and `_source`; `header` is the Stream Load header for
    them; `staged` are the target columns that the stage table has.
    """

    direct: dict[str, Column]
    derived: dict[str, Column]
    sent: tuple[str, ...]
    header: str
    staged: tuple[Column, ...]
    lineage: frozenset[str]
    guarded: tuple[str, ...] = ()

    @property
    def required(self) -> set[str]:
        """Source columns that may not be NULL."""
        return {name for name, column in self.direct.items() if not column.nullable}


def managed(table: TableFile) -> tuple[str, ...]:
    """Target columns that no source delivers."""
    given = set(table.columns)
    names = (*SCD2_MANAGED, INFERRED) if table.scd == 2 else (INFERRED,) if table.scd == 1 else ()
    return tuple(name for name in names if name not in given or name in SCD2_MANAGED)


def kinds(table: TableFile, target: Sequence[Column]) -> dict[str, str]:
    """The kind of each column that a source or an expression fills."""
    left_out = managed(table)
    return {column.name: column.kind for column in target if not column.generated and column.name not in left_out}


def plan(table: TableFile, target: Sequence[Column], source: Sequence[str]) -> Mapping:
    """Matches a table's columns with those of its source.

    Raises `DataRefused` when the source lacks a column, naming it and what there is.
    """
    columns = {column.name: column for column in target if not column.generated and column.name not in managed(table)}
    for name in table.columns:
        if name not in columns:
            raise DataRefused(f"{table.path}: column: {name!r} is no column of {table.name}")
    derived = {name: columns[name] for name in table.columns}
    direct = {name: column for name, column in columns.items() if name not in derived}
    absent = sorted(set(direct) - set(source))
    if absent:
        raise DataRefused(
            f"{table.name}: its source has no column {', '.join(absent)}; it has: {', '.join(sorted(source))}",
            hint=f"mend the source, or map the column in {table.path}: -- column: {absent[0]} = <expression>",
        )
    used = {name for text in table.columns.values() for name in expressions.columns(text, list(source))}
    sent = tuple(name for name in source if name in direct or name in used)
    # Names of StarRocks are not case-sensitive: a source column that is not loaded as it is gets a name of its own.
    alias = {name: name if name in direct else f"_s{index}" for index, name in enumerate(sent)}
    parts = [quote(ROW), quote(SOURCE), *(quote(alias[name]) for name in sent)]
    parts += [f"{quote(name)} = {_computed(text, alias, direct)}" for name, text in table.columns.items()]
    lineage = {name for name, text in table.columns.items() if text.strip("` ").startswith("_")}
    guarded = {name: text for name, text in table.columns.items() if derived[name].nullable}
    lost = [(name, _lost(text, alias, direct)) for name, text in guarded.items() if expressions.conversions(text)]
    if lost:
        cases = " ".join(f"when {broken} then '{name}'" for name, broken in lost)
        parts.append(f"{quote(LOST)} = case {cases} end")
    return Mapping(
        direct=direct,
        derived=derived,
        sent=sent,
        header=", ".join(parts),
        staged=tuple(columns.values()),
        lineage=frozenset(lineage),
        guarded=tuple(name for name, _ in lost),
    )


def _computed(text: str, alias: dict[str, str], direct: dict[str, Column]) -> str:
    """An expression over the fields of the load, in which each field is text, whatever other expressions do with it.

    StarRocks reads a field that is no column of the table as the type to which an expression casts it, for all the
    others too, and refuses the load when one value is not of that type (fe/.../load/Load.java, replaceSrcSlotDescType).
    It looks at casts of plain names only, so one that is no plain name keeps its text: a value that cannot be cast is
    NULL, as everywhere in SQL, and found by the audit.
    """
    plain = text.strip("` ")
    if plain in alias:
        return quote(alias[plain])
    return expressions.replace(text, _fields(alias, direct))


def _lost(text: str, alias: dict[str, str], direct: dict[str, Column]) -> str:
    """Whether an expression is NULL and one of its conversions has made NULL of what was none."""
    fields = _fields(alias, direct)
    made = [
        f"({expressions.replace(operand, fields)}) is not null and {expressions.replace(call, fields)} is null"
        for operand, call in expressions.conversions(text)
    ]
    return f"({_computed(text, alias, direct)}) is null and ({' or '.join(made)})"


def _fields(alias: dict[str, str], direct: dict[str, Column]) -> dict[str, str]:
    return {name: quote(other) if name in direct else f"concat({quote(other)})" for name, other in alias.items()}


def nothing(table: TableFile, target: Sequence[Column]) -> Mapping:
    """The plan for a part without a row: there is nothing to match, and nothing to send."""
    columns = [column for column in target if not column.generated and column.name not in managed(table)]
    return Mapping({}, {}, (), "", tuple(columns), frozenset())


def without(rows: Sequence[int]) -> str:
    """The WHERE clause that leaves rows of a stage out by their numbers; empty when there are none."""
    return f" WHERE {quote(ROW)} NOT IN ({', '.join(map(str, rows))})" if rows else ""
