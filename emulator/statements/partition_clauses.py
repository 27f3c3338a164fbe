"""Reads declared partitions: `PARTITION p VALUES ...` and `START .. END .. EVERY`, which stands for many.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/PartitionDescAnalyzer.java`,
`sql/ast/MultiRangePartitionDesc.java`.
"""

import datetime
from dataclasses import dataclass

from emulator.errors import analysis
from emulator.sql.reader import Reader
from emulator.storage.catalog import Partition, Table
from emulator.types.sql_type import SqlType

MOST_IN_ONE_BATCH = 4096
_UNITS = {"hour": "%Y%m%d%H", "day": "%Y%m%d", "week": "", "month": "%Y%m", "year": "%Y"}


@dataclass(frozen=True)
class Batched:
    """`START ("a") END ("b") EVERY (INTERVAL 1 DAY)`; `unit` '' for numbers."""

    start: str
    end: str
    step: int
    unit: str


Declared = Partition | Batched
NO_LOWER = ("",)  # VALUES LESS THAN: the lower bound is the end of the partition before


def read(reader: Reader) -> list[Declared]:
    """`(PARTITION ..., START ... END ... EVERY ..., ...)`, perhaps empty."""
    found: list[Declared] = []
    reader.expect("(")
    while not reader.accept(")"):
        found.append(read_batched(reader) if reader.next_is("START") else read_one(reader))
        if not reader.next_is(")"):
            reader.expect(",")
    return found


def read_one(reader: Reader) -> Partition:
    """`PARTITION [IF NOT EXISTS] p VALUES LESS THAN .. | VALUES [(..), (..)) | VALUES IN (..) ["(properties)"]`."""
    reader.expect("PARTITION")
    return read_named(reader)[0]


def read_named(reader: Reader) -> tuple[Partition, bool]:
    """What follows PARTITION; also whether IF NOT EXISTS is there."""
    if_not_exists = reader.accept("IF", "NOT", "EXISTS")
    name = reader.identifier()
    reader.expect("VALUES")
    if reader.accept("LESS", "THAN"):
        found = Partition(name, NO_LOWER, _upper(reader))
    elif reader.accept("IN"):
        found = Partition(name, values=_listed(reader))
    else:
        reader.expect("[")
        lower = _bound(reader)
        reader.expect(",")
        upper = _bound(reader)
        reader.expect(")")
        found = Partition(name, lower, upper)
    if reader.next_is("(") and not reader.next_is("(", "PARTITION"):
        reader.properties()
    return found, if_not_exists


def _upper(reader: Reader) -> tuple[str, ...]:
    if reader.accept("MAXVALUE"):
        return ()
    return _bound(reader)


def _bound(reader: Reader) -> tuple[str, ...]:
    """`("a", "b")`; () for MAXVALUE."""
    values: list[str] = []
    reader.expect("(")
    while True:
        if reader.accept("MAXVALUE"):
            reader.expect(")")
            if values:
                raise analysis("Not support MAXVALUE in multi partition range values")
            return ()
        values.append(reader.string())
        if reader.accept(")"):
            return tuple(values)
        reader.expect(",")


def _listed(reader: Reader) -> tuple[tuple[str | None, ...], ...]:
    """`("a", "b")` or `(("a", "x"), ("b", NULL))`."""
    rows: list[tuple[str | None, ...]] = []
    reader.expect("(")
    while True:
        rows.append(_row(reader) if reader.next_is("(") else (_value(reader),))
        if reader.accept(")"):
            return tuple(rows)
        reader.expect(",")


def _row(reader: Reader) -> tuple[str | None, ...]:
    values: list[str | None] = []
    reader.expect("(")
    while True:
        values.append(_value(reader))
        if reader.accept(")"):
            return tuple(values)
        reader.expect(",")


def _value(reader: Reader) -> str | None:
    return None if reader.accept("NULL") else reader.string()


def read_batched(reader: Reader) -> Batched:
    """`START ("a") END ("b") EVERY (INTERVAL n unit | n)`."""
    reader.expect("START", "(")
    start = reader.word_or_string()
    reader.expect(")", "END", "(")
    end = reader.word_or_string()
    reader.expect(")", "EVERY", "(")
    unit = ""
    if reader.accept("INTERVAL"):
        step = reader.number()
        unit = reader.identifier().lower()
        if unit not in _UNITS:
            raise analysis(f"Batch build partition does not support time interval type: {unit.upper()}")
    else:
        step = reader.number()
    reader.expect(")")
    if step <= 0:
        raise analysis("Batch build partition every clause mush be larger than zero.")
    return Batched(start, end, step, unit)


# -- START .. END .. EVERY -----------------------------------------------------------------------------------------


def expanded(table: Table, batched: Batched) -> list[Partition]:
    """The partitions that a batch stands for. Raises StarRocks' refusals."""
    if len(table.partition_columns) > 1:
        raise analysis("Batch build partition only support single range column")
    column = table.column(table.partition_columns[0])
    assert column is not None
    kind = column.sql_type
    prefix = table.properties.get("dynamic_partition.prefix", "p")
    if kind.is_integer:
        return _numbers(batched, prefix)
    if kind.name not in ("date", "datetime"):
        raise analysis(f"Unsupported batch partition build type:{kind.show}")
    if batched.unit == "hour" and kind.name != "datetime":
        raise analysis("Batch build partition for hour interval only supports partition column as DATETIME type")
    return _times(batched, prefix, kind)


def _numbers(batched: Batched, prefix: str) -> list[Partition]:
    if batched.unit:
        raise analysis("Batch build partition EVERY is date type but START or END does not type match")
    try:
        start, end = int(batched.start), int(batched.end)
    except ValueError:
        raise analysis("Batch build partition EVERY is number type but START or END does not type match") from None
    if start >= end:
        raise analysis("Batch build partition start value should less then end value")
    starts = range(start, end, batched.step)
    _check_number(len(starts))
    return [Partition(f"{prefix}{one}", (str(one),), (str(one + batched.step),)) for one in starts]


def _check_number(count: int) -> None:
    if count > MOST_IN_ONE_BATCH:
        raise analysis(f"The number of batch partitions should not exceed:{MOST_IN_ONE_BATCH}")


def moments(batched: Batched) -> tuple[datetime.datetime, datetime.datetime]:
    """START and END as times. Raises StarRocks' refusals."""
    if not batched.unit:
        raise analysis("Unknown timeunit for batch build partition")
    try:
        start, end = _moment(batched.start), _moment(batched.end)
    except ValueError:
        raise analysis("Batch build partition EVERY is date type but START or END does not type match") from None
    if start >= end:
        raise analysis("Batch build partition start date should less than end date.")
    return start, end


def _moment(value: str) -> datetime.datetime:
    if value.isdigit() and len(value) == 8:
        return datetime.datetime.strptime(value, "%Y%m%d")
    return datetime.datetime.fromisoformat(value)


def _times(batched: Batched, prefix: str, kind: SqlType) -> list[Partition]:
    start, end = moments(batched)
    pattern = "%Y-%m-%d" if kind.name == "date" else "%Y-%m-%d %H:%M:%S"
    found = []
    while start < end:
        first = floor(start, batched.unit)
        following = (
            min(_later(first, batched.unit, batched.step), end)
            if batched.unit != "day"
            else _later(first, "day", batched.step)
        )
        lower, upper = start.strftime(pattern), following.strftime(pattern)
        found.append(Partition(prefix + _name(first, batched.unit), (lower,), (upper,)))
        _check_number(len(found))
        start = following
    return found


def floor(value: datetime.datetime, unit: str) -> datetime.datetime:
    """The beginning of the hour, day, week (Monday), month or year."""
    if unit == "hour":
        return value.replace(minute=0, second=0, microsecond=0)
    day = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - datetime.timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def _later(value: datetime.datetime, unit: str, step: int) -> datetime.datetime:
    if unit in ("hour", "day", "week"):
        return value + datetime.timedelta(**{f"{unit}s": step})
    months = value.year * 12 + value.month - 1 + step * (12 if unit == "year" else 1)
    return value.replace(year=months // 12, month=months % 12 + 1)


def _name(first: datetime.datetime, unit: str) -> str:
    """`20240102`; a week is counted as Java does where the first week of a year holds January 1."""
    if unit != "week":
        return first.strftime(_UNITS[unit])
    january = datetime.datetime(first.year, 1, 1)
    week = ((first - january).days + (january.weekday() + 1) % 7) // 7 + 1
    return f"{first.year}_{week:02d}"
