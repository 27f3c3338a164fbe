"""MySQL packets: reading fields, and writing OK, ERR, columns and rows.

Types on the wire as StarRocks sends them: `fe/fe-core/src/main/java/com/starrocks/mysql/MysqlCodec.java`.
"""

import datetime
import json
import struct
from decimal import Decimal
from typing import Any

from emulator.printing import Quoted
from emulator.results import ResultColumn
from emulator.types.sql_type import SqlType

PROTOCOL_41 = 0x200
CONNECT_WITH_DB = 0x8
PLUGIN_AUTH = 0x80000
LENENC_AUTH = 0x200000
CAPABILITIES = (
    0x1
    | 0x2
    | 0x4
    | 0x8
    | PROTOCOL_41
    | 0x400
    | 0x2000
    | 0x8000
    | 0x10000
    | 0x20000
    | 0x40000
    | PLUGIN_AUTH
    | LENENC_AUTH
)
STATUS_AUTOCOMMIT, STATUS_IN_TRANS, STATUS_MORE_RESULTS = 0x2, 0x1, 0x8
UTF8, BINARY = 33, 63

# type name: (MySQL type, character set, length, decimals)
_WIRE: dict[str, tuple[int, int, int, int]] = {
    "boolean": (0x01, BINARY, 4, 0),
    "tinyint": (0x01, BINARY, 4, 0),
    "smallint": (0x02, BINARY, 6, 0),
    "int": (0x03, BINARY, 11, 0),
    "bigint": (0x08, BINARY, 20, 0),
    "float": (0x04, BINARY, 12, 31),
    "double": (0x05, BINARY, 22, 31),
    "date": (0x0A, BINARY, 10, 0),
    "datetime": (0x0C, BINARY, 19, 0),
    "time": (0x0B, BINARY, 10, 0),
    "varbinary": (0xFC, BINARY, 255, 0),
    "varchar": (0xFD, UTF8, 65533, 0),
    "null": (0x06, BINARY, 0, 0),
}
_STRING = (0xFE, UTF8, 65533, 0)


def lenenc_int(value: int) -> bytes:
    """A length-encoded integer."""
    if value < 251:
        return bytes((value,))
    if value < 1 << 16:
        return b"\xfc" + value.to_bytes(2, "little")
    if value < 1 << 24:
        return b"\xfd" + value.to_bytes(3, "little")
    return b"\xfe" + value.to_bytes(8, "little")


def lenenc(value: bytes) -> bytes:
    """A length-encoded string."""
    return lenenc_int(len(value)) + value


def read_lenenc_int(data: bytes, at: int) -> tuple[int, int]:
    """The integer at a place, and the place behind it."""
    first = data[at]
    if first < 251:
        return first, at + 1
    size = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(first, 0)
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size


def read_until_zero(data: bytes, at: int) -> tuple[bytes, int]:
    """The bytes up to a zero byte, and the place behind it."""
    end = data.find(b"\0", at)
    end = len(data) if end < 0 else end
    return data[at:end], end + 1


def ok(affected: int, status: int, warnings: int, info: str) -> bytes:
    """An OK packet; the info text is length-encoded, as StarRocks' `MysqlOkPacket` writes it."""
    tail = lenenc(info.encode()) if info else b""
    return b"\0" + lenenc_int(affected) + b"\0" + struct.pack("<HH", status, min(warnings, 65535)) + tail


def eof(status: int) -> bytes:
    return b"\xfe" + struct.pack("<HH", 0, status)


def error(code: int, message: str, state: str = "HY000") -> bytes:
    return b"\xff" + struct.pack("<H", code) + b"#" + state.encode()[:5].ljust(5, b"0") + message.encode()


def wire_type(kind: SqlType) -> tuple[int, int, int, int]:
    """MySQL type, character set, length and decimals of a column."""
    if kind.name == "decimal":
        return 0xF6, BINARY, (kind.precision or 38) + 2, kind.scale or 0
    return _WIRE.get(kind.name, _STRING)


def column(item: ResultColumn, default: bool = False) -> bytes:
    """A column definition packet."""
    kind, charset, length, decimals = wire_type(item.type)
    name = lenenc(item.name.encode())
    fixed = struct.pack("<BHIBHBH", 0x0C, charset, length, kind, 0, decimals, 0)
    return lenenc(b"def") + lenenc(b"") * 3 + name + name + fixed + (b"\xfb" if default else b"")


def text_of(value: Any) -> bytes | None:
    """A value as StarRocks prints it in a result; None for NULL."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool):
        return b"1" if value else b"0"
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return plain(value).encode()


def plain(value: Any) -> str:
    """Text of a value that is neither NULL nor a string."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, datetime.datetime):
        pattern = "%Y-%m-%d %H:%M:%S.%f" if value.microsecond else "%Y-%m-%d %H:%M:%S"
        return value.strftime(pattern) if value.year >= 1000 else value.isoformat(" ")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.timedelta):
        return _time(value)
    if isinstance(value, list | tuple | dict):
        return _nested(value)
    return str(value)


def _double(value: float) -> str:
    """The shortest text that reads back as the same number, without `.0`."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def _time(value: datetime.timedelta) -> str:
    seconds = int(abs(value).total_seconds())
    sign = "-" if value.total_seconds() < 0 else ""
    return f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _nested(value: Any) -> str:
    """Arrays, maps and structs: `[1,"a",null]`, `{"k":1}`."""
    if value is None:
        return "null"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_nested(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_nested(key)}:{_nested(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Quoted):
        return f"'{value}'"
    if isinstance(value, str | datetime.date):
        return json.dumps(value if isinstance(value, str) else plain(value), ensure_ascii=False)
    return plain(value)


def text_row(row: Any) -> bytes:
    """A row of the text protocol."""
    parts = []
    for value in row:
        encoded = text_of(value)
        parts.append(b"\xfb" if encoded is None else lenenc_int(len(encoded)) + encoded)
    return b"".join(parts)
