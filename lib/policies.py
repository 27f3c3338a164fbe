"""The files of rls-policies/: who sees which rows of a table, each as a view that is granted in the table's place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lib import headers
from lib.settings import settings
from lib.views import files as view_files
from lib.views.files import ViewFile


@dataclass(frozen=True)
class Policy:
    """One policy: `view` shows of the table `protects` what `mapping` allows the account that asks."""

    name: str
    protects: str
    mapping: str
    view: ViewFile


def declared() -> list[Policy]:
    """Every policy, by name. Raises `Misconfigured` with the place of the first fault."""
    return [read(path) for path in sorted((settings().warehouse_dir / "rls-policies").glob("*.sql"))]


def read(path: Path) -> Policy:
    """Reads one policy; raises `Misconfigured` with its place."""
    header = headers.read(path, required=("purpose", "owner", "protects", "view", "mapping"), optional=())
    protects, view, mapping = (_name(header, key) for key in ("protects", "view", "mapping"))
    return Policy(path.stem, protects, mapping, view_files.declares(header, view))


def _name(header: headers.Header, key: str) -> str:
    line = header.need(key)
    names = line.names()
    if len(names) != 1:
        raise line.wrong("expected one name")
    return names[0]
