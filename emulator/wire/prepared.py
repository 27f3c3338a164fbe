"""The binary protocol of prepared statements: parameters in, rows out.

Parameters are written into the statement's text as literals, so a prepared statement means what its text would mean.
"""

import datetime
import struct
from collections.abc import Sequence
from typing import Any

from emulator.errors import failed
from emulator.results import ResultColumn
from emulator.sql.dialect import LEXEME
from emulator.wire.packets import lenenc, read_lenenc_int, text_of, wire_type

_INTEGERS = {0x01: "b", 0x02: "h", 0x03: "i", 0x09: "i", 0x08: "q", 0x0D: "h"}


class Prepared:
    """A prepared statement of one connection."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places = places(text)
        self.types: list[int] | None = None
        self.long_data: dict[int, bytes] = {}


def places(text: str) -> list[int]:
    """Positions of the `?` that stand for parameters: outside of strings, names and comments."""
    found, end = [], 0
    for match in [*LEXEME.finditer(text), None]:
        stop = match.start() if match else len(text)
        found += [at for at in range(end, stop) if text[at] == "?"]
        end = match.end() if match else stop
    return found


def fill(text: str, at: Sequence[int], values: Sequence[Any]) -> str:
    """The text with each `?` replaced by its value as a literal."""
    pieces, end = [], 0
    for position, value in zip(at, values, strict=True):
        pieces += [text[end:position], literal(value)]
        end = position + 1
    return "".join([*pieces, text[end:]])


def literal(value: Any) -> str:
    """A StarRocks literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0") + "'"


def read_parameters(
    data: bytes, count: int, types: list[int] | None, long_data: dict[int, bytes]
) -> tuple[list[Any], list[int]]:
    """Values of COM_STMT_EXECUTE from the place of the NULL bitmap on; `types` are those of the last time."""
    nulls, at = data[: (count + 7) // 8], (count + 7) // 8
    bound = data[at : at + 1] == b"\x01"
    at += 1
    if bound:
        types = [int.from_bytes(data[at + 2 * i : at + 2 * i + 2], "little") for i in range(count)]
        at += 2 * count
    if types is None:
        raise failed("Prepared statement was executed without parameter types", 1210)
    values: list[Any] = []
    for index, kind in enumerate(types):
        if index in long_data:
            values.append(long_data[index])
        elif nulls[index // 8] >> (index % 8) & 1:
            values.append(None)
        else:
            value, at = _read(data, at, kind)
            values.append(value)
    return values, types


def _read(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    code, unsigned = kind & 0xFF, kind & 0x8000
    if code in _INTEGERS:
        form = "<" + (_INTEGERS[code].upper() if unsigned else _INTEGERS[code])
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if code in (0x04, 0x05):
        form = "<f" if code == 0x04 else "<d"
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if code in (0x07, 0x0A, 0x0C):
        size = data[at]
        return _moment(data[at + 1 : at + 1 + size]), at + 1 + size
    if code == 0x0B:
        size = data[at]
        return _duration(data[at + 1 : at + 1 + size]), at + 1 + size
    if code == 0x06:
        return None, at
    size, at = read_lenenc_int(data, at)
    return data[at : at + size], at + size


def _moment(data: bytes) -> str:
    year, month, day = struct.unpack_from("<HBB", data) if len(data) >= 4 else (0, 0, 0)
    date = f"{year:04d}-{month:02d}-{day:02d}"
    if len(data) < 7:
        return date
    micro = struct.unpack_from("<I", data, 7)[0] if len(data) >= 11 else 0
    return f"{date} {data[4]:02d}:{data[5]:02d}:{data[6]:02d}" + (f".{micro:06d}" if micro else "")


def _duration(data: bytes) -> str:
    if len(data) < 8:
        return "00:00:00"
    negative, days, hours, minutes, seconds = struct.unpack_from("<BIBBB", data)
    return f"{'-' if negative else ''}{days * 24 + hours:02d}:{minutes:02d}:{seconds:02d}"


def binary_row(columns: Sequence[ResultColumn], row: Sequence[Any]) -> bytes:
    """A row of the binary protocol."""
    nulls = bytearray((len(columns) + 9) // 8)
    parts = []
    for index, (column, value) in enumerate(zip(columns, row, strict=True)):
        if value is None:
            nulls[(index + 2) // 8] |= 1 << ((index + 2) % 8)
        else:
            parts.append(_write(wire_type(column.type)[0], value))
    return b"\0" + bytes(nulls) + b"".join(parts)


def _write(kind: int, value: Any) -> bytes:
    if kind in _INTEGERS:
        return struct.pack("<" + _INTEGERS[kind], int(value))
    if kind in (0x04, 0x05):
        return struct.pack("<f" if kind == 0x04 else "<d", float(value))
    if kind in (0x0A, 0x0C) and isinstance(value, datetime.date):
        return _write_moment(value)
    return lenenc(text_of(value) or b"")


def _write_moment(value: datetime.date) -> bytes:
    date = struct.pack("<HBB", value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        return b"\x04" + date
    clock = bytes((value.hour, value.minute, value.second))
    if value.microsecond:
        return b"\x0b" + date + clock + struct.pack("<I", value.microsecond)
    return b"\x07" + date + clock
