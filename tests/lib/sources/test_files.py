"""CSV files as they come: every row is read, or put aside with its line, or its file is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from lib.catalog import TableFile, read_table
from lib.errors import DataRefused
from lib.reading import Batch, Known, Window
from lib.settings import settings
from lib.sources import files
from lib.sources._files import csv_exact, csv_text
from lib.sources._files.opened import SourceFile

TABLE = """\
-- purpose: a test
-- owner: me
-- source: files in/*.csv
-- refresh: incremental, morning
-- key: a

CREATE TABLE IF NOT EXISTS fact_t (a INT NOT NULL, b STRING) PRIMARY KEY (a);
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableFile:
    monkeypatch.setenv("SOURCE_DIR", str(tmp_path))
    settings.cache_clear()
    (tmp_path / "in").mkdir()
    path = tmp_path / "fact_t.sql"
    path.write_text(TABLE, encoding="utf-8")
    return read_table(path)


def read(table: TableFile, data: bytes, known: Known | None = None) -> list[Batch]:
    (settings().sources / "in" / "x.csv").write_bytes(data)
    return [batch for part in files.parts(table, known or Known(), Window()) for batch in part.batches()]


def rows(batches: list[Batch]) -> list[tuple[object, ...]]:
    return [row for batch in batches for row in batch.frame.drop("_source", "_file").rows()]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,x\n2,y\n", [(2, "1", "x"), (3, "2", "y")]),
        (b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y", [(2, "1", "x"), (3, "2", "y")]),
        (b"a,b\r1,x\r2,y\r", [(2, "1", "x"), (3, "2", "y")]),
        (b'b,a\n"x, ""y""\nz",1\nw,2\n', [(2, 'x, "y"\nz', "1"), (4, "w", "2")]),
        (b"a,b\n\n1,\n", [(3, "1", None)]),
        (b"a,b\n", []),
        (b"", []),
    ],
)
def test_dialects_of_real_files(table: TableFile, data: bytes, expected: list[tuple[object, ...]]) -> None:
    assert rows(read(table, data)) == expected


def test_a_row_of_another_width_is_put_aside_with_its_line(table: TableFile) -> None:
    (batch,) = read(table, b'a,b\n1,"x\ny"\n1,2,3\n4\n5,z\n')
    assert [(reject.coordinates, reject.value) for reject in batch.rejects] == [
        ("in/x.csv:4", "3 fields, expected 2"),
        ("in/x.csv:5", "1 fields, expected 2"),
    ]
    assert batch.frame["_source"].to_list() == ["in/x.csv:2", "in/x.csv:6"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'a,b\n1,x\n2,"y', "in/x.csv:3"),
        (b"a,a\n1,x\n", "the header has a more than once"),
        (b"a,b\n1,\xff\xfe\n", "not UTF-8"),
        (b"\xff\xfea\0,\0b\0\n\x001\0,\0\x00\xd8\n\0", "not utf-16"),
    ],
)
def test_a_spoilt_file_is_refused_as_a_whole(table: TableFile, data: bytes, told: str) -> None:
    with pytest.raises(DataRefused, match=told):
        read(table, data)


def test_a_file_that_is_known_by_its_content_is_left_out(table: TableFile) -> None:
    data = b"a,b\n1,x\n"
    read(table, data)
    (part,) = files.parts(table, Known(), Window())
    assert read(table, data, Known(contents=frozenset({part.content}))) == []
    assert len(read(table, data + b"2,y\n", Known(contents=frozenset({part.content})))) == 1


def test_a_file_that_changes_while_it_is_read_is_refused(table: TableFile) -> None:
    path = settings().sources / "in" / "x.csv"
    path.write_bytes(b"a,b\n1,x\n")
    (part,) = files.parts(table, Known(), Window())
    path.write_bytes(b"a,b\n1,y\n")
    with pytest.raises(DataRefused, match="changed while it was read"):
        list(part.batches())


# The csv module writes a lone carriage return unquoted only with this terminator; real tools quote it.
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=12)


@settings_of_hypothesis(deadline=None)
@given(st.lists(st.tuples(_TEXT, _TEXT), max_size=20), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_was_written_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, str]], terminator: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "fact_t.sql"
    path.write_text(TABLE, encoding="utf-8")
    text = io.StringIO()
    csv.writer(text, lineterminator=terminator, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *written])
    (folder / "any.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    part = files.part(folder / "any.csv", "any.csv", read_table(path))
    assert part is not None
    assert [row[1:] for row in rows(list(part.batches()))] == written


# Text near to CSV: mostly well-formed rows, with quotes, line ends and widths that are not.
_FIELD = st.text(st.sampled_from(["a", "1", ",", '"', "\n", "\r", " ", "é", "\x01", "N", "\\", "\ufeff"]), max_size=4)
_QUOTED = _FIELD.map(lambda text: '"' + text.replace('"', '""') + '"')
_PLAIN = st.text(st.sampled_from(["a", "1", " ", "é"]), max_size=4) | st.just("NULL")
_ROW = st.lists(st.one_of(_PLAIN, _PLAIN, _QUOTED, _QUOTED, _FIELD), min_size=1, max_size=4).map(",".join)
_EVEN = st.lists(st.one_of(_PLAIN, _QUOTED), min_size=3, max_size=3).map(",".join)
# Columns of integers, most of them written as an integer is.
_INTEGER = st.integers(-12, 120).map(str) | st.sampled_from(["", '"7"', "18446744073709551615", "-9223372036854775808"])
_NEARLY = st.sampled_from(
    ["007", "+1", "-0", " 1", "1 ", "1.0", "1e3", "99999999999999999999", "x", '""', '" 1"', "1_0"]
)
_NUMBERS = st.tuples(_INTEGER, _PLAIN | _QUOTED, _INTEGER).map(",".join)
_NEAR_NUMBERS = st.tuples(_INTEGER | _NEARLY, _PLAIN | _QUOTED, _INTEGER | _NEARLY).map(",".join)
_ALL_NUMBERS = st.tuples(_INTEGER, _INTEGER, _INTEGER).map(",".join)
_FILES = (
    st.lists(_ALL_NUMBERS, max_size=20)
    | st.lists(st.one_of(_EVEN, _EVEN, _EVEN, _ROW), max_size=12)
    | st.lists(st.one_of(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS, _NEAR_NUMBERS), max_size=20)
)

# How a dialect is declared, and what stands there for a comma and a double quote.
_DIALECTS = {
    '-- dialect: delimiter=";", quote="\'"\n': ";'",
    "-- dialect: delimiter=tab\n": '\t"',
    '-- dialect: delimiter="|"\n': '|"',
    '-- dialect: delimiter="^", quote="]"\n': "^]",
}


@settings_of_hypothesis(max_examples=600, deadline=None)
@given(
    _FILES,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.integers(20, 60),
    st.sampled_from(["", '-- null: "NULL"\n', '-- null: "", "NULL"\n', "-- dialect: quote=none\n", *_DIALECTS]),
)
def test_the_fast_way_and_the_exact_way_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, ended: bool, block: int, header: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "fact_t.sql"
    path.write_text(TABLE.replace("-- key", f"{header}-- key"), encoding="utf-8")
    text = "a,b,c" + end + end.join(lines) + (end if ended else "")
    data = text.translate(str.maketrans(',"', _DIALECTS.get(header, ',"'))).encode()
    (folder / "same.csv").write_bytes(data)
    file = SourceFile(folder / "same.csv", "same.csv", read_table(path), "", ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_text, "BLOCK", block)
        fast = _outcome(lambda: csv_text.batches(file, file.path))

    def exactly() -> Iterator[Batch]:
        found = csv_exact.header(file, io.BytesIO(data))
        assert found
        return csv_exact.batches(file, found[0], io.BytesIO(data[found[1] :]), found[0].begins)

    assert fast == _outcome(exactly)


def test_a_block_that_begins_like_a_compressed_stream_is_text(tmp_path: Path) -> None:
    (tmp_path / "fact_t.sql").write_text(TABLE.replace("-- key", '-- dialect: delimiter="^"\n-- key'), encoding="utf-8")
    file = SourceFile(tmp_path / "x.csv", "x.csv", read_table(tmp_path / "fact_t.sql"), "", ())
    file.path.write_bytes(b"a^b^c\nx^1^2\n")
    assert _outcome(lambda: csv_text.batches(file, file.path)) == ([("2", "x", "1", "2")], [])


def _outcome(reading: Callable[[], Iterator[Batch]]) -> tuple[object, ...]:
    """Rows with their lines and rejects of a whole file, or that it is refused."""
    try:
        batches = list(reading())
    except DataRefused as error:
        return ("refused", str(error))
    assert all(
        not (text and set(text) & {"\x00", "\x01", "\x02"}) and text != "\\N"
        for batch in batches
        if batch.sendable
        for row in batch.frame.select("a", "b", "c").rows()
        for text in map(str, row)
    )
    found = [tuple(None if value is None else str(value) for value in row) for row in rows(batches)]
    return (found, [reject for batch in batches for reject in batch.rejects])
