"""emulator/COVERAGE.md says what the code does, and no handler can be missing from it."""

from __future__ import annotations

from collections.abc import Iterator

import pymysql
import pytest

from emulator import coverage
from emulator.server import Server
from emulator.statements import grammar, registry
from tests.house.tree import told

QUERY_IN_BRACKETS = ("(",)


@pytest.fixture(scope="module")
def cursor() -> Iterator[pymysql.cursors.Cursor]:
    with (
        Server(async_delay_ms=0) as server,
        pymysql.connect(host="127.0.0.1", port=server.mysql_port, user="root") as connection,
    ):
        yield connection.cursor()


def test_the_page_is_up_to_date() -> None:
    assert coverage.PAGE.read_text() == coverage.page().rstrip() + "\n", "out of date; next: make readme"


def test_every_handler_is_a_statement_of_starrocks() -> None:
    registry.load()
    strangers = [" ".join(words) for words in registry.patterns() if words not in {*grammar.names(), QUERY_IN_BRACKETS}]
    assert not strangers, told(strangers, "not in emulator/statements/grammar.py, so not in COVERAGE.md:")


def test_what_has_no_handler_is_refused_by_name(cursor: pymysql.cursors.Cursor) -> None:
    answered = []
    for words in sorted(grammar.names() - set(registry.patterns())):
        if any(words[:length] in registry.patterns() for length in range(1, len(words))):
            continue  # the handler of the shorter name refuses it
        try:
            cursor.execute(" ".join(words))
        except pymysql.Error as error:
            if error.args[0] == 1235 and " ".join(words) in error.args[1]:
                continue
            answered.append(f"{' '.join(words)}: {error.args}")
        else:
            answered.append(" ".join(words))
    assert not answered, told(answered, "a statement without a handler has to be refused with 1235 and its name:")


def test_a_longer_name_does_not_fall_into_a_shorter_handler(cursor: pymysql.cursors.Cursor) -> None:
    for words in sorted(grammar.names() - set(registry.patterns())):
        with pytest.raises(pymysql.Error):
            cursor.execute(" ".join(words))
