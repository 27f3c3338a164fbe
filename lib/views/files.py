"""The files that declare views and materialized views, and the order in which one stands on another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lib import headers, statements
from lib.errors import Misconfigured
from lib.headers import Header
from lib.settings import settings

_VIEW = re.compile(r"CREATE\s+OR\s+REPLACE\s+VIEW\s+(\w+)\s", re.IGNORECASE)
_MATERIALIZED = re.compile(r"CREATE\s+MATERIALIZED\s+VIEW\s+IF\s+NOT\s+EXISTS\s+(\w+)\s", re.IGNORECASE)
_WHEN = ("morning",)


@dataclass(frozen=True)
class ViewFile:
    """One view: the statement that creates it, without its semicolon, and the names that its query reads."""

    name: str
    header: Header
    statement: str
    reads: frozenset[str]
    materialized: bool

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path

    @property
    def sha256(self) -> str:
        """Fingerprint of the statement; the header and its comments may change without the view."""
        return statements.fingerprint(self.statement)

    def statement_for(self, name: str) -> str:
        """The statement that creates the same view under another name."""
        for token in statements.tokens(self.statement):
            if token.text == self.name:
                return self.statement[: token.start] + name + self.statement[token.end + 1 :]
        raise AssertionError(f"{self.path}: the statement does not name {self.name}")


def plain() -> list[ViewFile]:
    """The files of views/v_*.sql. Raises `Misconfigured` with the place of the first fault."""
    folder = settings().warehouse_dir / "views"
    return [_read_plain(path) for path in sorted(folder.glob("*.sql"))]


def materialized() -> list[ViewFile]:
    """The files of views/materialized/mv_*.sql. Raises `Misconfigured` with the place of the first fault."""
    folder = settings().warehouse_dir / "views" / "materialized"
    return [_read_materialized(path) for path in sorted(folder.glob("*.sql"))]


def in_order(files: Iterable[ViewFile]) -> list[ViewFile]:
    """The views so that each comes after those that it reads; raises `Misconfigured` for a circle, naming it."""
    from graphlib import CycleError, TopologicalSorter

    found = {file.name: file for file in files}
    graph = {name: sorted(file.reads & found.keys()) for name, file in sorted(found.items())}
    try:
        return [found[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise Misconfigured(f"{found[error.args[1][0]].path}: views read one another in a circle: {circle}") from None


def declares(header: Header, name: str, *, materialized: bool = False) -> ViewFile:
    """The view that a file with this header creates; raises `Misconfigured` when it creates something else."""
    statement = statements.single(header.path, header.sql)
    created = (_MATERIALIZED if materialized else _VIEW).match(statement)
    if not created or created[1] != name:
        form = "CREATE MATERIALIZED VIEW IF NOT EXISTS" if materialized else "CREATE OR REPLACE VIEW"
        raise Misconfigured(f"{header.path}: below the header expected `{form} {name} ...`")
    return ViewFile(name, header, statement, statements.reads(header.path, statement), materialized)


def _read_plain(path: Path) -> ViewFile:
    if not path.stem.startswith("v_"):
        raise Misconfigured(f"{path}: a view is called v_ something")
    return declares(headers.read(path, required=("purpose", "owner"), optional=()), path.stem)


def _read_materialized(path: Path) -> ViewFile:
    if not path.stem.startswith("mv_"):
        raise Misconfigured(f"{path}: a materialized view is called mv_ something")
    header = headers.read(path, required=("purpose", "owner", "refresh"), optional=())
    when = header.need("refresh")
    if when.value not in _WHEN:
        raise when.wrong(f"expected one of: {', '.join(_WHEN)}")
    return declares(header, path.stem, materialized=True)
