"""Prints lib/settings.py for people: the file .env.example and the settings table of the README."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from lib.secret import Secret
from lib.settings import REPOSITORY, Settings

_HEAD = """\
# Settings of Nightshift: copy to .env and fill in. Printed from lib/settings.py by ./run update_readme.
#
# A setting comes from the environment, else from the file that NAME_FILE names, else from a file called after
# it (in small letters) in SECRETS_DIR, else from .env, else from its default: the commented lines show those.
"""
_TAIL = """\
# URL of the SQL source that table files call shop: CONNECTION_<NAME>, one for each name.
#CONNECTION_SHOP=mysql+pymysql://reader:password@db.example.com/shop
"""


@dataclass(frozen=True)
class _Shown:
    """One setting as people read it."""

    name: str
    default: str
    required: bool
    meaning: str


def env_example() -> str:
    """The text of .env.example: every setting with its meaning; what has a default is commented out."""
    parts = [_HEAD]
    for setting in _shown():
        comment = textwrap.fill(setting.meaning, 110, initial_indent="# ", subsequent_indent="# ")
        mark = "" if setting.required else "#"
        parts.append(f"{comment}\n{mark}{setting.name}={setting.default}\n")
    return "\n".join([*parts, _TAIL])


def table() -> str:
    """The settings as a Markdown table: name, default, meaning."""
    lines = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for setting in _shown():
        default = f"`{setting.default}`" if setting.default else "**required**" if setting.required else "none"
        lines.append(f"| `{setting.name}` | {default} | {setting.meaning.replace('|', chr(92) + '|')} |")
    lines.append("| `CONNECTION_<NAME>` | none | URL of the SQL source that table files call `<name>` |")
    return "\n".join(lines)


def _shown() -> list[_Shown]:
    kinds = get_type_hints(Settings, include_extras=True)
    return [
        _Shown(
            name=field.name.upper(),
            default="" if field.required else _default(field),
            required=field.required,
            meaning=_meaning(kinds[field.name]),
        )
        for field in msgspec.structs.fields(Settings)
    ]


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None or value == {} or isinstance(value, Secret):
        return ""
    if isinstance(value, Path) and value.is_relative_to(REPOSITORY):
        # The same text on every machine.
        return "/".join(["<repository>", *value.relative_to(REPOSITORY).parts])
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _meaning(kind: Any) -> str:
    text = next(meta.description for meta in kind.__metadata__ if meta.description)
    base = get_args(kind)[0]
    if get_origin(base) is Literal:
        return f"{text} (one of: {', '.join(get_args(base))})"
    return str(text)
