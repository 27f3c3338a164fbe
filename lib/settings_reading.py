"""Reads settings from the environment, secret files and `.env`, and tells all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from lib.errors import Misconfigured
from lib.secret import Secret
from lib.settings import CONNECTION, FOREIGN, PREFIXES, REPOSITORY, DatabaseName, HostMap, Settings, names

DOTENV = REPOSITORY / ".env"


@cache
def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def _from_file(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{name}: cannot read {path}: {error.__class__.__name__}") from None


def lookup(environ: Mapping[str, str], name: str) -> str | None:
    """The text of a setting, from the first place that has it. An empty value counts as not set."""
    if environ.get(name):
        return environ[name]
    if environ.get(f"{name}_FILE"):
        return _from_file(Path(environ[f"{name}_FILE"]), f"{name}_FILE")
    secret = Path(environ.get("SECRETS_DIR") or "/run/secrets") / name.lower()
    if secret.is_file():
        return _from_file(secret, name)
    return _dotenv(DOTENV).get(name) or None


def _host_map(text: str) -> HostMap:
    pairs = [pair.partition("=") for pair in text.replace(",", " ").split()]
    if any(not (name and mark and host) for name, mark, host in pairs):
        raise ValueError("expected `name=host, name=host`")
    return {name: host for name, _, host in pairs}


def _utc(value: datetime | None) -> datetime | None:
    return value.astimezone(UTC).replace(tzinfo=None) if value and value.tzinfo else value


def _convert(text: str, kind: Any) -> Any:
    base = get_args(kind)[0]
    if base is Secret:
        return Secret(text)
    if Path in (base, *get_args(base)):
        return Path(text).expanduser()
    if base == HostMap:
        return _host_map(text)
    value = msgspec.convert(text, kind, strict=False)
    return _utc(value) if isinstance(value, datetime) else value


def _said(error: Exception, kind: Any) -> str:
    """What is wrong with a value; of a pattern the words for it."""
    if set(get_args(DatabaseName)[1:]) & set(get_args(kind)[1:]):
        return "expected a letter (or _ with a letter or digit), then letters, digits, _, - and $, at most 256 in all"
    return str(error)


def _shown(name: str, text: str, kind: Any) -> str:
    return name if get_args(kind)[0] is Secret else f"{name}={text!r}"


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {*names(), *(f"{name}_FILE" for name in names()), *FOREIGN}
    faults = []
    for place, source in (("environment", environ), (str(DOTENV), _dotenv(DOTENV))):
        for name in source:
            if name.startswith(PREFIXES) and name not in known:
                import difflib

                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                faults.append(f"{name} ({place}): no such setting{hint}")
    return faults


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment; raises `Misconfigured` that lists every fault in one message."""
    values: dict[str, Any] = {}
    faults = _unknown(environ)
    kinds = get_type_hints(Settings, include_extras=True)
    for field in msgspec.structs.fields(Settings):
        name = field.name.upper()
        try:
            text = lookup(environ, name)
            if text is not None:
                values[field.name] = _convert(text, kinds[field.name])
            elif field.required:
                faults.append(f"{name} is not set: {kinds[field.name].__metadata__[0].description}")
        except (ValueError, msgspec.ValidationError) as error:
            faults.append(f"{_shown(name, text or '', kinds[field.name])}: {_said(error, kinds[field.name])}")
        except Misconfigured as error:
            faults.append(error.message)
    if values.get("environment") == "production" and values.get("nightshift_now"):
        faults.append("NIGHTSHIFT_NOW: not with ENVIRONMENT=production")
    if faults:
        told = faults[0] if len(faults) == 1 else "\n  ".join([f"{len(faults)} faults", *faults])
        raise Misconfigured(f"settings: {told}", hint="see .env.example, then ./run doctor")
    return Settings(**values)


def connection(environ: Mapping[str, str], name: str) -> Secret:
    """The URL of the SQL source `name`; raises `Misconfigured` naming the setting that is missing."""
    setting = CONNECTION + name.upper()
    text = lookup(environ, setting)
    if not text:
        raise Misconfigured(
            f"{setting} is not set: the URL of the SQL source {name!r}",
            hint=f"set {setting}=dialect://user:password@host/database in the environment or in .env",
        )
    return Secret(text)
