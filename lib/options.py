"""The command line options that jobs share. A job names those it takes; `--dry-run` and its kind come by themselves."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from lib.errors import Usage


@dataclass(frozen=True)
class Option:
    """One option: its flag and what argparse is told of it."""

    flag: str
    help: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def day(text: str) -> date:
    """A date `2026-11-01`; raises argparse's error otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date; expected YYYY-MM-DD") from None


def instant(text: str) -> datetime:
    """A date or an instant `2026-11-01T12:00:00`, in UTC unless it names its offset."""
    try:
        given = datetime.fromisoformat(text)
        return given.astimezone(UTC).replace(tzinfo=None) if given.tzinfo else given
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an instant; expected YYYY-MM-DD[THH:MM:SS]") from None


def only(what: str) -> Option:
    """`--only NAME`, repeatable: some items of the job instead of all."""
    return Option("--only", f"only this {what}; may be given several times", {"action": "append", "default": []})


DATE = Option("--date", "the business date, YYYY-MM-DD; default: that of the night", {"type": day})
SINCE = Option("--since", "from this instant (UTC, inclusive) instead of the watermark", {"type": instant})
UNTIL = Option("--until", "up to this instant (UTC, exclusive)", {"type": instant})
FROM = Option("--from", "first business day, inclusive", {"type": day, "dest": "first"})
TO = Option("--to", "last business day, exclusive", {"type": day, "dest": "last"})

EVERY_JOB = (
    Option("--dry-run", "say what would be done; write nothing", {"action": "store_true"}),
    Option("--json", "the result as one JSON document on standard output", {"action": "store_true"}),
    Option("--force", "run although a predecessor of this night has not been done", {"action": "store_true"}),
    Option("--no-notify", "tell nobody", {"action": "store_true"}),
)


def flag(name: str, text: str) -> Option:
    """A switch of one job."""
    return Option(name, text, {"action": "store_true"})


# The options that begin a range and those that end it (exclusive), by their names in the parsed arguments.
_RANGES = (("since", "until", "--since", "--until"), ("first", "last", "--from", "--to"))


class Parser(argparse.ArgumentParser):
    """argparse, with the error as `Usage` so that every fault of the command line looks alike."""

    def error(self, message: str) -> Any:
        """Raises `Usage` in place of printing the whole usage and leaving."""
        raise Usage(f"{self.prog}: {message}", hint=f"{self.prog} --help")


def parse(job: str, description: str, options: tuple[Option, ...], argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of one job's command line; raises `Usage` for what the job does not take."""
    parser = Parser(
        prog=f"./run {job}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for option in (*options, *EVERY_JOB):
        parser.add_argument(option.flag, help=option.help, **option.arguments)
    args, unknown = parser.parse_known_args(list(argv))
    if unknown:
        allowed = ", ".join(option.flag for option in (*options, *EVERY_JOB))
        parser.error(f"{unknown[0]}: no such option; allowed: {allowed}")
    for begin, end, begin_flag, end_flag in _RANGES:
        first, last = getattr(args, begin, None), getattr(args, end, None)
        if first and last and first >= last:
            what = "time" if isinstance(first, datetime) else "business day"
            parser.error(f"{begin_flag} {first} {end_flag} {last}: no {what} lies between; {end_flag} is exclusive")
    return args
