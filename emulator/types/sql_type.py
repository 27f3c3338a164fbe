"""StarRocks' column types: reading them, and how each is called in DuckDB, in SHOW and in information_schema.

Sources in StarRocks' repository: `fe/fe-core/src/main/java/com/starrocks/catalog/PrimitiveType.java`,
`docs/en/sql-reference/data-types/`, recorded outputs of DESC and SHOW CREATE TABLE under `test/sql/`.
"""

import re
from dataclasses import dataclass

from emulator.errors import analysis, unsupported

STRING_LENGTH = 65533
VARCHAR_MAX = 1048576

_DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "largeint": "HUGEINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "char": "VARCHAR",
    "varchar": "VARCHAR",
    "json": "JSON",
    "varbinary": "BLOB",
}
_ALIASES = {
    "bool": "boolean",
    "integer": "int",
    "string": "varchar",
    "text": "varchar",
    "timestamp": "datetime",
    "numeric": "decimal",
    "number": "decimal",
    "decimalv2": "decimal",
    "decimal32": "decimal",
    "decimal64": "decimal",
    "decimal128": "decimal",
    "jsonb": "json",
    "binary": "varbinary",
}
_DISPLAY_WIDTH = {"tinyint": 4, "smallint": 6, "int": 11, "bigint": 20, "largeint": 40}
_REFUSED = {"hll", "bitmap", "percentile", "variant", "time", "decimal256"}
RANGES = {
    "tinyint": (-(2**7), 2**7 - 1),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
    "largeint": (-(2**127) + 1, 2**127 - 1),
}
INTEGERS = tuple(RANGES)
KEY_TYPES = frozenset({"boolean", *INTEGERS, "char", "varchar", "date", "datetime"})


@dataclass(frozen=True)
class SqlType:
    """One type. `length` is in bytes (char, varchar), `precision` and `scale` in digits (decimal).

    `items` are the types inside: one of an array, two of a map, one a field of a struct (`fields` names them).
    """

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    items: tuple["SqlType", ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def duckdb(self) -> str:
        """The DuckDB type that holds every value of this one."""
        if self.name == "decimal":
            return f"DECIMAL({self.precision}, {self.scale})"
        if self.name == "array":
            return f"{self.items[0].duckdb}[]"
        if self.name == "map":
            return f"MAP({self.items[0].duckdb}, {self.items[1].duckdb})"
        if self.name == "struct":
            inner = ", ".join(f'"{name}" {item.duckdb}' for name, item in zip(self.fields, self.items, strict=True))
            return f"STRUCT({inner})"
        return _DUCKDB[self.name]

    @property
    def show(self) -> str:
        """As SHOW CREATE TABLE prints it: `int(11)`, `decimal(10, 2)`."""
        if self.name in _DISPLAY_WIDTH:
            return f"{self.name}({_DISPLAY_WIDTH[self.name]})"
        return self._text(", ", "show")

    @property
    def desc(self) -> str:
        """As DESC prints it: `int`, `decimal(10,2)`."""
        return self._text(",", "desc")

    @property
    def title(self) -> str:
        """As messages name it: `INT`, `VARCHAR(10)`, `DECIMAL64(10,2)`."""
        if self.name != "decimal":
            return self.desc.upper()
        width = 32 if (self.precision or 0) <= 9 else 64 if (self.precision or 0) <= 18 else 128
        return f"DECIMAL{width}({self.precision},{self.scale})"

    @property
    def data_type(self) -> str:
        """DATA_TYPE of information_schema.columns."""
        if self.name == "largeint":
            return "bigint unsigned"
        return self.name if self.name != "boolean" else "tinyint"

    @property
    def is_integer(self) -> bool:
        return self.name in RANGES

    @property
    def is_text(self) -> bool:
        return self.name in {"char", "varchar"}

    def _text(self, separator: str, attribute: str) -> str:
        if self.name == "decimal":
            return f"decimal({self.precision}{separator}{self.scale})"
        if self.is_text:
            return f"{self.name}({self.length})"
        if self.name == "struct":
            pairs = zip(self.fields, self.items, strict=True)
            return "struct<" + ", ".join(f"`{name}` {getattr(t, attribute)}" for name, t in pairs) + ">"
        if self.items:
            return f"{self.name}<" + ",".join(str(getattr(t, attribute)) for t in self.items) + ">"
        return self.name


def parse_type(text: str) -> SqlType:
    """Read a type as SQL writes it, for example `DECIMAL(10, 2)` or `array<varchar(20)>`.

    Raises StarRocksError 1064 for a wrong one, 1235 for one that the embedded server lacks.
    """
    match = re.fullmatch(
        r"\s*(\w+)(?:\s+unsigned)?\s*(?:\(\s*([\d\s,]*)\s*\)|<(.*)>)?\s*", text, re.DOTALL | re.IGNORECASE
    )
    if match is None:
        raise analysis(f"Unsupported data type: {text}")
    word, arguments, inner = match.group(1).lower(), match.group(2), match.group(3)
    name = _ALIASES.get(word, word)
    if name in _REFUSED:
        raise unsupported(f"type {name.upper()}")
    if inner is not None:
        return _nested(name, inner)
    numbers = [int(part) for part in arguments.split(",")] if arguments and arguments.strip() else []
    if name == "decimal":
        return _decimal(numbers)
    if name in {"char", "varchar"}:
        return _text_type(word, name, numbers)
    if name not in _DUCKDB:
        raise analysis(f"Unsupported data type: {text.strip()}")
    return SqlType(name)


def _decimal(numbers: list[int]) -> SqlType:
    precision, scale = ([*numbers, 0][:2]) if numbers else (10, 0)
    if precision > 76 or precision < 1:
        raise analysis(f"DECIMAL's precision should range from 1 to 76, but {precision} is given")
    if precision > 38:
        raise unsupported(f"DECIMAL({precision}, {scale}): more than 38 digits")
    if scale > precision:
        raise analysis("DECIMAL's scale should be less than or equal to its precision")
    return SqlType("decimal", precision=precision, scale=scale)


def _text_type(word: str, name: str, numbers: list[int]) -> SqlType:
    if word in {"string", "text"}:
        return SqlType("varchar", length=STRING_LENGTH)
    length = numbers[0] if numbers else 1
    limit = 255 if name == "char" else VARCHAR_MAX
    if not 1 <= length <= limit:
        raise analysis(f"{name.capitalize()} size must be <= {limit}: {length}")
    return SqlType(name, length=length)


def _nested(name: str, inner: str) -> SqlType:
    parts = _split(inner)
    if name == "array" and len(parts) == 1:
        return SqlType("array", items=(parse_type(parts[0]),))
    if name == "map" and len(parts) == 2:
        return SqlType("map", items=(parse_type(parts[0]), parse_type(parts[1])))
    if name == "struct":
        pairs = [part.strip().replace(":", " ", 1).split(None, 1) for part in parts]
        if all(len(pair) == 2 for pair in pairs):
            fields = tuple(pair[0].strip("`") for pair in pairs)
            return SqlType("struct", items=tuple(parse_type(pair[1]) for pair in pairs), fields=fields)
    raise analysis(f"Unsupported data type: {name}<{inner}>")


def _split(text: str) -> list[str]:
    """Cut at the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += character in "<("
        depth -= character in ">)"
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


_FROM_DUCKDB = {
    "INTEGER": "int",
    "HUGEINT": "largeint",
    "TIMESTAMP": "datetime",
    "UBIGINT": "largeint",
    "BLOB": "varbinary",
    "UINTEGER": "bigint",
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "DATE": "date",
    "JSON": "json",
    "NUMBER": "double",
}


def from_duckdb(text: str) -> SqlType:
    """The StarRocks type of a DuckDB type's name."""
    if text.endswith("]"):
        return SqlType("array", items=(from_duckdb(text.removesuffix("[]")),))
    if text.startswith("DECIMAL"):
        return parse_type(text)
    return parse_type(_FROM_DUCKDB[text]) if text in _FROM_DUCKDB else SqlType("varchar", length=65533)


def known_type(kind: SqlType | None, duckdb_type: str) -> SqlType:
    """The type of a query's column; where the translation does not know it (or only that it is NULL), DuckDB's."""
    return kind if kind is not None and kind.name != "null" else from_duckdb(duckdb_type)
