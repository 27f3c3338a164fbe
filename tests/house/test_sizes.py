"""Small files and small functions."""

from __future__ import annotations

from tests.house.tree import PACKAGES, functions, parsed, python_files, shown, told

FILE_LINES = 400
TEST_FILE_LINES = 500
FUNCTION_LINES = 60


def test_files_are_small() -> None:
    faults = []
    for folder, most in [*((name, FILE_LINES) for name in PACKAGES), ("tests", TEST_FILE_LINES)]:
        for path in python_files(folder):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > most:
                faults.append(f"{shown(path)}: {lines} lines, {most} at most")
    assert not faults, told(faults, "a file with one reason to change is smaller: split it by what it is about")


def test_functions_are_small() -> None:
    faults = []
    for path in python_files(*PACKAGES):
        for function in functions(parsed(path)):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > FUNCTION_LINES:
                faults.append(f"{shown(path)}:{function.lineno}: {function.name} has {lines} lines")
    assert not faults, told(faults, f"more than {FUNCTION_LINES} lines do more than one thing: take one out")
