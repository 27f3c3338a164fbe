"""CSV drops as a till writes them: `sales/sales_YYYY-MM-DD.csv`, in the dialects of its moods."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random

from examples.clockwork import chance
from examples.invoices import COLUMNS, Line

BOM = "\ufeff"


def path(directory: Path, day: date) -> Path:
    """Where the drop of that day lies below `directory`."""
    return directory / "sales" / f"sales_{day:%Y-%m-%d}.csv"


def write(target: Path, day: date, lines: Sequence[Line], *, bad: bool = False, seed: int = 1) -> None:
    """Writes one drop, at once or not at all.

    Some days have CRLF, some a byte order mark, some quotes around everything. With `bad`, rows that no
    loader may accept stand among the good ones.
    """
    rows = [text for line in lines for text in _render(day, [line.values()])]
    if bad:
        _insert_bad(rows, day, lines, chance(seed, "drop", day))
    text = "".join([*_render(day, [list(COLUMNS)]), *rows])
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    unfinished.write_bytes(((BOM if day.toordinal() % 4 == 1 else "") + text).encode())
    unfinished.replace(target)


def _render(day: date, rows: Sequence[Sequence[str]]) -> list[str]:
    number = day.toordinal()
    buffer = io.StringIO(newline="")
    writer = csv.writer(
        buffer,
        lineterminator="\r\n" if number % 3 == 0 else "\n",
        quoting=csv.QUOTE_ALL if number % 5 == 0 else csv.QUOTE_MINIMAL,
    )
    writer.writerows(rows)
    return [buffer.getvalue()]


def bad_rows(line: Line) -> list[list[str]]:
    """One row a fault, each made of a good line: number, date, decimal, length, key, range, columns."""
    good = dict(zip(COLUMNS, line.values(), strict=True))

    def with_(**changes: str) -> list[str]:
        return list({**good, **changes}.values())

    return [
        with_(line_no="9001", quantity="zwölf"),
        with_(line_no="9002", invoice_date="31.11.2026"),
        with_(line_no="9003", unit_price="12,50"),
        with_(line_no="9004", note="é" * 150),
        with_(line_no=""),
        with_(line_no="9006", quantity="2147483648"),
        [*with_(line_no="9007"), "one", "more"],
        with_(line_no="9008")[:4],
    ]


def _insert_bad(rows: list[str], day: date, lines: Sequence[Line], rng: Random) -> None:
    """As many kinds of bad rows as a hundredth of the drop allows, at least one: seen, yet tolerated."""
    for values in bad_rows(lines[0])[: max(1, len(lines) // 100)]:
        rows[rng.randrange(len(rows) + 1) : 0] = _render(day, [values])
