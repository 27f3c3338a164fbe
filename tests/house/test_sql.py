"""Values reach the warehouse as parameters; only names become part of a statement's text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.tree import functions, parsed, python_files, shown, told

DOOR = re.compile(r"(?:^|\.|_)(?:warehouse|cursor)$")
METHODS = {"read", "write", "value", "execute", "executemany"}
# What stands before a value: an opening quotation mark, a comparison, LIMIT, a list.
VALUE_FOLLOWS = re.compile(
    r"""(?:['"]|[=<>]|\b(?:LIKE|LIMIT|OFFSET|BETWEEN|AND|VALUES|IN)\b\s*\(?)\s*$""", re.IGNORECASE
)
SAFE = (r"^(\w+\.)*quote\(", r"\.join\(\['%s|\bmarks\b", r"\bint\(", r"^[A-Z0-9_.+* -]+$")
ADVICE = "give the value as a parameter (%s), or the name through lib.warehouse.quote:"


def test_values_are_parameters() -> None:
    faults = [
        f"{shown(path)}:{line}: {text}" for path in python_files("lib", "jobs") for line, text in _faults(parsed(path))
    ]
    assert not faults, told(faults, ADVICE)


@pytest.mark.parametrize(
    "code",
    [
        "warehouse.read(f\"SELECT 1 FROM t WHERE name = '{name}'\")",
        'warehouse.read(f"SELECT 1 FROM t WHERE id = {number}")',
        'run.warehouse.write("DELETE FROM t WHERE id = %s" % number)',
        'self.warehouse.value("SELECT 1 FROM {}".format(table))',
        'cursor.execute("SELECT " + name)',
        'sql = f"SELECT 1 FROM t WHERE id = {number}"\n    warehouse.read(sql)',
    ],
)
def test_a_value_in_the_text_is_found(code: str) -> None:
    assert _faults(ast.parse(f"def load():\n    {code}"))


@pytest.mark.parametrize(
    "code",
    [
        'warehouse.read("SELECT 1 FROM t WHERE id = %s", (number,))',
        'warehouse.read(f"SELECT 1 FROM {quote(name)} WHERE {quote(key)} = %s LIMIT {MOST + 1}", (number,))',
        "warehouse.read(f\"SELECT 1 FROM t WHERE id IN ({', '.join(['%s'] * len(found))})\", found)",
        'file.write(f"x = {number}")',
    ],
)
def test_names_and_markers_may_stand_in_the_text(code: str) -> None:
    assert not _faults(ast.parse(f"def load():\n    {code}"))


def _faults(tree: ast.Module) -> list[tuple[int, str]]:
    found = set()
    for scope in (tree, *functions(tree)):
        texts = _assigned(scope)
        for call in _calls(scope):
            sql = call.args[0]
            sql = texts.get(sql.id, sql) if isinstance(sql, ast.Name) else sql
            found |= {(sql.lineno, text) for text in _written_in(sql)}
    return sorted(found)


def _calls(scope: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(scope):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr in METHODS and DOOR.search(ast.unparse(node.func.value)):
            yield node


def _assigned(scope: ast.AST) -> dict[str, ast.expr]:
    """The texts that names of a function stand for."""
    return {
        target.id: node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _written_in(sql: ast.expr) -> list[str]:
    """The parts of a statement's text that are put in where a value stands."""
    if isinstance(sql, ast.BinOp) and isinstance(sql.op, ast.Mod | ast.Add):
        return [ast.unparse(sql)]
    if isinstance(sql, ast.Call) and isinstance(sql.func, ast.Attribute) and sql.func.attr == "format":
        return [ast.unparse(sql)]
    if not isinstance(sql, ast.JoinedStr):
        return []
    found, before = [], ""
    for part in sql.values:
        if isinstance(part, ast.FormattedValue):
            if VALUE_FOLLOWS.search(before) and not _is_safe(part.value):
                found.append(f"{before[-30:].lstrip()}{{{ast.unparse(part.value)}}}")
            before = "x"
        else:
            before += str(part.value) if isinstance(part, ast.Constant) else ""
    return found


def _is_safe(value: ast.expr) -> bool:
    """A quoted name, parameter markers (called marks), a whole number, or arithmetic of constants."""
    return any(re.search(pattern, ast.unparse(value)) for pattern in SAFE)
