"""Files that are bad as a whole stream: packed, endless, replaced, JSON of every oddity; each ends as declared."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from emulator.server import Server
from tests.e2e.act_wire import ActWire
from tests.e2e.bad_files import ROW
from tests.e2e.small import Small, Zygote

PAIR = """\
-- purpose: takes everything
-- owner: me
-- source: files *
-- refresh: incremental, morning
-- key: file, id
-- tolerate: 100%
-- column: file = _file

CREATE TABLE IF NOT EXISTS fact_pair (file VARCHAR(300) NOT NULL, id LARGEINT NOT NULL, short VARCHAR(5) NULL)
PRIMARY KEY (file, id) DISTRIBUTED BY HASH (id) BUCKETS 1;
"""
PLAIN = b"id,short\n" + b"".join(b"%d,a\n" % number for number in range(3000))
GZIP, ZSTD = gzip.compress(PLAIN), zstandard.ZstdCompressor(write_checksum=True).compress(PLAIN)
MIB = 1024 * 1024


def _zeros(mebibytes: int) -> bytes:
    """A bomb: zeros in zstd, of which a few bytes are a mebibyte."""
    packer = zstandard.ZstdCompressor().compressobj()
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mebibytes)) + packer.flush()


def _harmed(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


REFUSED = {
    "gzip cut off.csv.gz": GZIP[:-1],
    "gzip cut in the middle.csv.gz": GZIP[: len(GZIP) // 2],
    "gzip harmed.csv.gz": _harmed(GZIP),
    "gzip with a wrong sum.csv.gz": GZIP[:-8] + bytes(4) + GZIP[-4:],
    "gzip and then something.csv.gz": GZIP + b"id,short\n",
    "gzip, its second member cut off.csv.gz": GZIP + GZIP[:-1],
    "gzip without a byte.csv.gz": b"",
    "no gzip.csv.gz": PLAIN,
    "zstd called gzip.csv.gz": ZSTD,
    "zstd cut off.csv.zst": ZSTD[:-1],
    "zstd cut in the middle.csv.zst": ZSTD[: len(ZSTD) // 2],
    "zstd harmed.csv.zst": _harmed(ZSTD),
    "zstd, its second frame cut off.csv.zst": ZSTD + ZSTD[:-5],
    "zstd without a byte.csv.zst": b"",
    "packed twice.csv.gz.gz": gzip.compress(GZIP),
    "array cut off.json": b'[{"id": 1, "short": "a"}, {"id": 2',
    "array of arrays, endless.json": b"[" * 100_000,
    "parquet cut off.parquet": b"PAR1" + bytes(50),
    "two header names alike.ndjson.csv": b"id,short,short\n1,a,b\n",
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, server: Server, seed: Zygote) -> Small:
    """A warehouse with a table of two columns, and the file from which each row has come."""
    small = Small(tmp_path_factory.mktemp("streams"), server, seed, "dw_streams")
    small.write("warehouse/schema/fact_pair.sql", PAIR)
    small.run("migrate")
    return small


def _drop(small: Small, files: dict[str, bytes]) -> Path:
    """These files alone in the folder, in front of empty tables; the folder."""
    for old in (small.folder / "sources").iterdir():
        old.unlink()
    for table in ("fact_pair", "ops_load", "ops_quarantine"):
        small.sql(f"TRUNCATE TABLE {table}")
    for name, content in files.items():
        small.write(f"sources/{name}", content)
    return small.folder / "sources"


def _pairs(small: Small) -> list[tuple[int, str | None]]:
    return sorted((int(row["id"]), row["short"]) for row in small.sql("SELECT id, short FROM fact_pair"))


def _kept(small: Small) -> list[tuple[str, str]]:
    """Reason and place of what is in quarantine."""
    rows = small.sql("SELECT reason, coordinates FROM ops_quarantine")
    return sorted((str(row["reason"]), str(row["coordinates"])) for row in rows)


def test_a_stream_that_is_not_whole_is_refused_with_nothing_visible(pair: Small) -> None:
    _drop(pair, {**REFUSED, "sound.csv": ROW.encode(), "sound.csv.gz": gzip.compress(ROW.encode())})
    refused = pair.run("load_facts", "--force", expect=(1,))
    assert f"({len(REFUSED) - 1} more like it)" in refused.error
    assert _pairs(pair) == [(1, "a")] * 2
    assert sorted(row["part"] for row in pair.sql("SELECT part FROM ops_load")) == ["sound.csv", "sound.csv.gz"]
    assert (pair.stage_tables(), pair.spool_files()) == ([], [])


@pytest.mark.parametrize(
    ("name", "made"), [("x.csv.gz", lambda: gzip.compress(bytes(300 * MIB))), ("x.csv.zst", lambda: _zeros(1024))]
)
def test_a_bomb_is_refused_in_bounded_memory_and_leaves_no_copy(
    pair: Small, name: str, made: Callable[[], bytes]
) -> None:
    _drop(pair, {name: made()})
    refused = pair.run("load_facts", "--force", expect=(1,))
    assert "expands to more than 200 times its size" in refused.error
    assert refused.peak_kib < 400 * 1024
    assert (_pairs(pair), pair.spool_files()) == ([], [])


@pytest.mark.parametrize(
    ("name", "begin"), [("x.csv", b"id,short\n1,"), ("x.ndjson", b'{"id": 1, "short": "'), ("x.json", b'[{"short": "')]
)
def test_a_line_of_a_gibibyte_is_refused_in_bounded_memory(pair: Small, name: str, begin: bytes) -> None:
    folder = _drop(pair, {name: begin})
    # A sparse file: it takes no room on the disk.
    os.truncate(folder / name, 1024 * MIB)
    refused = pair.run("load_facts", "--force", expect=(1,))
    assert name in refused.error
    assert refused.peak_kib < 600 * 1024
    assert _pairs(pair) == []
    _drop(pair, {})


# a line of NDJSON, the row (id, short) that it is or None, the reason in the quarantine or none
LINES: list[tuple[bytes, tuple[int, str | None] | None, str]] = [
    (b'{"id": 18446744073709551615, "short": "a"}', (2**64 - 1, "a"), ""),
    (b'{"id": 18446744073709551616, "short": "a"}', (2**64, "a"), ""),
    (b'{"id": 170141183460469231731687303715884105728}', None, "range"),
    (b'{"id": 1e3}', None, "type"),
    (b'{"id": 2.0}', None, "type"),
    (b'{"id": NaN}', None, "json"),
    (b'{"id": -Infinity}', None, "json"),
    (b'{"id": 03}', None, "json"),
    (b"{'id': 4}", None, "json"),
    (b'{"id": 5, }', None, "json"),
    (b'{"id": 6} {"id": 7}', None, "json"),
    (b'{"id": null, "short": "a"}', None, "null"),
    (b'{"short": "a"}', None, "null"),
    (b'{"ID": 8, "short": "a"}', None, "null"),
    (b"{}", None, "null"),
    (b"[]", None, "json"),
    (b'"text"', None, "json"),
    (b'{"id": 9, "id": 10}', (10, None), ""),
    (b'{"id": 11, "short": null}', (11, None), ""),
    (b'{"id": 12, "short": "null"}', (12, "null"), ""),
    (b'{"id": 13, "short": ""}', (13, ""), ""),
    (b'{"id": 14, "short": "\\u0000"}', None, "control character"),
    (b'{"id": 15, "short": "\x00"}', None, "json"),
    (b'{"id": 16, "short": "\\ud800"}', None, "json"),
    (b'{"id": 17, "short": "\\ud83d\\ude00"}', (17, "\U0001f600"), ""),
    (b'{"id": 18, "short": "\xed\xa0\x80"}', None, "json"),
    (b'{"id": 19, "short": "\xff"}', None, "json"),
    (b'\xef\xbb\xbf{"id": 20}', None, "json"),
    (b'{"id": 21, "short": "\\\\N"}', None, "control character"),
    (b'{"id": 22, "new": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", None, "json"),
    (b'{"id": 23, "short": "abcdef"}', None, "length"),
    (b'{"id": 24, "short": "\\"\\\\\\/"}', (24, '"\\/'), ""),
    (b'\t{\t"id"\t:\t25\t}\t', (25, None), ""),
    (b'{"id": 26, "short": "a"}\r', (26, "a"), ""),
    (b'{"_line": 5, "_file": "y", "_source": "z", "id": 27}', (27, None), ""),
    (b"", None, ""),
    (b"{" + b",".join(b'"c%d": %d' % (n, n) for n in range(3000)) + b', "id": 28}', (28, None), ""),
    (b'{"id": "29", "short": 5}', (29, "5"), ""),
    (b'{"id": true}', None, "type"),
    (b'{"id": 30, "short": "\xe2\x80\xa8"}', (30, "\u2028"), ""),
]
FEW, MANY = 1, 30


@pytest.mark.parametrize("times", [FEW, MANY])
@pytest.mark.parametrize("suffix", ["ndjson", "ndjson.zst"])
def test_lines_of_json_end_as_declared_as_vectors_and_one_by_one(pair: Small, times: int, suffix: str) -> None:
    raw = b"\n".join(line for line, _, _ in LINES for _ in range(times))
    _drop(pair, {f"x.{suffix}": raw if suffix == "ndjson" else zstandard.compress(raw)})
    done = pair.run("load_facts", "--force", expect=(3,))
    assert _pairs(pair) == sorted(row for _, row, _ in LINES if row)
    expected = [
        (reason, f"x.{suffix}:{index * times + again}")
        for index, (_, _, reason) in enumerate(LINES)
        for again in range(1, times + 1)
        if reason
    ]
    assert _kept(pair) == sorted(expected)
    rows = done.document["rows"]
    assert rows["read"] == times * sum(1 for line, _, _ in LINES if line)
    assert rows["read"] == rows["loaded"] + rows["repeated"] + rows["quarantined"]


@pytest.mark.parametrize("harm", ["replaced", "grown", "cut off", "removed", "touched"])
def test_a_file_that_is_not_the_same_any_more_when_it_has_been_read_is_refused(pair: Small, harm: str) -> None:
    path = _drop(pair, {"x.csv": PLAIN}) / "x.csv"
    other = pair.folder / "other"
    other.write_bytes(PLAIN.replace(b",a", b",b"))
    acts: dict[str, Callable[[], object]] = {
        "replaced": lambda: other.replace(path),
        "grown": lambda: path.write_bytes(PLAIN + b"3000,a\n"),
        "cut off": lambda: os.truncate(path, 100),
        "removed": path.unlink,
        "touched": lambda: os.utime(path),
    }
    wire = ActWire(pair.server.mysql_port, pair.server.http_port, pair.server.be_http_port)
    # The first rows have been read when the stage is made, and the file is looked at again behind the last.
    wire.acts.on_meeting(re.compile("SQL CREATE TABLE `.*_stage`"), acts[harm])
    try:
        wire.acts.began(pair.start("load_facts", "--force", **wire.settings()))
        ended = pair.end()
    finally:
        wire.close()
    assert (ended.code, "x.csv: changed while it was read" in ended.error) == (1, True), ended.err[-2000:]
    assert (_pairs(pair), pair.stage_tables(), pair.spool_files()) == ([], [], [])
    assert pair.sql("SELECT part FROM ops_load") == []
    path.write_bytes(b"id,short\n7,c\n")
    pair.run("load_facts", "--force")
    assert _pairs(pair) == [(7, "c")]


@pytest.mark.parametrize("name", ["a b.csv", 'it\'s "x".csv', "two\nlines.csv", "tab\t.csv", "\\N.csv", "ä\u202e.csv"])
def test_a_strange_name_is_kept_as_it_is_in_rows_and_places(pair: Small, name: str) -> None:
    _drop(pair, {name: b"id,short\n1,a\nx,b\n"})
    pair.run("load_facts", "--force", expect=(3,))
    assert [row["file"] for row in pair.sql("SELECT file FROM fact_pair")] == [name]
    assert _kept(pair) == [("type", f"{name}:3")]
    assert [row["part"] for row in pair.sql("SELECT part FROM ops_load")] == [name]
    assert pair.run("load_facts", "--force").document["rows"]["read"] == 0
