"""Errors with StarRocks' numbers and texts.

A statement that cannot be done raises `StarRocksError`; the wire turns it into an ERR packet, HTTP into its
own answers. Numbers: `fe/fe-spi/src/main/java/com/starrocks/common/ErrorCode.java` in StarRocks' repository.
"""

ANALYSIS = "Getting analyzing error. Detail message: "


class StarRocksError(Exception):
    """An error that the client sees: `code` (MySQL number), `message`, `state` (five characters, SQLSTATE)."""

    def __init__(self, code: int, message: str, state: str = "HY000") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.state = state

    def __str__(self) -> str:
        return f"({self.code}, {self.message!r})"


def analysis(message: str, code: int = 1064) -> StarRocksError:
    """An error found while a statement is analysed; StarRocks puts a fixed prefix before the text."""
    text = message if message.endswith(".") else f"{message}."
    return StarRocksError(code, ANALYSIS + text)


def failed(message: str, code: int = 1064) -> StarRocksError:
    """An error found while a statement runs: the bare text, most often with number 1064."""
    return StarRocksError(code, message)


def syntax(message: str, line: int | None = None, column: int | None = None) -> StarRocksError:
    """A syntax error; `line` counts from 1, `column` from 0, as StarRocks' parser reports them."""
    place = f" at line {line}, column {column}" if line is not None else ""
    return StarRocksError(1064, f"Getting syntax error{place}. Detail message: {message}.", "42000")


def unexpected(text: str, line: int, column: int) -> StarRocksError:
    """A syntax error at a token that does not belong there."""
    return syntax(f"Unexpected input '{text}'", line, column)


def unsupported(what: str) -> StarRocksError:
    """StarRocks can do this and the embedded server cannot: number 1235, always with the thing's name."""
    return StarRocksError(1235, f"{what} is not supported by the embedded StarRocks server", "42000")


def unknown_database(name: str) -> StarRocksError:
    """Number 5501."""
    return analysis(f"Unknown database '{name}'", 5501)


def unknown_table(name: str) -> StarRocksError:
    """Number 5502, `name` as `db.table` or `table` as the statement wrote it."""
    return analysis(f"Unknown table '{name}'", 5502)


def no_database() -> StarRocksError:
    """Number 1046: the statement needs a current database."""
    return analysis("No database selected", 1046)


def unknown_column(name: str) -> StarRocksError:
    """A column that no table in scope has."""
    return analysis(f"Column '{name}' cannot be resolved")


def table_exists(name: str) -> StarRocksError:
    """Number 1050."""
    return analysis(f"Table '{name}' already exists", 1050)


def lock_timeout(seconds: float) -> StarRocksError:
    """Number 1205: another session kept the write lock for longer than `seconds`."""
    return StarRocksError(1205, f"Lock wait timeout exceeded after {seconds:g} s; try restarting transaction")
