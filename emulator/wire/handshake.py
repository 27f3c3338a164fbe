"""The handshake of the MySQL protocol: the greeting, and how a client says who it is.

Source: `fe/fe-core/src/main/java/com/starrocks/mysql/MysqlHandshakePacket.java`, MysqlAuthPacket.java.
"""

from __future__ import annotations

import secrets
import struct

from emulator.variables import MYSQL_VERSION
from emulator.wire import packets
from emulator.wire.packets import read_until_zero

NATIVE = b"mysql_native_password"


def fresh_seed() -> bytes:
    """Twenty letters that a client mixes with its password."""
    return bytes(secrets.choice(range(33, 127)) for _ in range(20))


def greeting(seed: bytes) -> bytes:
    """The server's first message."""
    connection_id = secrets.randbelow(1 << 30)
    text = b"\x0a" + MYSQL_VERSION.encode() + b"\0" + struct.pack("<I", connection_id) + seed[:8] + b"\0"
    low, high = packets.CAPABILITIES & 0xFFFF, packets.CAPABILITIES >> 16
    text += struct.pack("<HBHHB", low, packets.UTF8, packets.STATUS_AUTOCOMMIT, high, 21) + b"\0" * 10
    return text + seed[8:] + b"\0" + NATIVE + b"\0"


def switch_to_native(seed: bytes) -> bytes:
    """Asks a client that came with another plugin for a mysql_native_password."""
    return b"\xfe" + NATIVE + b"\0" + seed + b"\0"


def read_login(data: bytes) -> tuple[str, bytes, str, bytes]:
    """User, password answer, database and plugin of a HandshakeResponse41.

    Raises IndexError, struct.error, UnicodeDecodeError for anything else.
    """
    flags = struct.unpack_from("<I", data)[0]
    if not flags & packets.PROTOCOL_41:
        raise IndexError("old protocol")
    user, at = read_until_zero(data, 32)
    size, at = packets.read_lenenc_int(data, at)
    answer, at = data[at : at + size], at + size
    database = b""
    if flags & packets.CONNECT_WITH_DB and at < len(data):
        database, at = read_until_zero(data, at)
    plugin = b""
    if flags & packets.PLUGIN_AUTH and at < len(data):
        plugin, at = read_until_zero(data, at)
    return user.decode(), answer, database.decode(), plugin


def read_change_user(data: bytes) -> tuple[str, bytes, str]:
    """User, password answer and database of COM_CHANGE_USER."""
    user, at = read_until_zero(data, 0)
    answer, at = data[at + 1 : at + 1 + data[at]], at + 1 + data[at]
    return user.decode(), answer, read_until_zero(data, at)[0].decode()
