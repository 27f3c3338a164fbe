"""The form in which every Stream Load body is handed to DuckDB's CSV reader.

One row a line ended by \\n, fields separated by one character, no quoting, NULL as \\N. A byte of the content that
would be taken for a delimiter is written as ESC (0x1f) and a digit; `coded` says that the file contains such pairs.
All bytes involved are ASCII, so UTF-8 text stays what it is, and what was not UTF-8 is still seen as such by
the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator.storage.catalog import quoted

ESCAPE = b"\x1f"
CODES = {b"\x1f": b"\x1f0", b"\n": b"\x1f1", b"\r": b"\x1f2", b"\x01": b"\x1f3"}
SEPARATOR = b"\x01"
NULL = b"\\N"
NEW_LINES = b" \t\r\n"


@dataclass(frozen=True)
class Body:
    """A body as DuckDB reads it: `names` are its columns in the file's order.

    `pointed`: positions of the columns with a point or an underscore in them, where whole numbers need a closer look.
    `quote`: the character that encloses fields. `documents`: for JSON read as it came (array or newline_delimited) of
    `size` bytes, whose `keys` are the columns and whose `types` those that DuckDB converts itself; `json` is the
    canonical form of JSON, with a token a field.
    """

    path: Path
    names: tuple[str, ...]
    separator: bytes = SEPARATOR
    coded: bool = False
    trim: bool = False
    json: bool = False
    pointed: frozenset[int] = frozenset()
    quote: bytes = b""
    documents: str = ""
    keys: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    size: int = 0

    def is_converted(self, name: str) -> bool:
        """Whether a column comes in the type of its target already."""
        return bool(self.types) and bool(self.types[self.names.index(name)])

    def has_points(self, name: str) -> bool:
        """Whether a column holds a point or an underscore somewhere."""
        return self.names.index(name) in self.pointed

    def read(self, rejects: str = "", line_bytes: int = 0) -> str:
        """A relation, its columns VARCHAR (but for `types`); bad lines go to the table `rejects` of the connection."""
        if self.documents:
            return self._read_json()
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in self.names)
        nulls = "['\\N', 'null']" if self.json else "'\\N'"
        separator = f"chr({self.separator[0]})"
        options = [
            f"delim={separator}",
            f"quote='{_doubled(self.quote.decode())}'",
            f"escape='{_doubled(self.quote.decode())}'",
            "comment=''",
            "header=false",
            "auto_detect=false",
            "new_line='\\n'",
            f"nullstr={nulls}",
            f"columns={{{columns}}}",
        ]
        if rejects:
            options.append(f"store_rejects=true, rejects_table='{rejects}', rejects_scan='{rejects}_scan'")
        if line_bytes:
            options.append(f"max_line_size={line_bytes}")
        return f"read_csv('{_doubled(str(self.path))}', {', '.join(options)})"

    def _read_json(self) -> str:
        typed = zip(self.keys, self.types, strict=True)
        columns = ", ".join(f"'{_doubled(key)}': '{kind or 'VARCHAR'}'" for key, kind in typed)
        names = ", ".join(f"{quoted(key)} as {name}" for key, name in zip(self.keys, self.names, strict=True))
        options = f"format='{self.documents}', columns={{{columns}}}, maximum_object_size={max(self.size, 1 << 24)}"
        return f"(select {names} from read_json('{_doubled(str(self.path))}', {options}))"

    def text(self, name: str) -> str:
        """SQL of the text of a column, as the sender meant it."""
        value = name
        if self.trim:
            value = f"nullif(trim({value}, ' '), '\\N')"
        if self.coded:
            for plain, code in reversed(CODES.items()):
                value = f"replace({value}, chr(31) || '{code[1:].decode()}', chr({plain[0]}))"
        return value


def _doubled(text: str) -> str:
    return text.replace("'", "''")


def decoded(line: str) -> str:
    """A line of the file as the sender wrote it, delimiters apart: for error messages."""
    for plain, code in reversed(CODES.items()):
        line = line.replace(code.decode(), plain.decode())
    return line


def coded(field: bytes) -> bytes:
    """A field with every byte that has a meaning in the file replaced."""
    for plain, code in CODES.items():
        if plain in field:
            field = field.replace(plain, code)
    return field
