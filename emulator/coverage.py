"""Prints COVERAGE.md: what the embedded server does, does differently, and refuses. From the code, nothing by hand.

    python -m emulator.coverage            # writes emulator/COVERAGE.md; --check: only says whether it is up to date

Statements: the registry of handlers against StarRocks' list of statements (emulator.statements.grammar). What differs:
the `Differs: ` paragraph of a handler's docstring or, for all handlers of a module, of the module's. What a handler
refuses: every `unsupported(...)` in the code. Functions: each known name is given to the translator. Headers of Stream
Load: those that the code reads, against StarRocks' list.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from emulator.errors import StarRocksError
from emulator.functions.known import KNOWN
from emulator.functions.table import FUNCTIONS
from emulator.information_schema import registry as system_tables
from emulator.sql import dialect
from emulator.sql.translate import Context, translate_query
from emulator.statements import grammar, registry
from emulator.storage.engine import FRONTEND_CONFIG
from emulator.stream_load.headers import REFUSED
from emulator.variables import DEFAULTS, EFFECTIVE

HERE = Path(__file__).parent
PAGE = HERE / "COVERAGE.md"
HEAD = """# What the embedded server does

Printed by `make readme` from the code; a house test fails when it is out of date. *Differs* says how an answer is not
StarRocks'; whatever is *refused* gets error 1235 with its name, never an empty OK. How true the rest is: `tests/spec/`.
"""
# Source: be/src/http/http_common.h, without the names of its paths and answers.
HEADERS = frozenset(
    re.findall(
        r"\S+",
        """
        db table label format columns where column_separator row_delimiter skip_header trim_space enclose escape
        max_filter_ratio timeout prepared_timeout idle_transaction_timeout partitions temporary_partitions negative
        strict_mode timezone load_mem_limit exec_mem_limit jsonpaths json_root ignore_json_size strip_outer_array
        envelope partial_update partial_update_mode transmission_compression_type load_dop enable_replicated_storage
        merge_condition log_rejected_record_num transaction_type channel_id compression content-encoding
        enable_merge_commit merge_commit_async merge_commit_interval_ms merge_commit_parallel warehouse
        """,
    )
)


def page() -> str:
    """The whole of COVERAGE.md."""
    registry.load()
    system_tables.load()
    return "\n".join([HEAD, *_statements(), *_refused_parts(), *_functions(), *_headers(), *_tables(), *_settings()])


def differs(documented: object) -> str:
    """The `Differs:` paragraph of a docstring, in one line; empty when there is none."""
    text = inspect.cleandoc(getattr(documented, "__doc__", None) or "")
    found = re.search(r"^Differs: (.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def _table(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return [
        f"| {' | '.join(titles)} |",
        f"|{'---|' * len(titles)}",
        *(f"| {' | '.join(line)} |" for line in cells),
        "",
    ]


def _listed(names: Iterable[str]) -> list[str]:
    return [*textwrap.wrap(" · ".join(f"`{name}`" for name in sorted(names)), 160, break_on_hyphens=False), ""]


def _statements() -> list[str]:
    lines, refused, done = [], [], 0
    for line in grammar.STATEMENTS:
        handlers = [handler for words in grammar.variants(line) if (handler := registry.exactly(words)) is not None]
        if not handlers:
            refused.append(line)
            continue
        done += 1
        module = sys.modules[handlers[0].handle.__module__]
        remarks = dict.fromkeys(filter(None, [*(differs(handler.handle) for handler in handlers), differs(module)]))
        lines.append((f"`{line}`", module.__name__.removeprefix("emulator."), " ".join(remarks)))
    return [
        f"## Statements: {done} done, {len(refused)} refused\n",
        *_table(("Statement", "Where", "Differs"), lines),
        "Refused: what StarRocks' grammar has besides.\n",
        *_listed(refused),
    ]


def _refused_parts() -> list[str]:
    lines = []
    for path in sorted(HERE.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        told = {_text(call.args[0]) for call in calls if getattr(call.func, "id", "") == "unsupported" and call.args}
        if told - {""}:
            lines.append((path.relative_to(HERE).with_suffix("").as_posix(), "; ".join(sorted(told - {""}))))
    return ["## Refused inside of statements\n", *_table(("Where", "What"), lines)]


def _text(node: ast.expr) -> str:
    """A message as the source writes it, with `…` for what is filled in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values).strip()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "rstrip":
        return _text(node.func.value)
    return ""


class _NoTables:
    """An engine in which nothing is: the functions are asked for without tables."""

    def get(self, *_: str) -> None:
        return None


def does(function: str) -> bool:
    """Whether the translator knows what a function means: with some number of arguments it is not refused."""
    for arguments in ("null", "", "null, null", "'a'"):
        try:
            translate_query(Context(_NoTables()), dialect.parse(f"select {function}({arguments})"))  # type: ignore[arg-type]
        except StarRocksError as error:
            if error.code == 1235:
                continue
        return True
    return function in FUNCTIONS


def _functions() -> list[str]:
    names = {name for name in {*KNOWN, *FUNCTIONS} if not name.startswith("_")}
    done = {name for name in names if does(name)}
    return [
        f"## Functions: {len(done)} done, {len(names - done)} refused\n",
        *_listed(done),
        "Refused:\n",
        *_listed(names - done),
    ]


def _headers() -> list[str]:
    read = _headers_read()
    refused = set(REFUSED)
    done = read & set(HEADERS) - refused
    return [
        f"## Stream Load: {len(done)} headers done, {len(refused)} refused\n",
        *_listed(done),
        "Refused:\n",
        *_listed(refused),
        "Taken, without effect here:\n",
        *_listed(set(HEADERS) - read - refused),
    ]


def _headers_read() -> set[str]:
    """Names that the code looks up in `headers`: `headers.get("x")`, `headers["x"]`, `read(headers, "x")`."""
    found = set()
    for path in (*HERE.joinpath("stream_load").glob("*.py"), *HERE.joinpath("http").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript):
                places = [node.value, node.slice]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
                places = [node.func.value, *node.args]
            elif isinstance(node, ast.Call):
                places = node.args
            else:
                continue
            if len(places) > 1 and _named(places[0]) == "headers" and isinstance(places[1], ast.Constant):
                found.add(str(places[1].value).lower())
    return found


def _named(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _tables() -> list[str]:
    lines = []
    for name in system_tables.names():
        source = system_tables.source(name)
        module: ModuleType = sys.modules[source.__module__]
        lines.append((f"`{name}`", str(len(system_tables.columns_of(name) or ())), differs(source) or differs(module)))
    refused = system_tables.refused()
    return [
        f"## information_schema: {len(lines)} tables done, {len(refused)} refused\n",
        *_table(("Table", "Columns", "Differs"), lines),
        "Refused, like every table of `sys` and `_statistics_`:\n",
        *_listed(refused),
    ]


def _settings() -> list[str]:
    return [
        "## Variables and settings\n",
        "Session variables that mean something here:\n",
        *_listed(EFFECTIVE),
        "Kept and shown, without effect; any other name is error 1193:\n",
        *_listed(set(DEFAULTS) - EFFECTIVE),
        "`ADMIN SET FRONTEND CONFIG`:\n",
        *_listed(FRONTEND_CONFIG),
    ]


def main() -> int:
    """Write the page, or with --check say whether it is up to date."""
    text = page().rstrip() + "\n"
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
