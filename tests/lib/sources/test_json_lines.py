"""NDJSON read as vectors is what it is when it is read line by line, whatever its lines look like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from lib.catalog import TableFile, read_table
from lib.errors import DataRefused
from lib.reading import LINEAGE, Batch
from lib.sources._files import json_lines, json_objects, json_shapes
from lib.sources._files.opened import SourceFile

TABLE = """\
-- purpose: a test
-- owner: me
-- source: files in/*
-- refresh: incremental, morning
-- key: a

CREATE TABLE IF NOT EXISTS fact_t (a INT NOT NULL, b STRING) PRIMARY KEY (a);
"""
# Ends of each other, what an expression has a meaning for, what looks like structure, letters beyond ASCII.
NAMES = [
    "a",
    "xa",
    "a b",
    "a.*b",
    "(a|b)+$",
    "ä",
    "\u2028",
    ":",
    ",",
    "}{",
    "\\d"[1:],
    "null",
    "名前",
    "rest",
    "_line",
    "_file",
]
BARE = ["0", "-0", "7", "1.10", "-0.50", "1e3", "1E400", "18446744073709551616", "true", "false", "null"]
WRONG = ["nil", "nulls", "truefalse", "01", "-", "+1", ".5", "1.", "1e", "NaN", "[1]", "{}", "'x'", ""]
TEXTS = [
    *(
        "",
        "x",
        "null",
        "007",
        ",",
        '","a":"',
        ":",
        '":',
        "}",
        "]}",
        "{",
        '{"a":1}',
        "x,",
        "a\\",
        '\\"',
        "\\N",
        "#",
        " ",
    ),
    *("é", "\u2028", "😀", "\x7f", "\ufeff", "\x00", "\x01", "\n", "\r\n", "\t"),
]
# As they stand between the quotes: escapes that need not be, and what is none.
ESCAPED = [r"\u0041", r"\/", r"\ud83d\ude00", r"\ud800", r"\udc00x", r"\u00", r"\x", "\\", "\t", '"']
ODD = [b"", b" ", b"\t\r", b"[]", b"{}", b"7", b'"x"', b'{"a":1}{"a":2}', b'{"a":1,}', b'{"a":1,"a":2}', b"{'a':1}"]
ODD += [
    b'{"a":[1,2]}',
    b'{"a":{"b":1}}',
    b'{"a":01}',
    b'{"a":+1}',
    b'{"a":.5}',
    b'{"a":NaN}',
    b'{"a" 1}',
    b'{"a":"\xff"}',
]
ODD += [b'{"a":"x}', b'{"a":x"}', b'{"a":tru}', b"\xef\xbb\xbf{}", b'{"a":"\xed\xa0\x80"}', b'{"a":"\x01"}', b"nul"]

_VALUES = (
    st.sampled_from(BARE)
    | st.sampled_from(TEXTS).map(lambda text: json.dumps(text, ensure_ascii=False))
    | st.sampled_from(TEXTS).map(json.dumps)
    | st.sampled_from(ESCAPED).map('"{}"'.format)
    | st.sampled_from(WRONG)
)
_BLANKS = st.sampled_from(["", "", " ", "\t", "  "])


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    """Lines of a few shapes, some odd ones among them; the first has all fields."""
    names = ["a", *draw(st.lists(st.sampled_from(NAMES[1:]), max_size=5, unique=True))]
    lines = ["{" + ",".join(f"{json.dumps(name)}:null" for name in names) + "}"]
    frames = [
        (draw(st.permutations(names))[: draw(st.integers(1, 6))], *(draw(_BLANKS) for _ in range(4))) for _ in "ab"
    ]
    for order, comma, colon, opened, closed in draw(st.lists(st.sampled_from(frames), max_size=25)):
        fields = [f"{json.dumps(name, ensure_ascii=False)}:{colon}{draw(_VALUES)}" for name in order]
        lines.append(f"{{{opened}{f',{comma}'.join(fields)}{closed}}}")
    data = [line.encode("utf-8", "surrogatepass") for line in lines]
    for odd in draw(st.lists(st.sampled_from(ODD), max_size=3)):
        data.insert(draw(st.integers(1, len(data))), odd)
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + end.join(data) + draw(st.sampled_from([b"", end, end + end]))


def _table(folder: Path) -> TableFile:
    (folder / "fact_t.sql").write_text(TABLE, encoding="utf-8")
    return read_table(folder / "fact_t.sql")


def _read(folder: Path, data: bytes) -> list[Batch]:
    (folder / "x.ndjson").write_bytes(data)
    return list(
        json_lines.batches(SourceFile(folder / "x.ndjson", "x.ndjson", _table(folder), "", ()), folder / "x.ndjson")
    )


def _line_by_line(data: bytes) -> tuple[dict[int, json_objects.Fields], list[int]]:
    """The fields of each line by its number, and the numbers of those that are no objects."""
    rows: dict[int, json_objects.Fields] = {}
    broken = []
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            try:
                rows[number] = json_objects.fields(line)
            except ValueError:
                broken.append(number)
    return rows, broken


@settings_of_hypothesis(max_examples=300, deadline=None)
@given(_files(), st.sampled_from([64, 1 << 20]), st.sampled_from([3, 5, 16]), st.sampled_from([1, 100]))
def test_vectors_give_the_rows_and_the_rejects_that_reading_line_by_line_gives(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block: int, groups: int, sample: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "BLOCK", block)
        patch.setattr(json_lines, "_FEW", 0)
        patch.setattr(json_lines, "_SAMPLE", sample)
        patch.setattr(json_shapes, "_MOST_GROUPS", groups)
        batches = _read(tmp_path_factory.getbasetemp(), data)
    rows, broken = _line_by_line(data)
    found = [row for batch in batches for row in batch.frame.iter_rows(named=True)]
    assert [row["_line"] for row in found] == list(rows)
    assert [row["_source"] for row in found] == [f"x.ndjson:{number}" for number in rows]
    for row in found:
        expected = {**dict.fromkeys(row), **rows[row["_line"]]}
        assert {name: row.get(name) for name in expected.keys() - LINEAGE} == {
            name: expected[name] for name in expected.keys() - LINEAGE
        }
    assert [reject.coordinates for batch in batches for reject in batch.rejects] == [f"x.ndjson:{n}" for n in broken]
    for batch in batches:
        texts = [text for row in batch.frame.drop("_line").iter_rows() for text in row if text is not None]
        assert not batch.sendable or not any(text == "\\N" or set("\x00\x01\x02") & set(text) for text in texts)


@pytest.mark.parametrize("fields", [1, 15, 16, 40, 100, 101])
def test_a_line_of_many_fields_is_read_like_one_of_few(tmp_path: Path, fields: int) -> None:
    kinds = ["text, {}", "{}", "1.{}0"]
    rows = [[kinds[at % 3].format(row * at) for at in range(fields)] for row in range(60)]
    written = [
        ",".join(f'"f{at}":{json.dumps(text) if at % 3 == 0 else text}' for at, text in enumerate(row)) for row in rows
    ]
    [batch] = _read(tmp_path, "\n".join(f"{{{line}}}" for line in written).encode())
    assert batch.frame.drop("_file", "_line", "_source").rows() == [tuple(row) for row in rows]


def test_a_field_that_is_a_text_here_and_a_number_there_keeps_both(tmp_path: Path) -> None:
    values = [None, "null", None, 5, "5", "", True, "true", -0.5]
    written = [json.dumps({"a": number, "b": values[number % 9]}) for number in range(900)]
    [batch] = _read(tmp_path, "\n".join(written).encode())
    texts = [None, "null", None, "5", "5", "", "true", "true", "-0.5"]
    assert batch.frame.select("a", "b").rows() == [(str(number), texts[number % 9]) for number in range(900)]
    assert batch.sendable


def test_a_single_row_among_others_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """polars panics over one row that is left of two pieces of lines."""
    monkeypatch.setattr(json_lines, "_FEW", 0)
    [batch] = _read(tmp_path, b'{"a":1,"b":2}\n{"b":3}\n')
    assert batch.frame.select("_source", "a", "b").rows() == [("x.ndjson:1", "1", "2"), ("x.ndjson:2", None, "3")]


@pytest.mark.parametrize("before", [0, 3, 1000])
def test_a_line_that_is_too_long_is_refused_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK", 100)
    monkeypatch.setattr(json_lines, "LONGEST", 300)
    short, end = b'{"a":1}\n' * before, b'"}\n{"a":2}\n'
    assert sum(batch.rows for batch in _read(tmp_path, short + b'{"a":"' + b"x" * 291 + end)) == before + 2
    with pytest.raises(DataRefused, match=rf"x.ndjson:{before + 1}: a line of more than 300 bytes"):
        _read(tmp_path, short + b'{"a":"' + b"x" * 300 + end)
