"""Functions of weeks, and of times cut into slices.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/date-time-functions/`;
recorded: `test/sql/test_function/R/test_time_slice`, `test/sql/test_time_fn`, `test/sql/test_datetime/R/test_yearweek`.
"""

from sqlglot import exp

from emulator.errors import analysis, failed, unsupported
from emulator.functions.dates import interval_parts
from emulator.functions.spec import F, literal_text
from emulator.types.coercion import DATE, DATETIME, INT, call, cast, number, to_type

_MICROS = {
    "microsecond": 1,
    "millisecond": 1000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_NOT_OF_DATES = ("microsecond", "millisecond", "second", "minute", "hour")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _slice(arguments: list[exp.Expr]) -> exp.Expr:
    """The start of the slice that a time is in, counted from 0001-01-01; its end with CEIL."""
    amount, unit = interval_parts(arguments[1])
    if not isinstance(amount, exp.Literal) or not str(amount.this).isdigit():
        raise analysis("time_slice requires second parameter must be a constant interval")
    count = int(amount.this)
    ceil = len(arguments) > 2 and literal_text(arguments[2], "the boundary of time_slice").lower() == "ceil"
    if count > 2_147_483_647 or count < 1:
        raise analysis("time_slice requires second parameter must be greater than 0")
    if unit in _MONTHS:
        return call("sr_slice_months", arguments[0], number(_MONTHS[unit] * count), number(int(ceil)))
    return call("sr_slice", arguments[0], number(_MICROS[unit] * count), number(int(ceil)))


def _date_slice(arguments: list[exp.Expr]) -> exp.Expr:
    _, unit = interval_parts(arguments[1])
    if unit in _NOT_OF_DATES:
        raise failed("can't use time_slice for date with time(hour/minute/second)")
    return cast(_slice([to_type(arguments[0], DATETIME), *arguments[1:]]), "DATE")


def _week(arguments: list[exp.Expr]) -> exp.Expr:
    mode = literal_text(arguments[1], "the mode of week") if len(arguments) > 1 else "0"
    if mode == "3":
        return cast(call("week", arguments[0]), "INTEGER")
    if mode not in ("0", "1"):
        raise unsupported(f"week() with mode {mode}")
    return call(f"sr_week{mode}", arguments[0])


def _yearweek(arguments: list[exp.Expr]) -> exp.Expr:
    mode = literal_text(arguments[1], "the mode of yearweek") if len(arguments) > 1 else "0"
    if mode not in ("0", "2", "1", "3"):
        raise unsupported(f"yearweek() with mode {mode}")
    return call("sr_yearweek0" if mode in ("0", "2") else "sr_yearweek1", arguments[0])


def _named_day(name: str) -> F:
    """next_day and previous_day: the nearest day of that name behind or before a date, never the date itself."""

    def build(arguments: list[exp.Expr]) -> exp.Expr:
        day = arguments[1]
        if isinstance(day, exp.Literal):
            place = _place(str(day.this), name)
            return call(f"sr_{name}", cast(arguments[0], "DATE"), number(place))
        if isinstance(day, exp.Null):
            return cast(exp.Null(), "DATE")
        branches = []
        for place in range(1, 8):
            names = [exp.Literal.string(each) for each in _names(place)]
            branches.append(exp.If(this=exp.In(this=day.copy(), expressions=names), true=number(place)))
        return call(f"sr_{name}", cast(arguments[0], "DATE"), exp.Case(ifs=branches))

    return F("da", DATE, build)


def _names(place: int) -> list[str]:
    full = _DAYS[place - 1].capitalize()
    return [full[:2], full[:3], full]


def _place(text: str, name: str) -> int:
    """1 for Monday: by two letters, three, or the whole word."""
    for place in range(1, 8):
        if text in _names(place):
            return place
    raise failed(f"{text} not supported in {name} dow_string")


WEEKS: dict[str, F] = {
    "time_slice": F("da[r]", DATETIME, _slice),
    "date_slice": F("da[r]", DATE, _date_slice),
    "week": F("D[l]", INT, _week),
    "yearweek": F("D[l]", INT, _yearweek),
    "next_day": _named_day("next_day"),
    "previous_day": _named_day("previous_day"),
}
