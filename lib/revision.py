"""Which revision of the code is running, without starting git."""

from __future__ import annotations

import os
from pathlib import Path

from lib.settings import REPOSITORY


def current() -> str:
    """The git commit of the checkout, or what REVISION of the image says; empty when unknown."""
    return _from_git(REPOSITORY / ".git") or os.environ.get("REVISION", "")


def _from_git(folder: Path) -> str:
    try:
        head = (folder / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head[:40]
        name = head.removeprefix("ref: ")
        loose = folder / name
        if loose.is_file():
            return loose.read_text(encoding="ascii").strip()
        for line in (folder / "packed-refs").read_text(encoding="ascii").splitlines():
            commit, _, ref = line.partition(" ")
            if ref == name:
                return commit
    except (OSError, UnicodeDecodeError):
        return ""
    return ""
