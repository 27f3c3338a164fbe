"""Fills the parts of Markdown files that stand between `<!-- begin NAME -->` and `<!-- end NAME -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lib import readme_sections, settings_page
from lib.errors import Misconfigured
from lib.settings import REPOSITORY

SECTIONS: Mapping[str, Callable[[], str]] = {
    "settings": settings_page.table,
    "exit-codes": readme_sections.exit_codes,
    "jobs": readme_sections.jobs,
    "tables": readme_sections.tables,
    "layout": readme_sections.layout,
}
_MARKER = re.compile(r"<!--\s*(begin|end)\s+(\S+)\s*-->\s*$")


def generated(folder: Path = REPOSITORY) -> dict[Path, str]:
    """What the generated files should hold: README.md and docs/**/*.md that have markers, and .env.example.

    Raises `Misconfigured` with file and line for a marker that is unknown or has no partner.
    """
    pages = [path for path in (folder / "README.md", *sorted(folder.glob("docs/**/*.md"))) if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    filled = {path: fill(text, path) for path, text in texts.items() if "<!-- begin " in text}
    return {**filled, folder / ".env.example": settings_page.env_example()}


def outdated(folder: Path = REPOSITORY) -> dict[Path, str]:
    """The generated files whose text on disk is another one, with the text that they should have."""
    return {
        path: text
        for path, text in generated(folder).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def fill(text: str, path: Path) -> str:
    """The text with every marked section printed anew; `path` is for the error messages."""
    lines: list[str] = []
    name, opened = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        found = _MARKER.match(line.strip())
        if found and found[1] == "begin":
            if name:
                raise Misconfigured(f"{path}:{number}: {found[2]} begins inside {name} (line {opened})")
            name, opened = found[2], number
            lines += [line, "", _section(name, path, number), ""]
        elif found:
            if found[2] != name:
                raise Misconfigured(f"{path}:{number}: `end {found[2]}` without its `begin {found[2]}`")
            name = ""
        if not name:
            lines.append(line)
    if name:
        raise Misconfigured(f"{path}:{opened}: `begin {name}` without `<!-- end {name} -->` below it")
    return "\n".join(lines) + "\n"


def _section(name: str, path: Path, number: int) -> str:
    if name not in SECTIONS:
        raise Misconfigured(f"{path}:{number}: no section is called {name!r}; allowed: {', '.join(SECTIONS)}")
    return SECTIONS[name]().strip("\n")
