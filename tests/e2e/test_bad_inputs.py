"""Bad input of every family ends as declared: loaded exactly, in quarantine with its place, or refused whole.

Never as NULL, never as a traceback, and in bounded memory.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from emulator.server import Server
from examples.broker import Broker
from lib.reading import LINEAGE
from tests.e2e.bad_files import BAD, GOOD, LOADED, REFUSED, ROW
from tests.e2e.small import Small, Zygote

HEAD = """\
-- purpose: takes everything
-- owner: me
-- source: {source}
-- refresh: incremental, morning
-- key: {key}
-- tolerate: 100%
"""
TYPED = """
CREATE TABLE IF NOT EXISTS fact_typed (
    id BIGINT NOT NULL, tiny TINYINT NULL, big BIGINT NULL, large LARGEINT NULL, dec2 DECIMAL(9,2) NULL,
    dbl DOUBLE NULL, flag BOOLEAN NULL, day DATE NULL, at DATETIME NULL, short VARCHAR(5) NULL, word STRING NULL,
    doc JSON NULL
) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
MESSAGE = """\
-- column: at = to_datetime_ntz(_timestamp, 3)
-- column: message_offset = _offset

CREATE TABLE IF NOT EXISTS fact_message (
    id LARGEINT NOT NULL, price DECIMAL(38,18) NULL, note VARCHAR(30) NULL, at DATETIME NOT NULL,
    message_offset BIGINT NOT NULL
) PRIMARY KEY (id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
PAIR = """\
-- column: file = _file

CREATE TABLE IF NOT EXISTS fact_pair (file VARCHAR(300) NOT NULL, id BIGINT NOT NULL, short VARCHAR(5) NULL)
PRIMARY KEY (file, id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
COLUMNS = ("id", "tiny", "big", "large", "dec2", "dbl", "flag", "day", "at", "short", "word", "doc")


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory, server: Server, seed: Zygote) -> Small:
    """A warehouse with the table that takes everything, from CSV files of the header's own columns."""
    small = Small(tmp_path_factory.mktemp("typed"), server, seed, "dw_typed")
    small.write("warehouse/schema/fact_typed.sql", HEAD.format(source="files *.csv", key="id") + TYPED)
    small.run("migrate")
    return small


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, server: Server, seed: Zygote) -> Small:
    """A warehouse with a table of two columns, and the file from which each row has come."""
    small = Small(tmp_path_factory.mktemp("pair"), server, seed, "dw_pair")
    small.write("warehouse/schema/fact_pair.sql", HEAD.format(source="files *.csv", key="file, id") + PAIR)
    small.run("migrate")
    return small


def _drop(small: Small, files: Mapping[str, bytes]) -> None:
    """These files alone in the folder, in front of empty tables."""
    for old in (small.folder / "sources").iterdir():
        old.unlink()
    for table in ("fact_pair", "ops_load", "ops_quarantine"):
        small.sql(f"TRUNCATE TABLE {table}")
    for name, content in files.items():
        small.write(f"sources/{name}.csv", content)


def _pairs(small: Small) -> dict[str, list[tuple[int, str | None]]]:
    """What is loaded, by file."""
    found: dict[str, list[tuple[int, str | None]]] = {}
    for row in small.sql("SELECT file, id, short FROM fact_pair ORDER BY file, id"):
        found.setdefault(row["file"].removesuffix(".csv"), []).append((row["id"], row["short"]))
    return found


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(COLUMNS), *rows])
    return text.getvalue()


def _row(number: int, column: str, value: str) -> list[str]:
    return [str(number), *(value if name == column else "" for name in COLUMNS[1:])]


def _id(row_text: str) -> str:
    found = re.search(r'"id": "([0-9]+)"', row_text)
    return found[1] if found else row_text


def test_values_that_do_not_fit_are_in_quarantine_with_their_place_and_the_others_in_the_table(typed: Small) -> None:
    for name, cases, first in (("bad", BAD, 1), ("good", GOOD, 10_000)):
        rows = [_row(number, case[0], str(case[1])) for number, case in enumerate(cases, first)]
        typed.write(f"sources/{name}.csv", _csv(rows))
    done = typed.run("load_facts", "--force", expect=(3,))
    assert done.document["rows"]["quarantined"] == len(BAD)
    assert done.document["rows"]["loaded"] == len(GOOD)
    kept = typed.sql("SELECT coordinates, column_name, reason, row_text FROM ops_quarantine")
    assert all(row["coordinates"].startswith("bad.csv:") for row in kept)
    # The text of a long row is cut off, so it is not always JSON.
    found = {_id(row["row_text"]): (row["column_name"], row["reason"]) for row in kept}
    assert found == {str(number): (column, reason) for number, (column, _, reason) in enumerate(BAD, 1)}
    held = {row["id"]: row for row in typed.sql("SELECT * FROM fact_typed")}
    assert set(held) == set(range(10_000, 10_000 + len(GOOD)))
    for number, (column, text, expected) in enumerate(GOOD, 10_000):
        stored = held[number][column]
        assert (stored if type(stored) is type(expected) else str(stored)) == expected, (column, text[:50])
    assert typed.run("load_facts", "--force").document["rows"]["read"] == 0


def test_a_file_that_cannot_be_read_is_refused_whole_and_holds_up_no_other(pair: Small) -> None:
    _drop(pair, {**REFUSED, "sound": ROW.encode()})
    refused = pair.run("load_facts", "--force", expect=(1,))
    assert _pairs(pair) == {"sound": [(1, "a")]}
    assert f"({len(REFUSED) - 1} more like it)" in refused.error
    assert [row["part"] for row in pair.sql("SELECT part FROM ops_load")] == ["sound.csv"]
    assert pair.stage_tables() == []
    assert pair.spool_files() == []


def test_a_file_that_only_looks_strange_is_loaded_exactly(pair: Small) -> None:
    _drop(pair, {name: content for name, (content, _) in LOADED.items()})
    (pair.folder / "sources" / "nowhere.csv").symlink_to(pair.folder / "nothing")
    (pair.folder / "sources" / "loop.csv").symlink_to("loop.csv")
    rows = pair.run("load_facts", "--force").document["rows"]
    assert _pairs(pair) == {name: expected for name, (_, expected) in LOADED.items() if expected}
    assert rows["read"] == rows["loaded"] + rows["repeated"]
    assert {row["part"] for row in pair.sql("SELECT part FROM ops_load")} == {f"{name}.csv" for name in LOADED}
    assert pair.run("load_facts", "--force").document["rows"]["read"] == 0


def test_a_row_of_a_wrong_width_is_in_quarantine_with_its_line(pair: Small) -> None:
    _drop(pair, {"a": b'id,short\n1,a\n2\n3,"x\ny",z\n4,d,\n5,e\n,\n'})
    done = pair.run("load_facts", "--force", expect=(3,))
    assert done.document["rows"] == {"read": 6, "loaded": 2, "repeated": 0, "quarantined": 4, "standing": 0}
    kept = {row["coordinates"]: row["reason"] for row in pair.sql("SELECT coordinates, reason FROM ops_quarantine")}
    assert kept == {"a.csv:3": "columns", "a.csv:4": "columns", "a.csv:6": "columns", "a.csv:8": "null"}


@pytest.mark.parametrize("column", sorted(LINEAGE | {"_row", "__fault", "__row", "rank_in_load"}))
def test_a_column_may_not_be_taken_for_one_of_ours(pair: Small, column: str) -> None:
    _drop(pair, {"a": f"id,short,{column}\n1,a,77\n".encode()})
    ended = pair.run("load_facts", "--force", expect=(0, 1))
    assert _pairs(pair) == ({} if ended.code else {"a": [(1, "a")]})


def test_a_name_that_is_no_utf8_is_told(pair: Small) -> None:
    _drop(pair, {"a": ROW.encode()})
    (pair.folder / "sources" / "a.csv").rename(Path(str(pair.folder / "sources") + "/\udcff.csv"))
    pair.run("load_facts", "--force", expect=(0, 1))


@pytest.mark.parametrize("shape", ["one quoted field", "wide rows"])
def test_memory_is_bounded_whatever_a_file_holds(pair: Small, shape: str) -> None:
    head, piece, pieces = {
        "one quoted field": (b'id,short\n1,"', b"x" * 999_999 + b"\n", 50),
        "wide rows": (b"id,short\n", b"1," + b"x" * 999_997 + b"\n", 100),
    }[shape]
    _drop(pair, {"a": head})
    with (pair.folder / "sources" / "a.csv").open("ab") as file:
        for _ in range(pieces):
            file.write(piece)
    ended = pair.run("load_facts", "--force", expect=(1, 3))
    assert _pairs(pair) == {}
    assert ended.peak_kib < 600 * 1024
    _drop(pair, {})


def _objects(*rows: dict[str, Any]) -> bytes:
    return json.dumps(rows).encode()


# value of the message, ids that are loaded, reasons in the quarantine in their order
MESSAGES: list[tuple[bytes | None, list[int], list[str]]] = [
    (_objects({"id": 1}, {"id": 2**64 - 1}), [1, 2**64 - 1], []),
    (b"[]", [], []),
    (None, [], []),
    (b"", [], ["json"]),
    (b"  \n ", [], ["json"]),
    (b'{"id": 3}', [3], []),
    (b" \n[ {\"id\" : 4} ] \n", [4], []),
    (b'[{"id": 5},]', [], ["json"]),
    (b'{"id": 6}{"id": 7}', [], ["json"]),
    (b'[{"id": 8}', [], ["json"]),
    (b'[[{"id": 9}]]', [], ["json"]),
    (b"[1, 2]", [], ["json"]),
    (b"null", [], ["json"]),
    (b'"text"', [], ["json"]),
    (b"NaN", [], ["json"]),
    (b"{'id': 10}", [], ["json"]),
    (b"\xff\xfe", [], ["json"]),
    (b"\xef\xbb\xbf[{\"id\": 11}]", [], ["json"]),
    (b'[{"id": 12, "note": "\xff"}]', [], ["json"]),
    (b'[{"id": 13, "note": "\\ud800"}]', [], ["json"]),
    (b'[{"id": 14, "note": "\\ud83d\\ude00"}]', [14], []),
    (b'[{"ID": 15}]', [], ["fields"]),
    (b"[{}]", [], ["fields"]),
    (b'[{"id": null}]', [], ["fields"]),
    (b'[{"id": 18446744073709551616000000000000000000000}]', [], ["range"]),
    (b'[{"id": 1e3}]', [], ["type"]),
    (b'[{"id": 16.0}]', [], ["type"]),
    (b'[{"id": true}]', [], ["type"]),
    (b'[{"id": [17]}]', [], ["type"]),
    (b'[{"id": "18"}]', [18], []),
    (b'[{"id": 19, "price": 1e19}]', [], ["type"]),
    (b'[{"id": 20, "price": 0.1}, {"id": 21, "price": 0.300000000000000004}]', [20, 21], []),
    (b'[{"id": 22, "price": 99999999999999999999999}]', [], ["range"]),
    (b'[{"id": 23, "new": {"deep": [1, 2]}}]', [23], []),
    (b'[{"id": 24, "_offset": "0", "_timestamp": "0", "_source": "elsewhere"}]', [24], []),
    (b"[" + b",".join(b'{"id": %d}' % (n if n != 150 else -(2**200)) for n in range(100, 200)) + b"]",
     [n for n in range(100, 200) if n != 150], ["range"]),
    (b"[" * 10_000 + b"]" * 10_000, [], ["json"]),
    (b'[{"id": 25, "new": ' + b"[" * 10_000 + b"]" * 10_000 + b"}]", [], ["json"]),
    (b'[{"id": 26, "note": "a\\u0000b"}]', [], ["control character"]),
    (b'[{"id": 27, "note": "\\\\N"}]', [], ["control character"]),
    (b'[{"id": 28, "note": "' + "😀".encode() * 8 + b'"}]', [], ["length"]),
    (b'[{"id": -29}]', [-29], []),
]  # fmt: skip


def test_messages_end_as_declared(tmp_path: Path, server: Server, seed: Zygote) -> None:
    with Broker(("bad",), 1) as broker:
        small = Small(tmp_path, server, seed, "dw_messages")
        small.environment["KAFKA_BOOTSTRAP_SERVERS"] = broker.bootstrap_servers
        small.write("warehouse/schema/fact_message.sql", HEAD.format(source="kafka bad", key="id") + MESSAGE)
        small.run("migrate")
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        for value, _, _ in MESSAGES:
            producer.produce("bad", value, partition=0, timestamp=1793836800000)
        producer.flush(30)
        done = small.run("load_facts", "--force", expect=(3,))
        loaded = [int(row["id"]) for row in small.sql("SELECT id FROM fact_message")]
        assert sorted(loaded) == sorted(number for _, good, _ in MESSAGES for number in good)
        kept = small.sql("SELECT coordinates, reason FROM ops_quarantine")
        wrong = []
        for offset, (value, _, reasons) in enumerate(MESSAGES):
            found = [row["reason"] for row in kept if row["coordinates"].split("#")[0] == f"bad/0@{offset}"]
            if found != reasons:
                wrong.append((offset, str(value)[:60], reasons, found))
        assert not wrong
        rows = done.document["rows"]
        assert rows["read"] == rows["loaded"] + rows["quarantined"] + rows["repeated"]
        assert {str(row["at"]) for row in small.sql("SELECT DISTINCT at FROM fact_message")} == {"2026-11-05 00:00:00"}
        prices = small.sql("SELECT id, price FROM fact_message WHERE price IS NOT NULL ORDER BY id")
        assert [str(row["price"]) for row in prices] == ["0.100000000000000000", "0.300000000000000004"]
        (mark,) = small.sql("SELECT position FROM ops_watermark WHERE part = 'bad/0'")
        assert mark["position"] == str(len(MESSAGES))
        assert small.run("load_facts", "--force").document["rows"]["read"] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STARROCKS_PORT", "abc"),
        ("STARROCKS_PORT", "0"),
        ("STARROCKS_PORT", "65536"),
        ("STARROCKS_PORT", "-1"),
        ("STARROCKS_PORT", "9030.5"),
        ("NIGHTSHIFT_ATTEMPTS", "-1"),
        ("NIGHTSHIFT_ATTEMPTS", "10m"),
        ("NIGHTSHIFT_BACKOFF", "0"),
        ("NIGHTSHIFT_BACKOFF", "nan"),
        ("STARROCKS_READ_TIMEOUT", "0"),
        ("STARROCKS_LOAD_TIMEOUT", "10m"),
        ("STARROCKS_HOST", ""),
        ("STARROCKS_DATABASE", "`; DROP TABLE x;-- "),
        ("STARROCKS_DATABASE", "dw\n"),
        ("STARROCKS_DATABASE", "\uff44\uff57"),
        ("STARROCKS_DATABASE", "x" * 300),
        ("STARROCKS_STAGE_DATABASE", "stage`"),
        ("NIGHTSHIFT_NOW", "yesterday"),
        ("WAREHOUSE_DIR", "/nowhere/at/all"),
        ("SOURCE_DIR", "/nowhere/at/all"),
        ("NIGHTSHIFT_LOG", "xml"),
    ],
)
def test_a_setting_that_cannot_be_is_told_as_such(pair: Small, name: str, value: str) -> None:
    _drop(pair, {"a": ROW.encode()})
    refused = pair.run("load_facts", "--force", expect=(1, 78), **{name: value})
    assert refused.error
    assert _pairs(pair) == {}


def test_an_infinite_timeout_is_told_as_such(pair: Small) -> None:
    pair.run("load_facts", "--force", expect=(78,), STARROCKS_READ_TIMEOUT="inf")


def test_a_wrong_header_without_a_row_is_refused(pair: Small) -> None:
    _drop(pair, {"a": b"colour,hex\n"})
    pair.run("load_facts", "--force", expect=(1,))


@pytest.mark.parametrize("password", ["p@ss:/w%#'\"\\ =&?;$(id)`id`", "gr\u00fc\u00dfe", "\u20ac 100"])
def test_any_password_works_and_is_never_shown(tmp_path: Path, seed: Zygote, password: str) -> None:
    with Server(data=tmp_path / "server", root_password=password) as server:
        small = Small(tmp_path, server, seed, "dw")
        small.environment["STARROCKS_PASSWORD"] = password
        done = small.run("migrate")
        wrong = small.run("migrate", STARROCKS_PASSWORD=f"{password}no", expect=(78,))
        assert not [shown for shown in (done.out, done.err, wrong.out, wrong.err) if password in shown]


@pytest.mark.parametrize(
    ("name", "ddl"),
    [
        ("block comment", '/* a; b */ {create} COMMENT "it\'s; */ -- not" {rest};'),
        ("line comment", "{create} -- a; comment\n {rest};"),
        ("carriage returns", "{create}\r\n{rest};\r\n"),
        ("no semicolon", "{create} {rest}"),
        ("quotes", '{create} COMMENT "a \\" b" {rest};'),
    ],
)
def test_table_files_are_read_as_sql(tmp_path: Path, server: Server, seed: Zygote, name: str, ddl: str) -> None:
    small = Small(tmp_path, server, seed, f"dw_ddl_{name.replace(' ', '_')}")
    create = "CREATE TABLE IF NOT EXISTS fact_pair (id BIGINT NOT NULL) PRIMARY KEY (id)"
    text = ddl.replace("{create}", create).replace("{rest}", "DISTRIBUTED BY HASH (id) BUCKETS 1")
    small.write("warehouse/schema/fact_pair.sql", HEAD.format(source="files *.csv", key="id") + "\n" + text)
    ended = small.run("migrate", expect=(0, 78) if name == "block comment" else (0,))
    if ended.code == 0:
        assert small.sql("SHOW TABLES LIKE 'fact_pair'")


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE IF NOT EXISTS fact_pair (id BIGINT NOT NULL) PRIMARY KEY (id); DROP TABLE ops_load;",
        "DELIMITER //\nCREATE TABLE IF NOT EXISTS fact_pair (id BIGINT NOT NULL) PRIMARY KEY (id)//",
        "CREATE TABLE IF NOT EXISTS fact_other (id BIGINT NOT NULL) PRIMARY KEY (id);",
        "",
    ],
)
def test_a_table_file_is_one_statement(tmp_path: Path, server: Server, seed: Zygote, ddl: str) -> None:
    small = Small(tmp_path, server, seed, "dw_ddl_bad")
    small.write("warehouse/schema/fact_pair.sql", HEAD.format(source="files *.csv", key="id") + "\n" + ddl)
    refused = small.run("migrate", expect=(1, 78))
    assert "fact_pair" in refused.error
