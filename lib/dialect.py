"""How the text files of a source are written: the `-- dialect:` line of a table file."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from lib.headers import Line

_PAIR = re.compile(r'\s*([a-z]+)\s*=\s*("[^"]*"|\'[^\']*\'|[^\s,"\']+)\s*(?:,|$)')
_NAMED = {"tab": "\t", "none": ""}


@dataclass(frozen=True)
class Dialect:
    """Delimiter and quote are one ASCII character each, no quote is ""; `declared` is whether a line says so."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    declared: bool = False

    @property
    def is_utf8(self) -> bool:
        """Whether the bytes need no recoding."""
        return self.encoding == "utf-8"


def read(line: Line | None) -> Dialect:
    """Reads `delimiter=";", quote="'", encoding=latin-1`, any of them; raises `Misconfigured` with file and line."""
    if line is None:
        return Dialect()
    given: dict[str, str] = {}
    at = 0
    while at < len(line.value):
        found = _PAIR.match(line.value, at)
        if not found or found[1] not in ("delimiter", "quote", "encoding") or found[1] in given:
            raise line.wrong("""expected some of delimiter=";" (or tab), quote="'" (or none), encoding=latin-1""")
        given[found[1]] = found[2][1:-1] if found[2][0] in "\"'" else _NAMED.get(found[2], found[2])
        at = found.end()
    made = Dialect(
        given.get("delimiter", ","), given.get("quote", '"'), _encoding(line, given.get("encoding", "utf-8")), True
    )
    _check(line, made)
    return made


def _encoding(line: Line, name: str) -> str:
    try:
        found = codecs.lookup(name)
    except LookupError:
        raise line.wrong(f"no encoding is called {name!r}; such as utf-8, latin-1, cp1252, utf-16") from None
    if not getattr(found, "_is_text_encoding", True):
        raise line.wrong(f"{name!r} is no encoding of text")
    return found.name


def _check(line: Line, dialect: Dialect) -> None:
    marks = [dialect.delimiter, *([dialect.quote] if dialect.quote else [])]
    for mark in marks:
        if len(mark) != 1 or not mark.isascii() or mark in "\r\n\0\x01\x02":
            raise line.wrong(f"{mark!r} is not one ASCII character")
    if len(set(marks)) != len(marks):
        raise line.wrong("delimiter and quote are the same")
