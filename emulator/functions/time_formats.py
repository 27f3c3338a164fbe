"""Patterns of times: MySQL's letters and Joda's, as DuckDB's strftime writes them.

Source: `docs/en/sql-reference/sql-functions/date-time-functions/date_format.md`, `.../jodatime_format.md`.
"""

import re

from sqlglot import exp

from emulator.errors import unsupported
from emulator.functions.spec import literal_text

_MYSQL = {
    "Y": "%Y",
    "y": "%y",
    "m": "%m",
    "c": "%-m",
    "d": "%d",
    "e": "%-d",
    "H": "%H",
    "k": "%-H",
    "h": "%I",
    "I": "%I",
    "l": "%-I",
    "i": "%M",
    "s": "%S",
    "S": "%S",
    "f": "%f",
    "p": "%p",
    "T": "%H:%M:%S",
    "r": "%I:%M:%S %p",
    "j": "%j",
    "a": "%a",
    "b": "%b",
    "W": "%A",
    "M": "%B",
    "w": "%w",
    "U": "%U",
    "v": "%V",
    "x": "%G",
    "%": "%%",
}
_JAVA = {"yyyyMMdd": "%Y%m%d", "yyyy-MM-dd": "%Y-%m-%d", "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S"}


def time_format(node: exp.Expr) -> exp.Expr:
    """A MySQL format (a constant) as DuckDB's strftime format."""
    text = literal_text(node, "a time format")
    if text in _JAVA:
        return exp.Literal.string(_JAVA[text])

    def translate(match: re.Match[str]) -> str:
        letter = match.group(1)
        if letter not in _MYSQL:
            raise unsupported(f"time format %{letter}")
        return _MYSQL[letter]

    return exp.Literal.string(re.sub(r"%(.)", translate, text))


_JODA = {
    "yyyy": "%Y",
    "yy": "%y",
    "MM": "%m",
    "M": "%-m",
    "MMM": "%b",
    "MMMM": "%B",
    "dd": "%d",
    "d": "%-d",
    "HH": "%H",
    "H": "%-H",
    "hh": "%I",
    "h": "%-I",
    "mm": "%M",
    "m": "%-M",
    "ss": "%S",
    "s": "%-S",
    "SSS": "%g",
    "SSSSSS": "%f",
    "a": "%p",
    "E": "%a",
    "EEE": "%a",
    "EEEE": "%A",
    "e": "%u",
    "D": "%-j",
    "DDD": "%j",
    "x": "%G",
    "xxxx": "%G",
    "w": "%V",
    "ww": "%V",
}


def joda_format(node: exp.Expr) -> exp.Expr:
    """A Joda pattern (a constant) as DuckDB's strftime format; text in quotes stays."""

    def translate(match: re.Match[str]) -> str:
        quoted, letters, _, other = match.groups()
        if quoted is not None:
            return (quoted or "'").replace("%", "%%")
        if other is not None:
            return str(other).replace("%", "%%")
        if letters not in _JODA:
            raise unsupported(f"time format {letters}")
        return _JODA[letters]

    text = literal_text(node, "a time format")
    return exp.Literal.string(re.sub(r"'([^']*)'|(([A-Za-z])\3*)|([^A-Za-z'])", translate, text))
