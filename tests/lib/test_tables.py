"""Columns of the warehouse against those of the files: spellings do not matter, differences are told."""

from __future__ import annotations

import pytest

from lib import tables
from lib.columns import Column
from lib.statements import Declared


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("BOOLEAN", "tinyint(1)"),
        ("TINYINT", "tinyint(4)"),
        ("INT", "int(11)"),
        ("BIGINT", "bigint(20)"),
        ("LARGEINT", "bigint(20) unsigned"),
        ("LARGEINT", "largeint"),
        ("DECIMAL(9)", "decimal(9, 0)"),
        ("DECIMAL(38, 4)", "decimal(38,4)"),
        ("STRING", "varchar(65533)"),
        ("VARCHAR(10)", "varchar(10)"),
        ("ARRAY<INT>", "array<int(11)>"),
        ("MAP<STRING, BOOLEAN>", "map<varchar(65533),tinyint(1)>"),
    ],
)
def test_one_type_has_two_spellings(written: str, shown: str) -> None:
    assert tables.canonical(written) == tables.canonical(shown)


def test_different_types_stay_different() -> None:
    spellings = [
        "BOOLEAN",
        "TINYINT",
        "INT",
        "BIGINT",
        "LARGEINT",
        "DECIMAL(9,2)",
        "DECIMAL(9,3)",
        "VARCHAR(10)",
        "STRING",
    ]
    assert len({tables.canonical(text) for text in spellings}) == len(spellings)


def test_differences_are_told_in_words() -> None:
    declared = [
        Declared("a", "INT", True, "a INT"),
        Declared("b", "STRING", False, "b STRING NOT NULL"),
        Declared("c", "DATE", True, "c DATE"),
    ]
    actual = [
        Column("A", "bigint(20)", True, key=False, generated=False, has_default=False),
        Column("b", "varchar(65533)", True, key=False, generated=False, has_default=False),
    ]
    assert tables.differences(declared, actual) == [
        "column a is bigint, the file says int",
        "column b is NULL, the file says NOT NULL",
        "column c is missing",
    ]
