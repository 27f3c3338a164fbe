"""The MySQL protocol: one thread a connection, on the standard library.

Native password only (others are asked to switch); a refused login is answered with 1045 and the socket closed.
"""

import contextlib
import secrets
import socket
import socketserver
import struct
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import duckdb

from emulator.errors import StarRocksError, failed
from emulator.people import login
from emulator.results import Ok, Result, ResultColumn, ResultSet
from emulator.session import Session
from emulator.sql.types import SqlType
from emulator.variables import MYSQL_VERSION
from emulator.wire import packets, prepared
from emulator.wire.packets import read_until_zero

if TYPE_CHECKING:
    from emulator.server import Server

MAX_PACKET = (1 << 24) - 1
MAX_STATEMENT = 1 << 30
FLUSH_BYTES = 1 << 16
NATIVE = b"mysql_native_password"
VARCHAR = SqlType("varchar", length=65533)


class Gone(Exception):
    """The client closed, or broke the protocol."""


class Wire(socketserver.ThreadingTCPServer):
    """The listening socket; `server` is the embedded server behind it."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], server: "Server") -> None:
        self.server = server
        super().__init__(address, Connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection's fault is its own; everybody else goes on."""


class Connection(socketserver.BaseRequestHandler):
    """One client's connection."""

    server: Wire
    request: socket.socket

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(30)
        self.stream = self.request.makefile("rb", buffering=1 << 16)
        self.sequence = 0
        self.buffer = bytearray()
        self.statements: dict[int, _Prepared] = {}
        self.next_statement = 1

    def handle(self) -> None:
        try:
            session = self._login()
            if session is None:
                return
            self.request.settimeout(None)
            session.disconnect = self._hang_up
            self.server.server.sessions[session.connection_id] = session
            try:
                while self._command(session):
                    pass
            finally:
                session.close()
                self.server.server.sessions.pop(session.connection_id, None)
        except (Gone, OSError):
            return

    def _hang_up(self) -> None:
        """End the connection from another thread."""
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    # -- bytes ---------------------------------------------------------------------------------------------------

    def _read(self) -> bytes:
        """One message, put together from its packets."""
        parts, total = [], 0
        while True:
            header = self.stream.read(4)
            if len(header) < 4:
                raise Gone
            size = int.from_bytes(header[:3], "little")
            self.sequence = (header[3] + 1) % 256
            data = self.stream.read(size)
            total += size
            if len(data) < size or total > MAX_STATEMENT:
                raise Gone
            parts.append(data)
            if size < MAX_PACKET:
                return b"".join(parts)

    def _write(self, payload: bytes) -> None:
        """Put one message into the buffer, cut at 16 MB."""
        for start in range(0, len(payload) + 1, MAX_PACKET):
            part = payload[start : start + MAX_PACKET]
            self.buffer += len(part).to_bytes(3, "little") + bytes((self.sequence,)) + part
            self.sequence = (self.sequence + 1) % 256
        if len(self.buffer) > FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self.buffer:
            self.request.sendall(self.buffer)
            self.buffer.clear()

    def _error(self, fault: StarRocksError) -> None:
        self._write(packets.error(fault.code, fault.message, fault.state))
        self._flush()

    # -- login ---------------------------------------------------------------------------------------------------

    def _login(self) -> Session | None:
        self.seed = seed = bytes(secrets.choice(range(33, 127)) for _ in range(20))
        connection_id = secrets.randbelow(1 << 30)
        greeting = b"\x0a" + MYSQL_VERSION.encode() + b"\0" + struct.pack("<I", connection_id) + seed[:8] + b"\0"
        low, high = packets.CAPABILITIES & 0xFFFF, packets.CAPABILITIES >> 16
        greeting += struct.pack("<HBHHB", low, packets.UTF8, packets.STATUS_AUTOCOMMIT, high, 21) + b"\0" * 10
        self._write(greeting + seed[8:] + b"\0" + NATIVE + b"\0")
        self._flush()
        try:
            user, answer, database, plugin = _read_login(self._read())
        except (IndexError, struct.error, UnicodeDecodeError):
            self._error(StarRocksError(1043, "Bad handshake", "08S01"))
            return None
        if plugin not in (NATIVE, b""):
            self._write(b"\xfe" + NATIVE + b"\0" + seed + b"\0")
            self._flush()
            answer = self._read()
        server, host = self.server.server, self.client_address[0]
        try:
            known = login.by_answer(server.engine, user, host, answer, seed)
            login.need_connection(known, [each.user for each in server.sessions.values()])
            access = server.access_of(known)
            session = Session(server, access, host, database)
        except StarRocksError as fault:
            self._error(fault)
            return None
        self._write(packets.ok(0, packets.STATUS_AUTOCOMMIT, 0, ""))
        self._flush()
        return session

    def _change_user(self, session: Session, data: bytes) -> None:
        """COM_CHANGE_USER: somebody else on the same connection; who is refused stays who he was (MysqlProto.java).

        Raises 1045, 5501.
        """
        user, at = read_until_zero(data, 0)
        answer, at = data[at + 1 : at + 1 + data[at]], at + 1 + data[at]
        database = read_until_zero(data, at)[0].decode()
        server, host = self.server.server, self.client_address[0]
        known = login.by_answer(server.engine, user.decode(), host, answer, self.seed)
        session.become(server.access_of(known), database)

    # -- commands ------------------------------------------------------------------------------------------------

    def _command(self, session: Session) -> bool:
        """Read and answer one command; False when the client says goodbye."""
        message = self._read()
        if not message:
            return False
        code, data = message[0], message[1:]
        if code == 0x01:
            return False
        try:
            self._answer(session, code, data)
        except StarRocksError as fault:
            self._error(fault)
        except duckdb.Error as fault:
            self._error(session.told(fault))
        except UnicodeDecodeError:
            self._error(failed("The statement is not valid UTF-8"))
        except RecursionError:
            self._error(failed("The statement is nested too deeply"))
        except (Gone, OSError):
            raise
        except Exception as fault:
            traceback.print_exc(limit=-8)
            self._error(failed(f"Internal error of the embedded server: {type(fault).__name__}: {fault}", 1815))
        self._flush()
        return True

    def _answer(self, session: Session, code: int, data: bytes) -> None:
        if code == 0x03:
            self._results(session, data.decode(), self._text_rows)
        elif code == 0x02:
            session.use(data.decode())
            self._ok(session, Ok())
        elif code in (0x0E, 0x0D, 0x1B):
            self._write(
                packets.eof(self._status(session)) if code == 0x1B else packets.ok(0, self._status(session), 0, "")
            )
        elif code in (0x11, 0x1F):
            if code == 0x11:
                self._change_user(session, data)
            session.reset()
            self.statements.clear()
            self._ok(session, Ok())
        elif code == 0x09:
            self._write(b"Uptime: 1  Threads: %d" % len(self.server.server.sessions))
        elif code == 0x04:
            self._field_list(session, data)
        elif code in (0x16, 0x17, 0x18, 0x19, 0x1A):
            self._prepared(session, code, data)
        else:
            raise failed(f"Unsupported command {code}", 1047)

    def _status(self, session: Session, more: bool = False) -> int:
        status = packets.STATUS_AUTOCOMMIT
        if session.explicit is not None:
            status |= packets.STATUS_IN_TRANS
        return status | (packets.STATUS_MORE_RESULTS if more else 0)

    def _ok(self, session: Session, result: Ok, more: bool = False) -> None:
        committed = "'status':'VISIBLE'" in result.info or "'status':'COMMITTED'" in result.info
        if committed and self.server.server.faults.loses_reply(sql=True):
            self.buffer.clear()
            raise Gone
        self._write(packets.ok(result.affected, self._status(session, more), result.warnings, result.info))

    def _results(self, session: Session, text: str, write_rows: Any) -> None:
        """Run a text and send each result; each is held back until it is known whether another follows."""
        pending: Result | None = None
        for result in session.execute(text):
            if pending is not None:
                self._send(session, pending, write_rows, more=True)
            pending = result if isinstance(result, Ok) else _read_ahead(result, text)
            if isinstance(pending, ResultSet) and ";" not in text.rstrip().rstrip(";"):
                self._send(session, pending, write_rows, more=False)
                pending = None
                self._flush()
                continue
        if pending is not None:
            self._send(session, pending, write_rows, more=False)
        elif self.sequence == 1 and not self.buffer:
            self._ok(session, Ok())

    def _send(self, session: Session, result: Result, write_rows: Any, more: bool) -> None:
        if isinstance(result, Ok):
            self._ok(session, result, more)
            return
        self._write(packets.lenenc_int(len(result.columns)))
        for column in result.columns:
            self._write(packets.column(column))
        self._write(packets.eof(self._status(session)))
        write_rows(result)
        self._write(packets.eof(self._status(session, more)))

    def _text_rows(self, result: ResultSet) -> None:
        for batch in result.batches:
            for row in batch:
                self._write(packets.text_row(row))

    def _binary_rows(self, result: ResultSet) -> None:
        for batch in result.batches:
            for row in batch:
                self._write(prepared.binary_row(result.columns, row))

    def _field_list(self, session: Session, data: bytes) -> None:
        name, _ = read_until_zero(data, 0)
        session.access.need_any(session.db_of(""), name.decode())
        table = session.engine.table(session.db_of(""), name.decode())
        for each in table.columns:
            self._write(packets.column(ResultColumn(each.name, each.sql_type), default=True))
        self._write(packets.eof(self._status(session)))

    # -- prepared statements -------------------------------------------------------------------------------------

    def _prepared(self, session: Session, code: int, data: bytes) -> None:
        if code == 0x16:
            self._prepare(data.decode())
            return
        number = int.from_bytes(data[:4], "little")
        statement = self.statements.get(number)
        if code == 0x19:
            self.statements.pop(number, None)
            return
        if statement is None:
            raise failed(f"Unknown prepared statement handler ({number})", 1243)
        if code == 0x18:
            index = int.from_bytes(data[4:6], "little")
            statement.long_data[index] = statement.long_data.get(index, b"") + data[6:]
        elif code == 0x1A:
            statement.long_data.clear()
            self._ok(session, Ok())
        else:
            values, statement.types = (
                prepared.read_parameters(data[9:], len(statement.places), statement.types, statement.long_data)
                if statement.places
                else ([], statement.types)
            )
            self._results(session, prepared.fill(statement.text, statement.places, values), self._binary_rows)

    def _prepare(self, text: str) -> None:
        """Remember a statement. StarRocks prepares SELECT only (error 1295 for the rest)."""
        first = text.lstrip("( \n\t").split(None, 1)[0].upper() if text.strip() else ""
        if first not in ("SELECT", "WITH", "/*") and not first.startswith("/*"):
            raise failed(
                "Getting analyzing error. Detail message: "
                "This command is not supported in the prepared statement protocol yet.",
                1295,
            )
        statement = _Prepared(text, prepared.places(text))
        number, self.next_statement = self.next_statement, self.next_statement + 1
        self.statements[number] = statement
        self._write(b"\0" + struct.pack("<IHHBH", number, 0, len(statement.places), 0, 0))
        for _ in statement.places:
            self._write(packets.column(ResultColumn("?", VARCHAR)))
        if statement.places:
            self._write(packets.eof(packets.STATUS_AUTOCOMMIT))


class _Prepared:
    """A prepared statement of one connection."""

    def __init__(self, text: str, places: list[int]) -> None:
        self.text = text
        self.places = places
        self.types: list[int] | None = None
        self.long_data: dict[int, bytes] = {}


def _read_ahead(result: ResultSet, text: str) -> ResultSet:
    """Rows that must be kept while the next statement runs are read into memory; those of the only one are not."""
    if ";" not in text.rstrip().rstrip(";"):
        return result
    batches: list[Sequence[Sequence[Any]]] = list(result.batches)
    return ResultSet(result.columns, batches)


def _read_login(data: bytes) -> tuple[str, bytes, str, bytes]:
    """User, password answer, database and plugin of a HandshakeResponse41."""
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
