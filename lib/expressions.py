"""Column names inside an SQL expression, found without parsing the whole language."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")"""
    r"""|(?P<quoted>`[^`]+`)"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<call>\s*\()?"""
    r"""|(?P<number>\d[\w.]*)"""
)


def rename(expression: str, names: Mapping[str, str]) -> str:
    """Replaces the columns that `names` lists; strings, functions, keywords and other names stay as they are.

    A column is named exactly as its source names it; one that looks like a keyword is quoted with backticks.
    """

    def replaced(found: re.Match[str]) -> str:
        if found["quoted"]:
            name = found["quoted"].strip("`")
            return f"`{names[name]}`" if name in names else found["quoted"]
        if found["name"] and not found["call"] and found["name"] in names:
            return f"`{names[found['name']]}`"
        return found[0]

    return _TOKEN.sub(replaced, expression)


def columns(expression: str, names: list[str]) -> set[str]:
    """Which of these columns the expression uses."""
    used: set[str] = set()
    for found in _TOKEN.finditer(expression):
        name = found["quoted"].strip("`") if found["quoted"] else found["name"]
        if name in names and not found["call"]:
            used.add(name)
    return used
