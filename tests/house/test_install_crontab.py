"""deploy/install-crontab, with a program `crontab` that keeps the table in a file."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT

CRONTAB = """#!/bin/sh
if [ "$1" = -l ]; then cat "$TABLE"; else cp "$1" "$TABLE"; fi
"""
FOREIGN = "MAILTO=me\n1 2 * * * /usr/bin/true\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script needs, in a directory with a blank in its name."""
    made = tmp_path / "night shift"
    shutil.copytree(ROOT / "deploy", made / "deploy")
    shutil.copy(ROOT / "crontab", made)
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(CRONTAB, encoding="utf-8")
    program.chmod(0o755)
    return made


def _install(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "TABLE": str(_table(checkout)), "TZ": "UTC", **environ}
    program = checkout / "deploy" / "install-crontab"
    return subprocess.run([program], env=environ, capture_output=True, text=True, timeout=60, input="")


def _table(checkout: Path) -> Path:
    return checkout.parent / "table"


def test_lines_of_others_stay_and_ours_are_there_once(checkout: Path) -> None:
    _table(checkout).write_text(FOREIGN, encoding="utf-8")
    assert _install(checkout, YES="1").returncode == 0
    once = _table(checkout).read_text(encoding="utf-8")
    assert once.startswith(FOREIGN)
    assert f"0 19 * * * '{checkout}/run' backup\n" in once
    assert "* * * /opt/nightshift" not in once
    again = _install(checkout, YES="1")
    assert again.returncode == 0 and "nothing to change" in again.stdout
    assert _table(checkout).read_text(encoding="utf-8") == once


def test_asks_before_it_installs(checkout: Path) -> None:
    result = _install(checkout)
    assert result.returncode == 1
    assert "+30 19 * * *" in result.stdout and "not installed" in result.stdout
    assert not _table(checkout).exists()


def test_says_that_the_host_is_not_in_utc(checkout: Path) -> None:
    assert "not by UTC" in _install(checkout, YES="1", TZ="XST-3").stderr
    assert _install(checkout, YES="1").stderr == ""
