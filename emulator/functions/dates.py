"""Functions of dates and times.

Signatures: `gensrc/script/functions.py`; meaning: `docs/en/sql-reference/sql-functions/date-time-functions/`.
"""

from sqlglot import exp

from emulator.errors import analysis, unsupported
from emulator.functions.spec import F, literal_text
from emulator.functions.time_formats import joda_format, time_format
from emulator.types.coercion import (
    BIGINT,
    DATE,
    DATETIME,
    INT,
    SMALLINT,
    TEXT,
    TINYINT,
    call,
    cast,
    number,
    to_type,
    type_of,
    typed,
)
from emulator.types.sql_type import SqlType

UNITS = ("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
_TRUNC_UNITS = UNITS
_NO_DIFFERENCE = ("microsecond", "quarter")  # there is no microseconds_diff(), no quarters_diff()


def _trunc(arguments: list[exp.Expr]) -> exp.Expr:
    unit = literal_text(arguments[0], "the unit of date_trunc").lower()
    kind = type_of(arguments[1])
    if unit not in _TRUNC_UNITS or (kind == DATE and unit not in ("day", "week", "month", "quarter", "year")):
        raise analysis(f"date_trunc function can't support argument {unit}")
    made = call("date_trunc", exp.Literal.string(unit), arguments[1])
    return cast(made, "DATE") if kind == DATE else made


def interval_parts(node: exp.Expr) -> tuple[exp.Expr, str]:
    """Amount and unit of an INTERVAL; a plain amount counts in days."""
    if not isinstance(node, exp.Interval):
        return node, "day"
    unit = str(node.args["unit"].name if node.args.get("unit") else "day").lower()
    if unit not in UNITS:
        raise unsupported(f"INTERVAL in {unit.upper()}")
    amount = node.this
    if isinstance(amount, exp.Literal) and amount.is_string:
        amount = exp.Literal.number(amount.this)
        typed(amount, BIGINT)
    return amount, unit


def shifted(moment: exp.Expr, amount: exp.Expr, unit: str, back: bool = False) -> exp.Expr:
    """A DATETIME moved by an amount of a unit."""
    step = exp.Neg(this=exp.Paren(this=amount)) if back else amount
    return call(f"sr_{unit}s_add", to_type(moment, DATETIME), step, kind=DATETIME)


def _add(back: bool) -> F:
    def build(arguments: list[exp.Expr]) -> exp.Expr:
        amount, unit = interval_parts(arguments[1])
        return shifted(arguments[0], amount, unit, back)

    return F("da", DATETIME, build)


def _unit_add(unit: str, back: bool) -> F:
    return F("di", DATETIME, lambda a: shifted(a[0], a[1], unit, back))


def _timestampdiff(arguments: list[exp.Expr]) -> exp.Expr:
    unit = literal_text(arguments[0], "the unit of timestampdiff").lower()
    if unit not in UNITS:
        raise analysis(f"Unsupported time unit {unit}")
    return call(f"sr_{unit}s_diff", arguments[2], arguments[1])


def _timestampadd(arguments: list[exp.Expr]) -> exp.Expr:
    return shifted(arguments[2], arguments[1], literal_text(arguments[0], "a unit").lower())


def _date_diff(arguments: list[exp.Expr]) -> exp.Expr:
    unit = literal_text(arguments[0], "the unit of date_diff").lower()
    if unit not in UNITS:
        raise analysis(f"date_diff function can't support argument {unit}")
    return call(f"sr_{unit}s_diff", arguments[1], arguments[2])


def _ntz(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_to_datetime_ntz", arguments[0], arguments[1] if len(arguments) > 1 else number(0))


def _local(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_local", _ntz(arguments))


def _from_unixtime(arguments: list[exp.Expr]) -> exp.Expr:
    pattern = time_format(arguments[1]) if len(arguments) > 1 else exp.Literal.string("%Y-%m-%d %H:%M:%S")
    return call("strftime", call("sr_from_epoch", arguments[0]), pattern)


def _unix_timestamp(arguments: list[exp.Expr]) -> exp.Expr:
    if not arguments:
        return call("sr_epoch", call("sr_now"))
    if len(arguments) == 2:
        moment = call("try_strptime", to_type(arguments[0], TEXT), time_format(arguments[1]))
        return call("sr_epoch", moment)
    return call("sr_epoch", to_type(arguments[0], DATETIME))


def _from_unixtime_ms(arguments: list[exp.Expr]) -> exp.Expr:
    seconds = cast(exp.IntDiv(this=arguments[0], expression=number(1000)), "BIGINT", BIGINT)
    return _from_unixtime([seconds, *arguments[1:]])


def _iso(arguments: list[exp.Expr]) -> exp.Expr:
    kind = type_of(arguments[0])
    pattern = "%Y-%m-%d" if kind == DATE else "%Y-%m-%dT%H:%M:%S.%f"
    return call("strftime", arguments[0], exp.Literal.string(pattern))


def _last_day(arguments: list[exp.Expr]) -> exp.Expr:
    if len(arguments) == 1:
        return call("sr_last_day", arguments[0])
    return call("sr_last_of", arguments[0], exp.Literal.string(literal_text(arguments[1], "a unit").lower()))


def _now(arguments: list[exp.Expr]) -> exp.Expr:
    return call("sr_now6" if arguments and arguments[0].name != "0" else "sr_now")


def _part(name: str, kind: SqlType) -> F:
    return F("D", kind, name)


def _same(_: list[exp.Expr]) -> exp.Expr:
    return cast(call("sr_now"), "DATE")


DATES: dict[str, F] = {
    "date_trunc": F("lD", lambda kinds: DATE if kinds[1] == DATE else DATETIME, _trunc),
    "date_add": _add(False),
    "adddate": _add(False),
    "date_sub": _add(True),
    "subdate": _add(True),
    **{f"{unit}s_add": _unit_add(unit, False) for unit in UNITS},
    **{f"{unit}s_sub": _unit_add(unit, True) for unit in UNITS},
    **{f"{unit}s_diff": F("dd", BIGINT, f"sr_{unit}s_diff") for unit in UNITS if unit not in _NO_DIFFERENCE},
    "add_months": _unit_add("month", False),
    "timestampdiff": F("rdd", BIGINT, _timestampdiff),
    "timestampadd": F("rid", DATETIME, _timestampadd),
    "date_diff": F("ldd", BIGINT, _date_diff),
    "datediff": F("DD", INT, "sr_datediff"),
    "to_datetime_ntz": F("i[i]", DATETIME, _ntz),
    "to_datetime": F("i[i]", DATETIME, _local),
    "from_unixtime": F("i[l]", TEXT, _from_unixtime),
    "unix_timestamp": F("[al]", BIGINT, _unix_timestamp),
    "to_date": F("d", DATE, lambda a: cast(a[0], "DATE")),
    "date": F("d", DATE, lambda a: cast(a[0], "DATE")),
    "timestamp": F("d", DATETIME, lambda a: a[0]),
    "date_format": F("Dl", TEXT, lambda a: call("strftime", a[0], time_format(a[1]))),
    "str_to_date": F("tl", DATETIME, lambda a: call("try_strptime", call("trim", a[0]), time_format(a[1]))),
    "str2date": F("tl", DATE, lambda a: cast(call("try_strptime", call("trim", a[0]), time_format(a[1])), "DATE")),
    "now": F("[a]", DATETIME, _now),
    "current_timestamp": F("[a]", DATETIME, _now),
    "localtime": F("", DATETIME, _now),
    "localtimestamp": F("[a]", DATETIME, _now),
    "utc_timestamp": F(
        "",
        DATETIME,
        lambda _: call(
            "date_trunc",
            exp.Literal.string("second"),
            call("timezone", exp.Literal.string("UTC"), call("get_current_timestamp")),
        ),
    ),
    "curdate": F("", DATE, _same),
    "current_date": F("", DATE, _same),
    "convert_tz": F("dtt", DATETIME, "sr_convert_tz"),
    "year": _part("year", SMALLINT),
    "month": _part("month", TINYINT),
    "day": _part("day", TINYINT),
    "dayofmonth": _part("day", TINYINT),
    "hour": F("d", TINYINT, "hour"),
    "minute": F("d", TINYINT, "minute"),
    "second": F("d", TINYINT, "second"),
    "quarter": _part("quarter", INT),
    "dayofyear": _part("dayofyear", INT),
    "dayofweek": _part("sr_dayofweek", INT),
    "dayofweek_iso": _part("isodow", INT),
    "weekday": _part("sr_weekday", INT),
    "week_iso": _part("week", INT),
    "weekofyear": _part("week", INT),
    "dayname": F("D", TEXT, "dayname"),
    "monthname": F("D", TEXT, "monthname"),
    "last_day": F("D[l]", DATE, _last_day),
    "to_days": F("D", INT, lambda a: call("sr_to_days", cast(a[0], "DATE"))),
    "from_days": F("i", DATE, "sr_from_days"),
    "makedate": F("ii", DATE, "sr_makedate"),
    "hour_from_unixtime": F("i", INT, lambda a: cast(call("hour", call("sr_from_epoch", a[0])), "INTEGER")),
    "from_unixtime_ms": F("i[l]", TEXT, _from_unixtime_ms),
    "time_to_sec": F("t", BIGINT, "sr_time_to_sec"),
    "sec_to_time": F("i", TEXT, "sr_sec_to_time"),
    "to_iso8601": F("D", TEXT, _iso),
    "jodatime_format": F("Dl", TEXT, lambda a: call("strftime", a[0], joda_format(a[1]))),
    "str_to_jodatime": F("tl", DATETIME, lambda a: call("try_strptime", call("trim", a[0]), joda_format(a[1]))),
}
