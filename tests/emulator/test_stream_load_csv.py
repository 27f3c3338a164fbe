"""CSV bodies: any content with any delimiters becomes the fields that StarRocks' parser would see."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.stream_load import csv_body, enclosed
from emulator.stream_load.headers import LoadOptions, separator

CONTENT = st.text(st.characters(codec="utf-8", exclude_characters="\x01\x02"), max_size=6)
AWKWARD = st.text("ab\\N\"',\n\r\t\x00\x1f0123 é\ufeff", max_size=6)
VALUES = st.one_of(st.none(), CONTENT, AWKWARD).filter(lambda value: value != "\\N")
CONNECTION = duckdb.connect()
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=20)


def read(chunks: Iterable[bytes], options: LoadOptions, fields: int, tmp_path: Path) -> list[tuple[str | None, ...]]:
    """The fields of a body as the loader hands them to DuckDB."""
    names = tuple(f"c{at}" for at in range(fields))
    body = csv_body.write(chunks, options, names, tmp_path / "body")
    connection = CONNECTION.cursor()
    values = ", ".join(body.text(name) for name in names)
    rows = connection.execute(f"select {values} from {body.read('rejects')}").fetchall()
    assert connection.execute("select count(*) from rejects").fetchone() == (0,)
    connection.execute("drop table rejects; drop table rejects_scan")
    connection.close()
    return rows


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(rows=ROWS, size=st.integers(1, 50))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_with_control_separators_come_back(
    rows: list[tuple[str | None, ...]], size: int, tmp_path: Path
) -> None:
    lines = ["\x01".join("\\N" if value is None else value for value in row) for row in rows]
    data = "\x02".join(lines).encode() + b"\x02"
    options = LoadOptions(column_separator=b"\x01", row_delimiter=b"\x02")
    assert read(cut(data, size), options, 3, tmp_path) == rows


@given(
    data=st.lists(st.sampled_from(["a", "|", "||", "\n", "\r\n", "\x1f", "é", "\\N", "x1", "\x01"]), max_size=40),
    column=st.sampled_from(["|", "||", "\x1f", "0", "\x01", ","]),
    row=st.sampled_from(["\n", "\r\n", "x1", "\x02", "\r"]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_cut_before_fields(data: list[str], column: str, row: str, tmp_path: Path) -> None:
    body = "".join(data)
    expected = [tuple(line.split(column)) for line in body.split(row) if line]
    width = max((len(fields) for fields in expected), default=1)
    whole = [fields for fields in expected if len(fields) == width]
    kept = row.join(column.join(fields) for fields in whole)
    options = LoadOptions(column_separator=column.encode(), row_delimiter=row.encode())
    nulls = [tuple(None if field == "\\N" else field for field in fields) for fields in whole]
    if [tuple(line.split(column)) for line in kept.split(row) if line] != whole:
        return  # joining has made another delimiter out of two pieces
    assert read(cut(kept.encode(), 7), options, width, tmp_path) == nulls


QUOTED = st.text('ab",\n \\', max_size=6)


@given(rows=st.lists(st.tuples(QUOTED, QUOTED), min_size=1, max_size=10), every=st.booleans())
@settings(max_examples=100, deadline=None)
def test_enclosed_fields_come_back(rows: list[tuple[str, str]], every: bool) -> None:
    def encode(value: str) -> str:
        plain = not every and not set(value) & set('",\n') and value != ""
        return value if plain else '"' + value.replace('"', '""') + '"'

    data = "".join(",".join(encode(value) for value in row) + "\n" for row in rows).encode()
    options = LoadOptions(column_separator=b",", enclose=b'"')
    assert list(enclosed.rows(data, options)) == [[value.encode() for value in row] for row in rows]


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (b'"a""b",c\n', {"enclose": b'"'}, [[b'a"b', b"c"]]),
        (b"a\\,b,c\n", {"escape": b"\\"}, [[b"a,b", b"c"]]),
        (b"\\N,\\\\N\n", {"escape": b"\\"}, [[b"N", b"\\N"]]),
        (b'"a\nb",c\n\n"d",e', {"enclose": b'"'}, [[b"a\nb", b"c"], [b"d", b"e"]]),
        (b'  "a" ,b\n', {"enclose": b'"', "trim_space": True}, [[b"a", b"b"]]),
        (b'"",x\n', {"enclose": b'"'}, [[b"", b"x"]]),
        (b'"a\\"b",c\n', {"enclose": b'"', "escape": b"\\"}, [[b'a"b', b"c"]]),
        (b"a,\n", {"enclose": b'"'}, [[b"a", b""]]),
    ],
)
def test_enclose_and_escape(data: bytes, options: dict[str, bytes], expected: list[list[bytes]]) -> None:
    """be/src/formats/csv/csv_reader.cpp, more_rows()."""
    assert list(enclosed.rows(data, LoadOptions(column_separator=b",", **options))) == expected  # type: ignore[arg-type]


def test_header_lines_are_dropped_whatever_they_hold(tmp_path: Path) -> None:
    options = LoadOptions(column_separator=b",", skip_header=2)
    assert read([b"one\n", b"", b'tw"o,,,\n1,', b"2\n\n3,4"], options, 2, tmp_path) == [("1", "2"), ("3", "4")]


def test_trim_space_also_finds_null(tmp_path: Path) -> None:
    options = LoadOptions(column_separator=b",", trim_space=True)
    assert read([b" a , \\N \n"], options, 2, tmp_path) == [("a", None)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("\\x01", b"\x01"), ("0x0D0a", b"\r\n"), ("\\t", b"\t"), ("|", b"|"), ("\\X0102", b"\x01\x02")],
)
def test_separator_header(text: str, expected: bytes) -> None:
    assert separator(text) == expected
