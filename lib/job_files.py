"""What the files of jobs/ say of themselves, read without importing them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lib.errors import Misconfigured
from lib.settings import REPOSITORY

FOLDER = REPOSITORY / "jobs"
Value = TypeVar("Value")


@dataclass(frozen=True)
class JobFile:
    """One file of jobs/."""

    name: str
    path: Path
    description: str
    after: tuple[str, ...]
    lock: str

    @property
    def purpose(self) -> str:
        """The first line of its docstring."""
        return self.description.partition("\n")[0].strip()


def read_all(folder: Path = FOLDER) -> list[JobFile]:
    """Every job of the folder, by name; raises `Misconfigured` for a file without a job of its name."""
    return [read(path) for path in sorted(folder.glob("[!_]*.py"))]


def read(path: Path) -> JobFile:
    """One job's file: its docstring and the arguments of `@job(...)` on the function of the file's name."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    arguments = _decoration(tree, path.stem)
    if arguments is None:
        raise Misconfigured(f"{path}: expected a function {path.stem} under @job(...)")
    return JobFile(
        name=path.stem,
        path=path,
        description=ast.get_docstring(tree) or "",
        after=tuple(_literal(path, arguments.get("after"), [])),
        lock=_literal(path, arguments.get("lock"), path.stem),
    )


def _decoration(tree: ast.Module, name: str) -> dict[str, ast.expr] | None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) in ("job", "lib.job.job"):
                    return {word.arg: word.value for word in decorator.keywords if word.arg}
    return None


def _literal(path: Path, node: ast.expr | None, default: Value) -> Value:
    if node is None:
        return default
    try:
        value = ast.literal_eval(node)
    except ValueError:
        raise Misconfigured(f"{path}:{node.lineno}: `{ast.unparse(node)}`: expected a literal here") from None
    if not isinstance(value, type(default)):
        raise Misconfigured(f"{path}:{node.lineno}: `{ast.unparse(node)}`: expected a {type(default).__name__}")
    return value
