"""The `columns` header: which field of the body goes where, and what is computed.

    columns: a, b, tmp, d = to_date(tmp)

Names without an expression are the fields of the body in order; a name that the table lacks is a temporary for the
expressions. Rules and messages follow fe/fe-core/src/main/java/com/starrocks/load/Load.java (initColumns).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp, tokenize
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from emulator.errors import StarRocksError
from emulator.sql import dialect
from emulator.storage.catalog import PRIMARY, Column, Table
from emulator.storage.writing import OP, required_missing
from emulator.stream_load.headers import LoadError

OPERATIONS = {"upsert": "0", "delete": "1"}
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


@dataclass(frozen=True)
class Mapping:
    """`fields`: names of the body's fields in order; `computed`: target column -> expression in StarRocks SQL;
    `used`: names that the expressions mention, in lower case."""

    fields: tuple[str, ...]
    computed: dict[str, str]
    used: frozenset[str]

    def targets(self, table: Table) -> tuple[str, ...]:
        """The table's columns that this load writes, in table order."""
        named = {name.lower() for name in (*self.fields, *self.computed)}
        return tuple(column.name for column in table.plain_columns if column.name.lower() in named)

    @property
    def has_op(self) -> bool:
        return OP in self.computed or OP in self.fields

    def source(self, column: str) -> int | None:
        """Position of the field that fills a column as it is, None when it is computed or absent."""
        lowered = column.lower()
        if any(lowered == name.lower() for name in self.computed):
            return None
        return next((at for at, name in enumerate(self.fields) if name.lower() == lowered), None)


def _items(text: str) -> list[list[Token]]:
    """Tokens between the commas of the outermost level."""
    try:
        tokens = tokenize(text, read="starrocks")
    except TokenError as error:
        raise LoadError(f"Getting syntax error. Detail message: {error}") from error
    items: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.token_type in _OPENING
        depth -= token.token_type in _CLOSING
        if token.token_type == TokenType.COMMA and depth == 0:
            items.append([])
        else:
            items[-1].append(token)
    return items


def _parse(text: str) -> tuple[list[str], dict[str, str], set[str]]:
    fields: list[str] = []
    computed: dict[str, str] = {}
    used: set[str] = set()
    for item in _items(text):
        if not item:
            raise LoadError("Getting syntax error. Detail message: empty item in the columns header")
        name = item[0].text
        if len(item) == 1:
            if name.lower() in (field.lower() for field in fields):
                raise LoadError(f"Duplicate column: {name}")
            fields.append(name)
        elif len(item) > 2 and item[1].token_type == TokenType.EQ:
            if name.lower() in (each.lower() for each in computed):
                raise LoadError(f"Duplicate column mapping: {name}")
            computed[name] = text[item[2].start : item[-1].end + 1]
            used |= _columns_in(computed[name])
        else:
            raise LoadError(
                f"Getting syntax error. Detail message: Unexpected input '{item[1].text}' after column {name}"
            )
    return fields, computed, used


def _columns_in(expression: str) -> set[str]:
    """Names of the columns that an expression reads, in lower case."""
    try:
        return {column.name.lower() for column in dialect.parse_expression(expression).find_all(exp.Column)}
    except StarRocksError as error:
        raise LoadError(error.message) from error


def _checked(fields: list[str], computed: dict[str, str], table: Table) -> None:
    for name in (*fields, *computed):
        column = table.column(name)
        if column is not None and column.generated is not None:
            raise LoadError(f"generated column: {name} can not be specified")
    for name in computed:
        if table.column(name) is None and name != OP:
            raise LoadError(f"Mapping column is not in table. column: {name}")


def _operation(computed: dict[str, str]) -> None:
    """Turn a constant `__op` ('upsert', 'delete', 0, 1) into its number; anything else is computed a row."""
    text = computed.get(OP, "").strip()
    if text[:1] in ("'", '"'):
        word = text.strip("'\"").lower()
        if word not in OPERATIONS:
            raise LoadError(f"load op type string not supported: {word}")
        computed[OP] = OPERATIONS[word]


def parse(text: str, table: Table, *, partial: bool, json: bool) -> Mapping:
    """Read the header for a table. Raises LoadError as StarRocks words it."""
    fields, computed, used = _parse(text) if text else ([], {}, set())
    _checked(fields, computed, table)
    if not fields:
        fields = [column.name for column in table.plain_columns if not column.auto_increment]
    if table.model == PRIMARY:
        _operation(computed)
        if json and OP not in (*fields, *computed):
            fields.append(OP)  # JSON picks a key __op by itself
    mapping = Mapping(tuple(fields), {_real(table, name): text for name, text in computed.items()}, frozenset(used))
    if partial:
        _check_partial(mapping, table)
    else:
        missing = required_missing(table, mapping.targets(table))
        if missing is not None:
            raise LoadError(f"Column has no default value. column: {missing}")
    return mapping


def _real(table: Table, name: str) -> str:
    column: Column | None = table.column(name)
    return column.name if column else name


def _check_partial(mapping: Mapping, table: Table) -> None:
    if table.model != PRIMARY:
        raise LoadError("Only primary key table support partial update")
    given = {name.lower() for name in mapping.targets(table)}
    for key in table.keys:
        if key.lower() not in given:
            raise LoadError(f"key column {key} not in partial update columns")


def check_merge_condition(name: str, table: Table, targets: tuple[str, ...]) -> str:
    """The column of the merge_condition header as the table writes it. Raises LoadError as StarRocks words it."""
    if table.model != PRIMARY:
        raise LoadError(f"Conditional update only support primary key table {table.name}")
    column = table.column(name)
    if column is None or column.name not in targets:
        raise LoadError(
            f"Merge condition column {name} does not exist. If you are doing partial update with condition"
            f" update, please"
            " check condition column is in the given update columns. Otherwise please check condition column is"
            " in table"
            f" {table.name}"
        )
    if column.name in table.keys:
        raise LoadError(f"Merge condition column {name} should not be primary key!")
    if column.sql_type.name in ("char", "varchar", "json", "varbinary"):
        raise LoadError("Merge condition column has invalid type maybe bitmap/hll/percentile/json/varchar!")
    return column.name
