"""Whatever stands in strings, names and comments, a text falls into the statements that were put into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib import statements
from lib.errors import Misconfigured
from lib.statements import Declared

INSIDE = st.text(alphabet="ab;é -*/%()\n", max_size=8)


def _quoted(mark: str) -> st.SearchStrategy[str]:
    escaped = st.lists(st.one_of(INSIDE, st.sampled_from([mark * 2, "\\" + mark, "\\\\", "`;"])), max_size=4)
    return escaped.map(lambda parts: mark + "".join(parts).replace("`" if mark == "`" else "\0", "") + mark)


WORDS = st.sampled_from(["SELECT", "a", "1", "=", "(", ")", ",", "FROM", "dw.t", "%(since)s", "IN", "x%"])
NAMES = INSIDE.map(lambda text: f"`{text}x`")
COMMENTS = st.one_of(
    INSIDE.map(lambda text: "-- " + text.replace("\n", " ") + "\n"),
    INSIDE.map(lambda text: "/* " + text.replace("*", " ") + " */"),
)
STRINGS = st.one_of(_quoted("'"), _quoted('"'))
FIRST = st.sampled_from(["SELECT", "INSERT", "ALTER TABLE", "BACKUP SNAPSHOT", "REFRESH", "SUBMIT TASK", "SET", "WITH"])


@st.composite
def _statement(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.one_of(WORDS, STRINGS, NAMES, COMMENTS), max_size=8))
    return " ".join([draw(FIRST), *parts, "end"])


@given(st.lists(_statement(), max_size=4), st.lists(COMMENTS, max_size=2), st.booleans())
def test_a_text_falls_into_its_statements(parts: list[str], comments: list[str], ends: bool) -> None:
    text = "\n".join(comments) + "\n" + ";\n".join(parts) + (";" if ends else "") + "\n" + "".join(comments)
    found = statements.split(text)
    # Comments behind the last statement have no semicolon before them, so they stay with it.
    expected = parts if ends or not parts else [*parts[:-1], (parts[-1] + "\n" + "".join(comments)).rstrip()]
    assert found == expected


@pytest.mark.parametrize("text", ["", ";", " ;\n;; ", "-- only a comment;\n", "/* ; */;"])
def test_no_statement_is_no_statement(text: str) -> None:
    assert statements.split(text) == []


def test_a_string_without_end_is_told() -> None:
    with pytest.raises(Misconfigured, match="SQL cannot be read"):
        statements.split("SELECT 'a; SELECT 2;")


def test_what_a_query_reads() -> None:
    query = "WITH c AS (SELECT * FROM a) SELECT * FROM c JOIN dw.b ON c.x = b.x, (SELECT 1 FROM d) e"
    assert statements.reads(Path("v.sql"), f"CREATE OR REPLACE VIEW v AS {query}") == {"a", "b", "d"}


def test_columns_as_they_are_declared() -> None:
    create = """CREATE TABLE IF NOT EXISTS t (
        k BIGINT COMMENT "key", a STRING NOT NULL COMMENT "x, NOT NULL", b DECIMAL(10,2) NULL DEFAULT "0", c BOOLEAN
    ) PRIMARY KEY (k) DISTRIBUTED BY HASH (k)"""
    assert statements.declared_columns(Path("t.sql"), create) == [
        Declared("k", "BIGINT", False, "k BIGINT COMMENT 'key'"),
        Declared("a", "STRING", False, "a STRING NOT NULL COMMENT 'x, NOT NULL'"),
        Declared("b", "DECIMAL(10, 2)", True, "b DECIMAL(10, 2) NULL DEFAULT '0'"),
        Declared("c", "BOOLEAN", True, "c BOOLEAN"),
    ]
