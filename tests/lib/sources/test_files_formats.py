"""Every format of files: what was written is what is read, or is put aside with its place, or its file is refused."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from lib.catalog import TableFile, read_table
from lib.errors import DataRefused, Misconfigured
from lib.reading import Batch, Known, Window
from lib.settings import settings
from lib.sources import files
from lib.sources._files import json_array, json_lines, opened
from lib.sources._files.opened import SourceFile

TABLE = """\
-- purpose: a test
-- owner: me
-- source: files in/*
-- refresh: incremental, morning
-- key: a

CREATE TABLE IF NOT EXISTS fact_t (a INT NOT NULL, b STRING, late STRING) PRIMARY KEY (a);
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TableFile]:
    monkeypatch.setenv("SOURCE_DIR", str(tmp_path))
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    settings.cache_clear()
    (tmp_path / "in").mkdir()

    def made(header: str = "", glob: str = "in/*") -> TableFile:
        path = tmp_path / "fact_t.sql"
        path.write_text(TABLE.replace("in/*", glob).replace("-- key", f"{header}-- key"), encoding="utf-8")
        return read_table(path)

    return made


def drop(name: str, data: bytes) -> Path:
    path = settings().sources / "in" / name
    path.write_bytes(data)
    return path


def read(table: TableFile) -> list[Batch]:
    return [batch for part in files.parts(table, Known(), Window()) for batch in part.batches()]


def rows(batches: list[Batch]) -> list[tuple[object, ...]]:
    return [row for batch in batches for row in batch.frame.drop("_source", "_file").rows()]


def rejected(batches: list[Batch]) -> list[tuple[str, str]]:
    return [(reject.reason, reject.coordinates) for batch in batches for reject in batch.rejects]


def test_json_lines_keep_the_text_of_every_number(table: Callable[..., TableFile]) -> None:
    drop(
        "x.ndjson",
        b'\xef\xbb\xbf{"a": 18446744073709551615, "b": 1.10}\r\n{"a":1e3,"b":null}\n\n{"b":"q\\"\\n","a":true}\n'
        b'{"a":1,"b":"null"}\n[1]\n{"a":1,}\n{"a":1,"b":"\xff"}\n{"a": -0.50, "b": {"x": [1, 2.0]}}',
    )
    batches = read(table())
    assert rows(batches) == [
        (1, "18446744073709551615", "1.10"),
        (2, "1e3", None),
        (4, "true", 'q"\n'),
        (5, "1", "null"),
        (9, "-0.50", '{"x": [1, 2.0]}'),
    ]
    assert rejected(batches) == [("json", f"in/x.ndjson:{line}") for line in (6, 7, 8)]


_JSON = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.lists(st.integers(), max_size=2)
)
_OBJECTS = st.lists(
    st.fixed_dictionaries({"a": _JSON, "b": _JSON}, optional={"late": _JSON, "other": _JSON})
    | st.just({"b": 1, "a": 2}),
    min_size=1,
    max_size=12,
)


@settings_of_hypothesis(max_examples=150, deadline=None)
@given(_OBJECTS, st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]), st.sampled_from([0, 100]))
def test_json_lines_and_arrays_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory,
    objects: list[dict[str, object]],
    ascii_only: bool,
    marks: tuple[str, str],
    too_few: int,
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "fact_t.sql").write_text(TABLE, encoding="utf-8")
    table = read_table(folder / "fact_t.sql")
    texts = [json.dumps(each, ensure_ascii=ascii_only, separators=marks) for each in objects]
    written = {"any.ndjson": "\n".join(texts), "any.json": f"[{' , '.join(texts)}]\n"}
    for reader, (name, text) in zip((json_lines, json_array), written.items(), strict=True):
        (folder / name).write_bytes(text.encode())
        with pytest.MonkeyPatch.context() as patch:
            # As vectors, or line by line.
            patch.setattr(json_lines, "_FEW", too_few)
            batches = list(reader.batches(SourceFile(folder / name, name, table, "", ()), folder / name))
        assert not rejected(batches)
        read_back = [row for batch in batches for row in batch.frame.iter_rows(named=True)]
        assert [row["_line"] for row in read_back] == list(range(1, len(objects) + 1))
        for row, each in zip(read_back, objects, strict=True):
            for field, value in each.items():
                expected = (
                    value if isinstance(value, str) else None if value is None else json.dumps(value, separators=marks)
                )
                assert row[field] == expected


def test_lines_of_several_shapes_with_escapes_keep_their_order_and_their_faults(
    table: Callable[..., TableFile],
) -> None:
    kinds = [
        '{"a": %d, "b": "x"}',
        '{"b": "\\u00e9\\n", "a": %d}',
        '{"a": %d}',
        '{"a": %d, "b": "\\ud800"}',
        '{"a": %d, "b": "\\u0001"}',
    ]
    drop("x.ndjson", "\n".join(kinds[number % 5] % number for number in range(200)).encode())
    [batch] = read(table())
    texts = ["x", "é\n", None, "", "\x01"]
    expected = [(n + 1, str(n), texts[n % 5]) for n in range(200) if n % 5 != 3]
    assert batch.frame.select("_line", "a", "b").rows() == expected
    assert rejected([batch]) == [("json", f"in/x.ndjson:{n + 1}") for n in range(3, 200, 5)]
    assert not batch.sendable


def test_a_block_that_begins_like_a_compressed_stream_is_text(table: Callable[..., TableFile]) -> None:
    lines = b"".join(b'{"a": %d}\n' % number for number in range(30))
    for beginning in (b"x^", b"x\x01", b"\x1f\x8b\x08\x00"):
        drop("x.ndjson", beginning + b"\n" + lines)
        batches = read(table())
        assert rows(batches) == [(number + 2, str(number)) for number in range(30)]
        assert rejected(batches) == [("json", "in/x.ndjson:1")]


def test_a_field_that_only_later_objects_have_is_a_column_all_the_same(table: Callable[..., TableFile]) -> None:
    drop("x.ndjson", b'{"a":1}\n{"a":2,"late":"x"}\n')
    assert rows(read(table())) == [(1, "1", None), (2, "2", "x")]


def test_a_wanted_field_that_comes_after_the_first_block_is_never_dropped(
    table: Callable[..., TableFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK", 16)
    drop("x.ndjson", b'{"a":1}\n' * 4 + b'{"a":2,"late":"x"}\n')
    with pytest.raises(DataRefused, match=r"in/x.ndjson:5: the field late comes first here"):
        read(table())
    drop("x.ndjson", b'{"a":1}\n' * 4 + b'{"a":2,"unknown":"x"}\n')
    assert [row[1] for row in rows(read(table()))] == ["1", "1", "1", "1", "2"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'[{"a":1},{"a":2}', "cut off"),
        (b'[{"a":1},{"a":', "broken JSON"),
        (b'[{"a":1} {"a":2}]', "where a comma should be"),
        (b'[{"a":1},]', "a comma before the end"),
        (b'[{"a":1}]x', "there is more after the array"),
        (b'{"a":1}', "no array of objects"),
        (b"", "no array of objects"),
        (b'[{"a":"\xff"}]', "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_a_broken_array_is_refused_as_a_whole(table: Callable[..., TableFile], data: bytes, told: str) -> None:
    drop("x.json", data)
    with pytest.raises(DataRefused, match=told):
        read(table())


def test_an_element_that_is_no_object_is_put_aside(table: Callable[..., TableFile]) -> None:
    drop("x.json", b'[{"a":1}, 7, {"a": 2.50}]')
    batches = read(table())
    assert rows(batches) == [(1, "1"), (3, "2.50")]
    assert rejected(batches) == [("json", "in/x.json:2")]


def test_parquet_loses_nothing(table: Callable[..., TableFile]) -> None:
    at = datetime(2026, 11, 1, 23, 30, 0, 123456)
    frame = pl.DataFrame(
        {
            "u": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
            "d": pl.Series([Decimal("12345678901234567890.10"), None], dtype=pl.Decimal(30, 2)),
            "f": pl.Series([1e300, -0.1], dtype=pl.Float64),
            "day": [date(2026, 2, 28), None],
            "at": pl.Series([at, None], dtype=pl.Datetime("us")),
            "zoned": pl.Series([at, None]).dt.replace_time_zone("Europe/Vienna"),
            "nano": pl.Series([1_700_000_000_123_456_000, 1_700_000_000_123_456_789]).cast(pl.Datetime("ns")),
            "l": pl.Series([[1, 2], None], dtype=pl.List(pl.Int64)),
            "s": [{"x": "é", "y": None}, {"x": "z", "y": None}],
            "t": [True, None],
            "b": pl.Series(["é".encode(), b""], dtype=pl.Binary),
        }
    )
    frame.write_parquet(settings().sources / "in" / "x.parquet")
    (batch,) = read(table())
    first, second = (row[1:] for row in rows([batch]))
    assert first == (
        2**64 - 1,
        "12345678901234567890.10",
        "1" + "0" * 300,
        "2026-02-28",
        "2026-11-01 23:30:00.123456",
        at.replace(hour=22).strftime("%Y-%m-%d %H:%M:%S.%f"),
        datetime.fromtimestamp(1_700_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S") + ".123456",
        "[1,2]",
        '{"x":"é","y":null}',
        "true",
        "é",
    )
    assert second[6].endswith(".123456789"), "told as it is, so that the strict parser refuses it"
    assert second[:2] == (None, None) and second[7] is None
    assert batch.frame["_source"].to_list() == ["in/x.parquet:1", "in/x.parquet:2"]


def test_a_parquet_file_that_is_cut_off_is_refused(table: Callable[..., TableFile]) -> None:
    path = settings().sources / "in" / "x.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataRefused, match="not to be read as Parquet"):
        read(table())


CSV = b"a,b\n" + b"".join(b"%d,text\n" % number for number in range(5000))
_PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed_text_is_read_and_leaves_no_copy(table: Callable[..., TableFile], suffix: str) -> None:
    packed = _PACK[suffix](CSV) + _PACK[suffix](b"5000,end\n")
    drop(f"x.csv.{suffix}", packed)
    (settings().state_dir / "spool").mkdir(parents=True)
    left = settings().state_dir / "spool" / "f_of_a_killed_run"
    left.write_bytes(b"x")
    os.utime(left, (0, 0))
    found = rows(read(table()))
    assert (len(found), found[-1]) == (5001, (5002, "5000", "end"))
    assert list((settings().state_dir / "spool").iterdir()) == []


@pytest.mark.parametrize("suffix", ["gz", "zst"])
@pytest.mark.parametrize("harm", ["cut", "damaged"])
def test_a_harmed_stream_is_refused_before_a_row_is_read(
    table: Callable[..., TableFile], suffix: str, harm: str
) -> None:
    packed = bytearray(_PACK[suffix](CSV))
    if harm == "cut":
        del packed[-6:]
    else:
        packed[len(packed) // 2] ^= 0xFF
    drop(f"x.csv.{suffix}", bytes(packed))
    if harm == "damaged" and suffix == "zst":
        drop("x.csv.zst", b"no zstd at all")
    (part,) = files.parts(table(), Known(), Window())
    with pytest.raises(DataRefused, match="cannot be decompressed"):
        next(part.batches())


def test_a_bomb_is_refused(table: Callable[..., TableFile], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_EXPANDED_FREELY", 1024)
    drop("x.csv.gz", gzip.compress(b"a,b\n" + b"0" * 50_000_000))
    with pytest.raises(DataRefused, match="expands to more than 200 times"):
        read(table())


@pytest.mark.parametrize("name", ["x.csv", "x.ndjson", "x.json"])
def test_a_line_without_end_is_refused_in_bounded_memory(table: Callable[..., TableFile], name: str) -> None:
    begin = {"x.csv": b"a,b\n1,", "x.ndjson": b'{"a":"', "x.json": b'[{"a":"'}[name]
    drop(name, begin + b"x" * 40_000_000)
    with pytest.raises(DataRefused, match=r"more than|less than"):
        read(table())


@pytest.mark.parametrize(
    ("dialect", "name", "data"),
    [
        ('delimiter=";"', "x.csv", b"a;b\n1;x,y\n"),
        ("delimiter=tab", "x.tsv", b"a\tb\n1\tx,y\n"),
        ('quote="\'"', "x.txt", b"a,b\n1,'x,y'\n"),
        ('delimiter=";", encoding=latin-1', "x.csv", "a;b\n1;x,y\n".encode("latin-1")),
        ("encoding=utf-16", "x.csv", 'a,b\n1,"x,y"\n'.encode("utf-16")),
    ],
)
def test_a_declared_dialect(table: Callable[..., TableFile], dialect: str, name: str, data: bytes) -> None:
    drop(name, data)
    assert rows(read(table(f"-- dialect: {dialect}\n"))) == [(2, "1", "x,y")]


def test_text_of_another_encoding_whose_lines_end_anyhow(table: Callable[..., TableFile]) -> None:
    lines = [f"{number},Ö{number}" for number in range(200_000)]
    drop("x.csv", ("a,b\n" + "\n".join(lines) + "\r1,€\r2,ä").encode("cp1252"))
    found = rows(read(table("-- dialect: encoding=cp1252\n")))
    assert [f"{a},{b}" for _, a, b in found] == [*lines, "1,€", "2,ä"]


def test_latin_letters_come_as_what_they_are(table: Callable[..., TableFile]) -> None:
    drop("x.csv", "a,b\n1,Österreich\n".encode("cp1252"))
    assert rows(read(table("-- dialect: encoding=cp1252\n"))) == [(2, "1", "Österreich")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b'a;b\n1;"x,y"\n'),
        ("x.csv", b'"A";"b"\r\n1;x,y\r\n'),
        ("x.tsv", b"a\tb\n1\tx,y\n"),
        ("x.txt", b"b|other|a\nx,y||1\n"),
        ("x.csv", "a;b\n1;x,y\n".encode("utf-16")),
        ("x.csv", "\ufeffa;b\n1;x,y\n".encode()),
    ],
)
def test_a_dialect_is_told_from_the_header(table: Callable[..., TableFile], name: str, data: bytes) -> None:
    drop(name, data)
    [batch] = read(table())
    frame = batch.frame.rename(str.lower)
    assert frame.select("_line", "a", "b").rows() == [(2, "1", "x,y")]


def test_a_header_without_a_known_name_is_read_with_commas_or_asked_about(table: Callable[..., TableFile]) -> None:
    drop("x.csv", b"x;y,z\n1;2,3\n")
    assert rows(read(table())) == [(2, "1;2", "3")]
    drop("x.txt", b"x;y\n1;2\n")
    with pytest.raises(DataRefused, match="how is it written"):
        read(table())


@pytest.mark.parametrize(
    ("dialect", "told"),
    [
        ("delimiter=abc", "not one ASCII character"),
        ("delimeter=;", "expected some of delimiter"),
        ("encoding=klingon", "no encoding is called"),
        ('delimiter="\'", quote="\'"', "are the same"),
        ("encoding=hex", "no encoding of text"),
    ],
)
def test_a_dialect_that_is_none(table: Callable[..., TableFile], dialect: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        table(f"-- dialect: {dialect}\n")


@pytest.mark.parametrize("name", ["x.xlsx", "x", "x.parquet.gz", "x.csv.bz2"])
def test_a_format_that_is_none_is_told(table: Callable[..., TableFile], name: str) -> None:
    drop(name, b"a,b\n1,2\n")
    with pytest.raises(DataRefused, match=f"in/{name}"):
        read(table())


def test_a_folder_by_business_date(table: Callable[..., TableFile]) -> None:
    for day in ("2026-11-01", "2026-11-02", "notes"):
        (settings().sources / "in" / day).mkdir()
        (settings().sources / "in" / day / "x.csv").write_bytes(b"a,b\n1,2\n")
    one = table(glob="in/{date}/*.csv")
    assert [part.name for part in files.parts(one, Known(), Window())] == ["in/2026-11-01/x.csv", "in/2026-11-02/x.csv"]
    asked = Window(since=datetime(2026, 11, 2))
    assert [part.name for part in files.parts(one, Known(), asked)] == ["in/2026-11-02/x.csv"]
