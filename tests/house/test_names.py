"""A name says what the thing is about."""

from __future__ import annotations

from tests.house.tree import PACKAGES, python_files, shown, told

SAYS_NOTHING = {
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "base",
    "shared",
}


def test_no_module_is_called_after_nothing() -> None:
    faults = [
        shown(path)
        for path in python_files(*PACKAGES, "tests")
        if SAYS_NOTHING & {*path.relative_to(path.anchor).parts[-2:-1], path.stem}
    ]
    assert not faults, told(faults, "say what the module is about: its content has a word for it")
