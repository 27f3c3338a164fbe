"""Steps of a case that are HTTP calls: Stream Loads, their transactions, the state of labels (see test_spec.py)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

HEADER = re.compile(r"([A-Za-z_-]+): ?(.*)")
EXPECTED = re.compile(r"([A-Za-z ]+?) (=|~) ?(.*)")
BYTE = re.compile(rb"\\x([0-9a-f]{2})")


@dataclass(frozen=True)
class Target:
    """The FE's HTTP port and who calls it."""

    url: str
    auth: tuple[str, str]


@dataclass
class Call:
    """One call: method, table or path, headers, body."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def take(self, line: str) -> bool:
        """Take a line of the call; False for one that says what is expected."""
        if line.startswith("|"):
            text = BYTE.sub(lambda found: bytes([int(found.group(1), 16)]), line[1:].removeprefix(" ").encode())
            self.body += text + b"\n"
            return True
        header = HEADER.fullmatch(line)
        if header is not None:
            self.headers[header.group(1)] = header.group(2)
        return header is not None


def call_of(line: str) -> Call | None:
    """The call that a line `PUT t` or `POST /api/...` begins, None for any other line."""
    method, _, path = line.partition(" ")
    return Call(method, path.strip()) if method in ("GET", "PUT", "POST") and path else None


def run(target: Target, call: Call, expected: list[str], database: str) -> list[str]:
    """What was answered, in the words of what was expected."""
    answer = _answer(target, call, database)
    told = []
    for line in expected:
        found = EXPECTED.fullmatch(line)
        if found is None:
            raise ValueError(f"{line!r}: what is expected of a call is `Field = text` or `Field ~ part`")
        name, sign, wanted = found.groups()
        value = str(answer.get(name, "(absent)"))
        same = value == wanted if sign == "=" else wanted in value
        told.append(line if same else f"{name} {sign} {value}")
    return told


def _answer(target: Target, call: Call, database: str) -> Mapping[str, Any]:
    """The JSON of the answer; a redirect is followed with the credentials and the body, as a loader does."""
    path = call.path.replace("${db}", database)
    url = target.url + (path if path.startswith("/") else f"/api/{database}/{path}/_stream_load")
    headers = {name: value.replace("${db}", database) for name, value in call.headers.items()}
    if call.method == "PUT":
        headers.setdefault("Expect", "100-continue")
    given: dict[str, Any] = {"headers": headers, "auth": target.auth, "timeout": 60, "allow_redirects": False}
    reply = requests.request(call.method, url, **given)
    if reply.status_code == 307:
        reply = requests.request(call.method, reply.headers["Location"], data=call.body, **given)
    found: Mapping[str, Any] = reply.json()
    return found
