"""A file's content is remembered as long as nobody has touched the file, and never longer."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.settings import settings
from lib.sources._files import digests, opened


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "state"))
    # The files of these tests are not two seconds old.
    monkeypatch.setattr(digests, "_SETTLED_NS", -(10**12))
    settings.cache_clear()
    digests._memory.cache_clear()
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n1\n")
    yield path
    digests._memory.cache_clear()


def told(path: Path) -> str:
    return digests.digest(path, opened.state(path))


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_an_untouched_file_is_not_read_again(file: Path, tmp_path: Path) -> None:
    assert told(file) == sha(b"a\n1\n")
    with sqlite3.connect(tmp_path / "state" / "files.sqlite") as memory:
        memory.execute("UPDATE file SET digest = 'remembered'")
    assert told(file) == "remembered"


def test_a_file_of_the_same_size_and_time_with_other_content_is_read(file: Path) -> None:
    before = file.stat()
    told(file)
    file.write_bytes(b"a\n2\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told(file) == sha(b"a\n2\n")


def test_a_file_that_was_just_written_is_not_remembered(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_SETTLED_NS", 10**12)
    told(file)
    with sqlite3.connect(settings().state_dir / "files.sqlite") as memory:
        assert memory.execute("SELECT count(*) FROM file").fetchone() == (0,)


@pytest.mark.parametrize("left", [b"no database at all, but as long as one\n" * 20, b"SQLite format 3"])
def test_a_memory_that_cannot_be_used_costs_only_time(file: Path, left: bytes) -> None:
    settings().state_dir.mkdir(parents=True)
    (settings().state_dir / "files.sqlite").write_bytes(left)
    assert told(file) == told(file) == sha(b"a\n1\n")


def test_a_state_folder_that_cannot_be_made_costs_only_time(file: Path) -> None:
    settings().state_dir.write_bytes(b"")
    assert told(file) == sha(b"a\n1\n")
