"""`./run`, the way in: from anywhere, through links, in cron's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT

# What Debian's cron gives a job.
CRON = {"PATH": "/usr/bin:/bin", "HOME": "/", "SHELL": "/bin/sh", "LOGNAME": "nobody"}


def _run(program: Path, *words: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    environ = {**CRON, "NIGHTSHIFT_PYTHON": sys.executable, **environ}
    return subprocess.run([program, *words], cwd=cwd, env=environ, capture_output=True, text=True, timeout=60)


def _is_unknown_job(result: subprocess.CompletedProcess[str]) -> bool:
    return result.returncode == 2 and "./run no_such_job: no such job" in result.stderr


def test_works_from_any_directory(tmp_path: Path) -> None:
    assert _is_unknown_job(_run(ROOT / "run", "no_such_job", cwd=tmp_path))


def test_works_through_links(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "deep" / "second"
    second.parent.mkdir()
    first.symlink_to(ROOT / "run")
    second.symlink_to("../first")
    assert _is_unknown_job(_run(second, "no_such_job", cwd=tmp_path))


def test_folders_of_the_current_directory_do_not_stand_in_for_ours(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__main__.py").write_text("raise SystemExit('not ours')", encoding="utf-8")
    assert _is_unknown_job(_run(ROOT / "run", "no_such_job", cwd=tmp_path))


def test_words_arrive_as_they_were_given(tmp_path: Path) -> None:
    result = _run(ROOT / "run", "no such job; echo 'x'", cwd=tmp_path)
    assert "./run no such job; echo 'x': no such job" in result.stderr


def test_a_python_that_is_not_there_is_named() -> None:
    result = _run(ROOT / "run", "status", NIGHTSHIFT_PYTHON="/nowhere/python")
    assert result.returncode == 78
    assert result.stderr == "run: NIGHTSHIFT_PYTHON=/nowhere/python: no such program\n"


def test_a_copy_without_packages_says_what_to_do(tmp_path: Path) -> None:
    copy = tmp_path / "a copy" / "run"
    copy.parent.mkdir()
    copy.write_bytes((ROOT / "run").read_bytes())
    copy.chmod(0o755)
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "python3").symlink_to("/bin/false")
    result = _run(copy, "status", PATH=f"{bare}{os.pathsep}/usr/bin:/bin", NIGHTSHIFT_PYTHON="")
    assert result.returncode == 78
    assert f"next: make -C '{copy.parent}' install" in result.stderr
