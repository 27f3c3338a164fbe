"""The MySQL protocol: one thread a connection, on the standard library.

Native password only (others are asked to switch); a refused login is answered with 1045 and the socket closed.
"""

import contextlib
import enum
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
from emulator.types.sql_type import SqlType
from emulator.wire import handshake, packets, prepared
from emulator.wire.channel import Channel, Gone
from emulator.wire.packets import read_until_zero
from emulator.wire.prepared import Prepared

if TYPE_CHECKING:
    from emulator.server import Server


class Command(enum.IntEnum):
    """The first byte of what a client says (`fe/fe-core/src/main/java/com/starrocks/mysql/MysqlCommand.java`)."""

    QUIT = 0x01
    INIT_DB = 0x02
    QUERY = 0x03
    FIELD_LIST = 0x04
    STATISTICS = 0x09
    DEBUG = 0x0D
    PING = 0x0E
    CHANGE_USER = 0x11
    STMT_PREPARE = 0x16
    STMT_EXECUTE = 0x17
    STMT_SEND_LONG_DATA = 0x18
    STMT_CLOSE = 0x19
    STMT_RESET = 0x1A
    SET_OPTION = 0x1B
    RESET_CONNECTION = 0x1F


PREPARED = (
    Command.STMT_PREPARE,
    Command.STMT_EXECUTE,
    Command.STMT_SEND_LONG_DATA,
    Command.STMT_CLOSE,
    Command.STMT_RESET,
)
VARCHAR = SqlType("varchar", length=65533)


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
        self.channel = Channel(self.request)
        self.statements: dict[int, Prepared] = {}
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

    def _error(self, fault: StarRocksError) -> None:
        self.channel.write(packets.error(fault.code, fault.message, fault.state))
        self.channel.flush()

    # -- login ---------------------------------------------------------------------------------------------------

    def _login(self) -> Session | None:
        self.seed = handshake.fresh_seed()
        self.channel.write(handshake.greeting(self.seed))
        self.channel.flush()
        try:
            user, answer, database, plugin = handshake.read_login(self.channel.read())
        except (IndexError, struct.error, UnicodeDecodeError):
            self._error(StarRocksError(1043, "Bad handshake", "08S01"))
            return None
        if plugin not in (handshake.NATIVE, b""):
            self.channel.write(handshake.switch_to_native(self.seed))
            self.channel.flush()
            answer = self.channel.read()
        server, host = self.server.server, self.client_address[0]
        try:
            known = login.by_answer(server.engine, user, host, answer, self.seed)
            login.need_connection(known, [each.user for each in server.sessions.values()])
            access = server.access_of(known)
            session = Session(server, access, host, database)
        except StarRocksError as fault:
            self._error(fault)
            return None
        self.channel.write(packets.ok(0, packets.STATUS_AUTOCOMMIT, 0, ""))
        self.channel.flush()
        return session

    def _change_user(self, session: Session, data: bytes) -> None:
        """COM_CHANGE_USER: somebody else on the same connection; who is refused stays who he was (MysqlProto.java).

        Raises 1045, 5501.
        """
        user, answer, database = handshake.read_change_user(data)
        server, host = self.server.server, self.client_address[0]
        known = login.by_answer(server.engine, user, host, answer, self.seed)
        session.become(server.access_of(known), database)

    # -- commands ------------------------------------------------------------------------------------------------

    def _command(self, session: Session) -> bool:
        """Read and answer one command; False when the client says goodbye."""
        message = self.channel.read()
        if not message:
            return False
        code, data = message[0], message[1:]
        if code == Command.QUIT:
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
        self.channel.flush()
        return True

    def _answer(self, session: Session, code: int, data: bytes) -> None:
        if code == Command.QUERY:
            self._results(session, data.decode(), self._text_rows)
        elif code == Command.INIT_DB:
            session.use(data.decode())
            self._ok(session, Ok())
        elif code in (Command.PING, Command.DEBUG, Command.SET_OPTION):
            self.channel.write(
                packets.eof(self._status(session))
                if code == Command.SET_OPTION
                else packets.ok(0, self._status(session), 0, "")
            )
        elif code in (Command.CHANGE_USER, Command.RESET_CONNECTION):
            if code == Command.CHANGE_USER:
                self._change_user(session, data)
            session.reset()
            self.statements.clear()
            self._ok(session, Ok())
        elif code == Command.STATISTICS:
            self.channel.write(b"Uptime: 1  Threads: %d" % len(self.server.server.sessions))
        elif code == Command.FIELD_LIST:
            self._field_list(session, data)
        elif code in PREPARED:
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
            self.channel.buffer.clear()
            raise Gone
        self.channel.write(packets.ok(result.affected, self._status(session, more), result.warnings, result.info))

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
                self.channel.flush()
                continue
        if pending is not None:
            self._send(session, pending, write_rows, more=False)
        elif self.channel.is_untouched:
            self._ok(session, Ok())

    def _send(self, session: Session, result: Result, write_rows: Any, more: bool) -> None:
        if isinstance(result, Ok):
            self._ok(session, result, more)
            return
        self.channel.write(packets.lenenc_int(len(result.columns)))
        for column in result.columns:
            self.channel.write(packets.column(column))
        self.channel.write(packets.eof(self._status(session)))
        write_rows(result)
        self.channel.write(packets.eof(self._status(session, more)))

    def _text_rows(self, result: ResultSet) -> None:
        for batch in result.batches:
            for row in batch:
                self.channel.write(packets.text_row(row))

    def _binary_rows(self, result: ResultSet) -> None:
        for batch in result.batches:
            for row in batch:
                self.channel.write(prepared.binary_row(result.columns, row))

    def _field_list(self, session: Session, data: bytes) -> None:
        name, _ = read_until_zero(data, 0)
        session.access.need_any(session.db_of(""), name.decode())
        table = session.engine.table(session.db_of(""), name.decode())
        for each in table.columns:
            self.channel.write(packets.column(ResultColumn(each.name, each.sql_type), default=True))
        self.channel.write(packets.eof(self._status(session)))

    # -- prepared statements -------------------------------------------------------------------------------------

    def _prepared(self, session: Session, code: int, data: bytes) -> None:
        if code == Command.STMT_PREPARE:
            self._prepare(data.decode())
            return
        number = int.from_bytes(data[:4], "little")
        statement = self.statements.get(number)
        if code == Command.STMT_CLOSE:
            self.statements.pop(number, None)
            return
        if statement is None:
            raise failed(f"Unknown prepared statement handler ({number})", 1243)
        if code == Command.STMT_SEND_LONG_DATA:
            index = int.from_bytes(data[4:6], "little")
            statement.long_data[index] = statement.long_data.get(index, b"") + data[6:]
        elif code == Command.STMT_RESET:
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
        statement = Prepared(text)
        number, self.next_statement = self.next_statement, self.next_statement + 1
        self.statements[number] = statement
        self.channel.write(b"\0" + struct.pack("<IHHBH", number, 0, len(statement.places), 0, 0))
        for _ in statement.places:
            self.channel.write(packets.column(ResultColumn("?", VARCHAR)))
        if statement.places:
            self.channel.write(packets.eof(packets.STATUS_AUTOCOMMIT))


def _read_ahead(result: ResultSet, text: str) -> ResultSet:
    """Rows that must be kept while the next statement runs are read into memory; those of the only one are not."""
    if ";" not in text.rstrip().rstrip(";"):
        return result
    batches: list[Sequence[Sequence[Any]]] = list(result.batches)
    return ResultSet(result.columns, batches)
