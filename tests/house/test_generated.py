"""Files that are printed from other files say what those say."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from lib import readme, readme_sections
from lib.errors import Misconfigured
from tests.house.tree import ROOT, shown, told

LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_generated_files_are_up_to_date() -> None:
    faults = [shown(path) for path in readme.outdated()]
    assert not faults, told(faults, "out of date; next: ./run update_readme")


def test_env_example_names_every_setting() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert re.search(r"^STARROCKS_HOST=$", text, re.MULTILINE)
    assert re.search(r"^#STARROCKS_PORT=9030$", text, re.MULTILINE)
    assert str(ROOT) not in text


def test_marker_faults_name_file_and_line() -> None:
    page = Path("page.md")
    assert readme.fill("a\n<!-- begin exit-codes -->\nold\n<!-- end exit-codes -->\nz\n", page).count("old") == 0
    for text, fault in (
        ("\n<!-- begin weather -->\n", r"page\.md:2: no section is called 'weather'; allowed: settings"),
        ("<!-- begin jobs -->\n", r"page\.md:1: `begin jobs` without"),
        ("<!-- end jobs -->\n", r"page\.md:1: `end jobs` without"),
        ("<!-- begin jobs -->\n<!-- begin layout -->\n", r"page\.md:2: layout begins inside jobs \(line 1\)"),
    ):
        with pytest.raises(Misconfigured, match=fault):
            readme.fill(text, page)


def test_filling_twice_changes_nothing() -> None:
    markers = "".join(f"# {name}\n<!-- begin {name} -->\n<!-- end {name} -->\n" for name in readme.SECTIONS)
    once = readme.fill(markers, Path("page.md"))
    assert once != markers
    assert readme.fill(once, Path("page.md")) == once


def test_every_folder_is_explained() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout with files: what belongs to the repository is not known")
    folders = {name.partition("/")[0] for name in listed.stdout.splitlines() if "/" in name}
    folders = {name for name in folders if not name.startswith(".")}
    assert folders == set(readme_sections.FOLDERS), "say in lib/readme_sections.py FOLDERS what each folder is for"
    assert all((ROOT / name).is_file() for name in readme_sections.FILES)


def test_lock_has_hashes_and_no_addresses() -> None:
    assert "://" not in LOCK and "--index" not in LOCK, "an address in requirements.lock; next: make lock"
    pinned = re.findall(r"^[a-z0-9][a-z0-9._-]*==[^\n]*\n", LOCK, re.MULTILINE)
    bare = [line.strip() for line in pinned if not line.endswith("\\\n")]
    assert pinned
    assert not bare, told(bare, "without hashes; next: make lock")
    assert LOCK.count("--hash=sha256:") >= len(pinned)


def test_lock_knows_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[<>=!\[; ]", text)[0].lower().replace("_", "-") for text in wanted}
    missing = sorted(name for name in names if not re.search(rf"^{re.escape(name)}==", LOCK, re.MULTILINE))
    assert not missing, told(missing, "in pyproject.toml and not in requirements.lock; next: make lock")
