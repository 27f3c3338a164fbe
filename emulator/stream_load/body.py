"""The form in which every Stream Load body is handed to DuckDB's CSV reader.

One row a line ended by \\n, fields separated by one character, no quoting, NULL as \\N. A byte of the content that
would be taken for a delimiter is written as ESC (0x1f) and a digit; `coded` says that the file contains such pairs.
All bytes involved are ASCII, so UTF-8 text stays what it is, and what was not UTF-8 is still seen as such by
the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ESCAPE = b"\x1f"
CODES = {b"\x1f": b"\x1f0", b"\n": b"\x1f1", b"\r": b"\x1f2", b"\x01": b"\x1f3"}
SEPARATOR = b"\x01"
NULL = b"\\N"


@dataclass(frozen=True)
class Body:
    """A body in canonical form: `names` are its columns in the file's order.

    `only_digits`: no point and no underscore in it, so that texts of whole numbers need no closer look.
    """

    path: Path
    names: tuple[str, ...]
    separator: bytes = SEPARATOR
    coded: bool = False
    trim: bool = False
    json: bool = False
    only_digits: bool = False

    def read(self, rejects: str = "", line_bytes: int = 0) -> str:
        """A read_csv() call with all columns VARCHAR; bad lines go to the table `rejects` of the connection."""
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in self.names)
        nulls = "['\\N', 'null']" if self.json else "'\\N'"
        separator = f"chr({self.separator[0]})"
        options = [
            f"delim={separator}",
            "quote=''",
            "escape=''",
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
        path = str(self.path).replace("'", "''")
        return f"read_csv('{path}', {', '.join(options)})"

    def text(self, name: str) -> str:
        """SQL of the text of a column, as the sender meant it."""
        value = name
        if self.trim:
            value = f"nullif(trim({value}, ' '), '\\N')"
        if self.coded:
            for plain, code in reversed(CODES.items()):
                value = f"replace({value}, chr(31) || '{code[1:].decode()}', chr({plain[0]}))"
        return value


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
