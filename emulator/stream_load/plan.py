"""The one SELECT that turns a canonical body into the rows of a table, good and bad.

Its columns: the target columns that the load writes (and `__op`) and `__fault` (NULL for a good row, '' for one
that `where` leaves out, else StarRocks' reason); `bad_rows` gives `__row` too, the fields of a bad row for the log.
Three layers: the fields converted, the target columns computed, the faults judged; the order of judgement is
StarRocks': format errors, then `where`, then what the table refuses (be/src/exec/file_scanner/,
be/src/exec/tablet_sink.cpp).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from emulator.errors import ANALYSIS, StarRocksError
from emulator.sql import dialect
from emulator.sql.translate import Context, expression_sql
from emulator.storage import partitions
from emulator.storage.catalog import Column, Table, quoted
from emulator.storage.engine import Engine
from emulator.storage.writing import OP, fault_sql, visible_names
from emulator.stream_load import field_values, implied_types
from emulator.stream_load.body import Body
from emulator.stream_load.headers import LoadError, LoadOptions
from emulator.stream_load.mapping import Mapping
from emulator.types.coercion import BOOLEAN
from emulator.types.sql_type import SqlType

FAULT, ROW, BAD = "__fault", "__row", "__bad"
TEXT = SqlType("varchar", length=1048576)
_VALUE = "'Value '''"
OUT_OF_PARTITIONS = "The row is out of partition ranges. Please add a new partition."


@dataclass(frozen=True)
class Plan:
    """How one load reads its body into one table."""

    engine: Engine
    table: Table
    mapping: Mapping
    options: LoadOptions

    @property
    def targets(self) -> tuple[str, ...]:
        return self.mapping.targets(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the canonical file."""
        return tuple(f"__f{at}" for at in range(len(self.mapping.fields)))

    @property
    def needs_exact_texts(self) -> bool:
        """Whether a field is used as the text that came, not as a whole number, a truth value or a time."""
        plain = ("boolean", "date", "datetime")
        kinds = [None if self._is_text(name) else self._type(name) for name in self.mapping.fields if name != OP]
        return any(kind is None or not (kind.is_integer or kind.name in plain) for kind in kinds)

    @property
    def integer_types(self) -> tuple[str, ...]:
        """DuckDB's type of each field that goes into a whole number as it is, '' for others."""
        kinds = [None if self._is_text(name) else self._type(name) for name in self.mapping.fields]
        return tuple(kind.duckdb if kind is not None and kind.is_integer else "" for kind in kinds)

    @property
    def has_nested(self) -> bool:
        """Whether a field goes into a JSON, ARRAY, MAP or STRUCT column."""
        columns = [column for name in self.mapping.fields if (column := self.table.column(name)) is not None]
        return any(column.sql_type.items or column.sql_type.name == "json" for column in columns)

    def check(self) -> None:
        """Raise LoadError now, before the body is read, for what cannot be planned."""
        self.select(Body(Path(), self.names, json=self.options.format == "json"), "nothing")

    def select(self, body: Body, source: str) -> str:
        """The SELECT over `source`, what `Body.read` gives: the target columns and `__fault`."""
        names = [quoted(name) for name in self.targets] + ([OP] if self.mapping.has_op else [])
        return f"select {', '.join(names)}, {FAULT} from ({self._judged(body, source)})"

    def bad_rows(self, body: Body, source: str) -> str:
        """The SELECT of `__fault` and `__row` of the rows that are refused."""
        return f"select {FAULT}, {self._row(body)} as {ROW} from ({self._judged(body, source)}) where {FAULT} <> ''"

    def _judged(self, body: Body, source: str) -> str:
        """Target columns, `__fault`, and the raw fields, which cost nothing where nobody asks for them."""
        fields, bad = self._fields(body)
        raw = ", ".join(body.names)
        inner = f"select {', '.join(fields)}, {bad} as {BAD}, {raw} from {source}"
        computed = f"select {', '.join(self._computed())}, {self._text_fault()} as {BAD}, {raw} from ({inner})"
        names = [quoted(name) for name in self.targets] + ([OP] if self.mapping.has_op else [])
        return f"select {', '.join(names)}, {self._fault()} as {FAULT}, {raw} from ({computed})"

    def _row(self, body: Body) -> str:
        """SQL of a row as the error log shows it."""
        if body.json:
            return f"concat('[', concat_ws(', ', {', '.join(body.names)}), ']')"
        return f"concat_ws({_text(self._shown_separator())}, {', '.join(body.text(name) for name in body.names)})"

    def _shown_separator(self) -> str:
        return self.options.column_separator.decode(errors="replace")

    def _is_text(self, name: str) -> bool:
        """A field that an expression mentions, or that the table lacks, stays VARCHAR."""
        return name.lower() in self.mapping.used or self.table.column(name) is None

    def _fields(self, body: Body) -> tuple[list[str], str]:
        """(columns of the inner SELECT, SQL of the first field's fault in strict mode)."""
        columns, cases = [], []
        implied = implied_types.implied(self.mapping.computed.values()) if self.options.strict_mode else {}
        for at, (field, name) in enumerate(zip(self.mapping.fields, body.names, strict=True)):
            column = self.table.column(field)
            if field == OP:
                columns.append(f"{self._operation(field_values.text(body, name))} as {OP}")
            elif column is None or self._is_text(field):
                value = field_values.text(body, name)
                columns.append(f"{value} as {quoted(field)}")
                if column is None and field.lower() in implied:
                    wanted = Column(field, implied[field.lower()])
                    wrong = f"({field_values.from_text(value, wanted.sql_type)}) is null"
                    cases.append(f"when {name} is not null and {wrong} then {_field_fault(wanted, at, value)}")
            else:
                value = field_values.converted(body, name, column.sql_type)
                columns.append(f"{value} as {quoted(field)}")
                shown = field_values.text(body, name)
                cases.append(f"when {name} is not null and ({value}) is null then {_field_fault(column, at, shown)}")
        strict = self.options.strict_mode and cases
        return columns, f"case {' '.join(cases)} end" if strict else "cast(null as varchar)"

    @staticmethod
    def _operation(value: str) -> str:
        return (
            f"case lower(trim({value})) when 'delete' then 1 when 'upsert' then 0 "
            f"else coalesce(try_cast({value} as tinyint), 0) end"
        )

    def _computed(self) -> list[str]:
        columns = []
        for name in self.targets:
            column = self.table.column(name)
            assert column is not None
            expression = self.mapping.computed.get(name)
            if expression is not None:
                columns.append(f"{self._translated(expression, name, column.sql_type)} as {quoted(name)}")
            elif self._is_text(name):
                columns.append(f"{field_values.from_text(quoted(name), column.sql_type)} as {quoted(name)}")
            else:
                columns.append(quoted(name))
        if OP in self.mapping.computed:
            columns.append(
                f"{self._operation(f'cast({self._translated(self.mapping.computed[OP], OP)} as varchar)')} as {OP}"
            )
        elif OP in self.mapping.fields:
            columns.append(OP)
        return columns

    def _text_fault(self) -> str:
        """The fault so far; in strict mode also that of a field that stayed text for an expression."""
        cases = [f"when {BAD} is not null then {BAD}"]
        for name in self.targets if self.options.strict_mode else ():
            column = self.table.column(name)
            if column is None or name in self.mapping.computed or not self._is_text(name):
                continue
            field = quoted(name)
            ending = _text(f"' is out of range. The type of '{name}' is {column.type.upper()}")
            wrong = f"{field} is not null and ({field_values.from_text(field, column.sql_type)}) is null"
            cases.append(f"when {wrong} then {_VALUE} || {field} || {ending}")
        return f"case {' '.join(cases)} end"

    @property
    def _context(self) -> Context:
        return Context(self.engine, self.table.db, self.options.timezone)

    def _translated(self, expression: str, column: str, target: SqlType | None = None) -> str:
        """An expression of the `columns` header over the fields, which are VARCHAR there."""
        fields = {name: TEXT if self._is_text(name) else self._type(name) for name in self.mapping.fields}
        known = {name.lower() for name in fields}
        for node in dialect.parse_expression(expression).find_all(exp.Column):
            if node.name.lower() not in known:
                raise LoadError(
                    f"Referenced column '{node.name}' in expr '{expression}' can't be found in column list,"
                    f" derived column is '{column}'"
                )
        try:
            return expression_sql(self._context, expression, fields, target)
        except StarRocksError as error:
            detail = error.message.removeprefix(ANALYSIS)
            raise LoadError(f"Expr '{expression}' analyze error: {detail}, derived column is '{column}'") from error

    def _type(self, name: str) -> SqlType:
        column = self.table.column(name)
        return column.sql_type if column else TEXT

    def _fault(self) -> str:
        cases = [f"when {BAD} is not null then {BAD}"]
        if self.options.where:
            given = {name.lower() for name in self.targets}
            columns = {column.name: column.sql_type for column in self.table.columns if column.name.lower() in given}
            try:
                condition = expression_sql(self._context, self.options.where, columns, BOOLEAN)
            except StarRocksError as error:
                raise LoadError(error.message) from error
            cases.append(f"when ({condition}) is not true then ''")
        if self.options.partitions:
            cases.append(f"when not ({self._in_partitions()}) then '{OUT_OF_PARTITIONS}'")
        return f"case {' '.join(cases)} else {self._refused_by_table()} end"

    def _refused_by_table(self) -> str:
        """A row that deletes by key needs nothing but its key."""
        if not self.mapping.has_op:
            return fault_sql(self.table, self.targets)
        keys = tuple(name for name in self.targets if name in self.table.keys)
        deleted, kept = fault_sql(self.table, keys), fault_sql(self.table, self.targets)
        return f"case when {OP} = 1 then {deleted} else {kept} end"

    def _in_partitions(self) -> str:
        try:
            return partitions.predicate(
                self.table, list(self.options.partitions), visible_names(self.engine, self.table)
            )
        except StarRocksError as error:
            raise LoadError(error.message) from error


def _field_fault(column: Column, position: int, value: str) -> str:
    start = f"The field (name = {column.name}, pos = {position}) is out of range. Type: {column.type.upper()}, "
    return f"{_text(start + 'Value length: ')} || strlen({value}) || ', Value: ' || {value}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
