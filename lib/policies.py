"""The files of rls-policies/: who sees which rows of a table, each as a view that is granted in the table's place.

What is granted to whom: docs/privileges.md. StarRocks without Ranger has no row policies of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lib import headers, statements
from lib.errors import Misconfigured
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
    declared = view_files.declares(header, view)
    words = [token.text.upper() for token in statements.tokens(declared.statement)]
    head = words[: words.index("AS")] if "AS" in words else words
    if ("SECURITY", "NONE") not in pairwise(head):
        # With INVOKER its readers would need a grant on the very table that it is to protect.
        raise Misconfigured(f"{path}: the view of a policy has to say `SECURITY NONE`")
    return Policy(path.stem, protects, mapping, declared)


def check(policies: Iterable[Policy], views: Collection[ViewFile]) -> None:
    """Raises `Misconfigured` for a policy that does not stand between its table and its readers, or is gone round.

    `views` are those of views/ and views/materialized/. A materialized view over a policy's view would keep the rows
    of whoever refreshes it, for everybody.
    """
    reads = {view.name: view.reads for view in views}
    for policy in policies:
        below = _below(policy.view.reads, reads)
        for role, name in (("protects", policy.protects), ("mapping", policy.mapping)):
            if name not in below:
                raise Misconfigured(f"{policy.view.path}: {policy.view.name} does not read {name} ({role})")
        for view in views:
            if view.materialized and policy.view.name in _below(view.reads, {**reads, policy.view.name: frozenset()}):
                raise Misconfigured(f"{view.path}: {view.name} keeps rows of {policy.view.name}, a policy's view")


def _below(names: Iterable[str], reads: dict[str, frozenset[str]]) -> set[str]:
    """The names and all that they stand on."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += reads.get(name, ())
    return found


def _name(header: headers.Header, key: str) -> str:
    line = header.need(key)
    names = line.names()
    if len(names) != 1:
        raise line.wrong("expected one name")
    return names[0]
