"""What the warehouse consists of: the files under WAREHOUSE_DIR, read and checked, found by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

from lib import dialect, headers
from lib.dialect import Dialect
from lib.errors import Misconfigured, Usage
from lib.headers import Header, Line
from lib.settings import settings

Severity = Literal["CRITICAL", "WARNING", "INFO"]
SEVERITIES: tuple[Severity, ...] = ("CRITICAL", "WARNING", "INFO")
Kind = Literal["dim", "fact", "ops"]
Item = TypeVar("Item")

_CHECK = re.compile(r"(CRITICAL|WARNING|INFO)\s+([a-z_0-9]+)\((.*)\)$")
_TOLERATE = re.compile(r"(\d+(?:\.\d+)?)\s*(%|rows?)$")
_CREATE = re.compile(r"\s*CREATE TABLE IF NOT EXISTS (\w+)\s*\(", re.IGNORECASE)
_DELETES = re.compile(r"snapshot(?:\s*,\s*(\d+(?:\.\d+)?)\s*%)?$")
_IS_DELETED = re.compile(r"\bis_deleted`?\s+BOOL", re.IGNORECASE)
# The mark of a row whose key the source has no more, and how many rows one snapshot may lack if nothing is declared.
DELETED, MOST_DELETED_PERCENT = "is_deleted", 5
# Strings, quoted names and comments: a semicolon within them ends no statement.
_NO_CODE = re.compile(r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/""", re.DOTALL)
_SOURCES = Path(__file__).parent / "sources"
_CHECKS = Path(__file__).parent / "checks"


@dataclass(frozen=True)
class Check:
    """One declared check: `CRITICAL unique(trade_id)`."""

    severity: Severity
    kind: str
    arguments: tuple[str, ...]
    line: Line

    @property
    def text(self) -> str:
        """The check as it is written."""
        return f"{self.kind}({', '.join(self.arguments)})"


@dataclass(frozen=True)
class Source:
    """Where a table's rows come from: the kind (a module of lib/sources) and what it is asked for."""

    kind: str
    what: str
    line: Line


@dataclass(frozen=True)
class Tolerance:
    """How many rows of a load may be in quarantine before nothing of it becomes visible."""

    share: float = 0.0
    rows: int = 0

    def allows(self, bad: int, read: int) -> bool:
        """Whether `bad` of `read` rows are tolerated."""
        return bad <= self.rows or (read > 0 and bad / read <= self.share)


@dataclass(frozen=True)
class TableFile:
    """One file of schema/: the table that it creates, and what the pipeline must know of it."""

    name: str
    kind: Kind
    header: Header
    key: tuple[str, ...]
    source: Source | None
    scd: Literal[0, 1, 2]
    full: bool
    watermark: tuple[str, ...]
    lateness: timedelta
    version: str
    nulls: tuple[str, ...]
    dialect: Dialect
    columns: dict[str, str]
    tolerate: Tolerance
    infer: tuple[str, ...]
    checks: tuple[Check, ...]
    # The share of its rows that a snapshot may lack; None: keys that the source has no more stay as they are.
    deletes: float | None = None
    # How many days back the buckets of source and table are compared; 0: not at all.
    reconcile: timedelta = timedelta(0)

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path

    @property
    def ddl(self) -> str:
        """Its CREATE TABLE statement, without the final semicolon."""
        return self.header.sql.strip().rstrip(";")

    @property
    def is_reference(self) -> bool:
        """Whether its rows are a CSV of reference-data/."""
        return self.source is not None and self.source.kind == "reference"

    def references(self) -> dict[str, tuple[str, str]]:
        """Its columns that refer to a dimension: column -> (dimension, column there)."""
        found: dict[str, tuple[str, str]] = {}
        for check in self.checks:
            if check.kind == "references":
                table, _, column = check.arguments[1].partition(".")
                found[check.arguments[0]] = (table, column)
        return found


TABLE_REQUIRED = ("purpose", "owner")
LOADED_REQUIRED = (*TABLE_REQUIRED, "source", "refresh", "key")
LOADED_OPTIONAL = ("watermark", "lateness", "version", "null", "dialect", "tolerate", "infer", "deletes", "reconcile")
REPEATED = ("column", "check")


@cache
def tables() -> dict[str, TableFile]:
    """Every table of schema/, by name. Raises `Misconfigured` for the first file that is wrong."""
    folder = settings().warehouse_dir / "schema"
    found = {path.stem: read_table(path) for path in sorted(folder.glob("*.sql"))}
    if not found:
        raise Misconfigured(f"{folder}: no table files", hint="set WAREHOUSE_DIR to the folder above schema/")
    for table in found.values():
        _check_references(table, found)
    return found


def loaded(kind: Kind, *, only: Iterable[str] = (), reference: bool = False) -> list[TableFile]:
    """The tables of one kind that have a source, those they refer to first.

    With `only`, those alone; a name that is none of them raises `Usage` and says what is allowed.
    """
    found = {
        table.name: table
        for table in tables().values()
        if table.kind == kind and table.source and table.is_reference == reference
    }
    wanted = select(found, only)
    return sorted(wanted, key=lambda table: (_depth(table, tables()), table.name))


def everything(only: Iterable[str] = ()) -> list[TableFile]:
    """Every table that has a source: reference lists, then dimensions, then facts, those referred to first."""
    found = [*loaded("dim", reference=True), *loaded("dim"), *loaded("fact")]
    wanted = {table.name for table in select({table.name: table for table in found}, only)}
    return [table for table in found if table.name in wanted]


def select(found: dict[str, Item], only: Iterable[str]) -> list[Item]:
    """The items that `--only` names, or all; raises `Usage` for a name that is none of them."""
    names = list(only)
    for name in names:
        if name not in found:
            import difflib

            near = difflib.get_close_matches(name, found, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise Usage(f"--only {name}: no such item here; {meant}allowed: {', '.join(sorted(found)) or 'none'}")
    return [found[name] for name in dict.fromkeys(names)] if names else list(found.values())


def read_table(path: Path) -> TableFile:
    """Reads one file of schema/; raises `Misconfigured` with file and line."""
    name = path.stem
    kind = _kind(path)
    if kind == "ops":
        header = headers.read(path, required=TABLE_REQUIRED, optional=("key",), repeated=("check",))
    else:
        required = (*LOADED_REQUIRED, "scd") if kind == "dim" else LOADED_REQUIRED
        header = headers.read(path, required=required, optional=LOADED_OPTIONAL, repeated=REPEATED)
    created = _CREATE.match(header.sql)
    if not created or created[1] != name:
        raise Misconfigured(f"{path}: below the header expected `CREATE TABLE IF NOT EXISTS {name} (`")
    if ";" in _NO_CODE.sub("", header.sql).strip().rstrip(";"):
        raise Misconfigured(f"{path}: a table file holds one statement; there is more after its `;`")
    source = _source(header.get("source"))
    key, watermark, version = header.get("key"), header.get("watermark"), header.get("version")
    lateness, infer = header.get("lateness"), header.get("infer")
    full = _refresh(header.get("refresh"), kind)
    deletes = _deletes(header, kind, full, source)
    given = _columns(header.all("column"))
    return TableFile(
        name=name,
        kind=kind,
        header=header,
        key=key.names() if key else (),
        source=source,
        scd=_scd(header.get("scd")),
        full=full,
        watermark=_watermark(watermark, source),
        lateness=lateness.duration() if lateness else timedelta(0),
        version=version.names()[0] if version else "",
        nulls=_nulls(header.get("null")),
        dialect=dialect.read(header.get("dialect")),
        columns=given if deletes is None else {DELETED: "FALSE", **given},
        tolerate=_tolerance(header.get("tolerate")),
        infer=_infer(infer),
        checks=tuple(read_check(line) for line in header.all("check")),
        deletes=deletes,
        reconcile=_reconcile(header),
    )


def _kind(path: Path) -> Kind:
    for kind in ("dim", "fact", "ops"):
        if path.stem.startswith(f"{kind}_"):
            return kind
    raise Misconfigured(f"{path}: a table is called dim_, fact_ or ops_ something")


def _source(line: Line | None) -> Source | None:
    if line is None:
        return None
    kind, _, what = line.value.partition(" ")
    if line.value.startswith("reference-data/"):
        return Source("reference", line.value, line)
    allowed = sorted(path.stem for path in _SOURCES.glob("[!_]*.py"))
    if kind not in allowed or not what.strip():
        raise line.wrong(f"expected `<kind> <what>` with a kind of: {', '.join(allowed)}; or reference-data/<stem>.csv")
    return Source(kind, what.strip(), line)


def _scd(line: Line | None) -> Literal[0, 1, 2]:
    if line is None:
        return 0
    if line.value not in ("1", "2"):
        raise line.wrong("expected 1 (newest row wins) or 2 (history by valid_from)")
    return 1 if line.value == "1" else 2


def _refresh(line: Line | None, kind: Kind) -> bool:
    if line is None:
        return False
    mode, _, when = (part.strip() for part in line.value.partition(","))
    # Dimensions come before the facts that refer to them.
    expected = "evening" if kind == "dim" else "morning"
    if mode not in ("full", "incremental") or when != expected:
        raise line.wrong(f"expected `incremental, {expected}` or `full, {expected}` for a {kind}_ table")
    return mode == "full"


def _watermark(line: Line | None, source: Source | None) -> tuple[str, ...]:
    if line is None:
        return ()
    if source and source.kind == "sql":
        return line.names()
    expected = "kafka offset" if source and source.kind == "kafka" else "file content"
    if line.value != expected:
        raise line.wrong(f"expected `{expected}` for this source")
    return ()


def _nulls(line: Line | None) -> tuple[str, ...]:
    if line is None:
        return ("",)
    texts = re.findall(r'"([^"]*)"', line.value)
    if not texts or re.sub(r'"[^"]*"|,|\s', "", line.value):
        raise line.wrong('expected quoted texts separated by commas, such as `"", "NULL"`')
    return tuple(texts)


def _columns(lines: list[Line]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, mark, expression = (part.strip() for part in line.value.partition("="))
        if not (mark and expression and headers.IDENTIFIER.match(name)):
            raise line.wrong("expected `<column> = <expression>`")
        if name in found:
            raise line.wrong(f"{name} has an expression already")
        found[name] = expression
    return found


def _tolerance(line: Line | None) -> Tolerance:
    if line is None:
        return Tolerance()
    found = _TOLERATE.match(line.value)
    if not found:
        raise line.wrong("expected a share such as `0.1%` or a number such as `10 rows`")
    return Tolerance(share=float(found[1]) / 100) if found[2] == "%" else Tolerance(rows=int(float(found[1])))


def _infer(line: Line | None) -> tuple[str, ...]:
    if line is None:
        return ()
    targets = [part.strip() for part in line.value.split(",")]
    for target in targets:
        if not re.fullmatch(r"dim_\w+\.\w+", target):
            raise line.wrong("expected dimensions and their keys, such as `dim_user.user_id`")
    return tuple(target.partition(".")[0] for target in targets)


def _deletes(header: Header, kind: Kind, full: bool, source: Source | None) -> float | None:
    line = header.get("deletes")
    if line is None:
        return None
    found = _DELETES.match(line.value)
    if not found:
        raise line.wrong("expected `snapshot`, or `snapshot, 10%`: the share of the rows that one load may mark")
    if kind != "dim" or not full or header.get("watermark") or not (source and source.kind in ("sql", "files")):
        raise line.wrong("only dim_ tables with `refresh: full`, of files or of sql without a watermark, have them")
    if not _IS_DELETED.search(header.sql):
        raise line.wrong(f"the table needs a column `{DELETED} BOOLEAN NOT NULL`")
    return float(found[1] or MOST_DELETED_PERCENT) / 100


def _reconcile(header: Header) -> timedelta:
    line, source, scd = header.get("reconcile"), header.get("source"), header.get("scd")
    if line is None:
        return timedelta(0)
    length = line.duration()
    if not (source and source.value.startswith("sql ") and header.get("watermark")) or (scd and scd.value == "2"):
        raise line.wrong("only a fact or an SCD 1 dimension of a sql source with a watermark can be reconciled")
    if not length or length % timedelta(days=1):
        raise line.wrong("expected whole days, such as `7 days`")
    return length


def read_check(line: Line) -> Check:
    """Reads one `-- check:` line; raises `Misconfigured` with file and line."""
    found = _CHECK.match(line.value)
    if not found:
        raise line.wrong("expected `CRITICAL|WARNING|INFO kind(arguments)`")
    kinds = sorted(path.stem for path in _CHECKS.glob("[!_]*.py"))
    if found[2] not in kinds:
        raise line.wrong(f"no kind of check is called {found[2]!r}; allowed: {', '.join(kinds)}")
    arguments = tuple(part.strip() for part in found[3].split(",")) if found[3].strip() else ()
    if found[2] == "references" and not (len(arguments) == 2 and "." in arguments[1]):
        raise line.wrong("expected references(<column>, <dimension>.<column>)")
    severity: Severity = found[1]  # type: ignore[assignment]  # the pattern allows nothing else
    return Check(severity, found[2], arguments, line)


def _check_references(table: TableFile, found: dict[str, TableFile]) -> None:
    targets = {target for target, _ in table.references().values()}
    for name in sorted({*targets, *table.infer}):
        if name not in found:
            raise Misconfigured(f"{table.path}: refers to {name}, which has no file in schema/")
    for name in set(table.infer) - targets:
        raise Misconfigured(f"{table.path}: infer: {name} has no `references` check in this file")


def _depth(table: TableFile, found: dict[str, TableFile], seen: tuple[str, ...] = ()) -> int:
    if table.name in seen:
        raise Misconfigured(f"{table.path}: references go in a circle: {' -> '.join((*seen, table.name))}")
    below = {name for name, _ in table.references().values() if name != table.name}
    return max((_depth(found[name], found, (*seen, table.name)) + 1 for name in below), default=0)
