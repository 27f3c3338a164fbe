"""Tells people: one message to every address of its severity, by apprise.

apprise is imported when something is sent, which costs 0.4 s. A night must not fail for its messenger:
nothing here raises, everything ends within `DEADLINE`, and the result says what became of it.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from lib import log, settings_reading
from lib.errors import Misconfigured
from lib.redaction import described, hide, redact
from lib.secret import Secret
from lib.settings import settings

Severity = Literal["CRITICAL", "WARNING", "INFO"]
# Seconds for all addresses together; they are told beside each other.
DEADLINE = 10.0
# What a phone shows without scrolling for ever, and what every service takes.
TITLE = 120
BODY = 3000
KINDS = {"CRITICAL": "failure", "WARNING": "warning", "INFO": "info"}
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,20})://")
# Slack reads <!channel>, <@user> and <#room> anywhere in a text, and apprise lets them through on purpose.
COMMAND = re.compile(r"<(?=[!@#])")


@dataclass(frozen=True)
class Delivery:
    """What became of a message. `delivered`: at least one address took it; `detail` names those that did not."""

    configured: bool
    delivered: bool
    detail: str


@dataclass
class _Address:
    """One URL; what happens to it is written by its own thread."""

    url: str
    fault: str = "no answer in time"
    delivered: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        found = SCHEME.match(self.url)
        self.name = found.group(1).lower() if found else "an address without scheme"


def send(
    severity: Severity,
    title: str,
    body: str,
    *,
    attach: Sequence[Path] = (),
    dedup_key: str = "",
) -> Delivery:
    """Send a message to the addresses of NOTIFY_<severity>; returns within `DEADLINE` and never raises.

    Plain text; secrets are redacted, control sequences of Slack are made harmless, what is too long is cut.
    Files of `attach` that do not exist are left out. `dedup_key` makes one incident of repeated messages
    where the service knows such a thing (PagerDuty).
    """
    try:
        addresses = [_Address(url) for url in _urls(severity)]
    except Misconfigured as error:
        return Delivery(False, False, error.message)
    if not addresses:
        return Delivery(False, False, f"NOTIFY_{severity} is not set")
    message = {
        "title": _title(title),
        "body": _body(body) or _title(title),
        "notify_type": KINDS[severity],
        "body_format": "text",
        "attach": [str(path) for path in attach if path.is_file()] or None,
    }
    until = time.monotonic() + DEADLINE
    threads = [
        # Daemons, not apprise's own pool: a pool is waited for at exit, however long a dead mail server
        # takes.
        threading.Thread(target=_tell, args=(address, message, dedup_key), daemon=True)
        for address in addresses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return _delivery(addresses)


def check() -> list[str]:
    """Faults of the NOTIFY_ settings, for doctor and before a run: names position and scheme, never the URL."""
    faults = []
    for severity in get_args(Severity):
        for number, url in enumerate(_urls(severity), 1):
            address = _Address(url)
            if _service(url) is None:
                faults.append(f"NOTIFY_{severity}: address {number} ({address.name}) is none that apprise understands")
    return faults


def _urls(severity: str) -> list[str]:
    try:
        value: Secret = getattr(settings(), f"notify_{severity.lower()}")
    except Misconfigured:
        # What has to be told may be just that another setting is wrong.
        value = Secret(settings_reading.lookup(os.environ, f"NOTIFY_{severity}") or "")
        hide(value)
    return value.reveal().split()


def _service(url: str) -> Any:
    from apprise import Apprise, AppriseAsset

    # Memory: a cron user may have no home to keep a cache in. No images: they are fetched from GitHub.
    asset = AppriseAsset(
        storage_mode="memory",
        app_id="Nightshift",
        image_url_mask="",
        image_url_logo="",
        # No limit of its own: it would run each service in a pool that the end of the process waits for.
        service_timeout=0,
    )
    return Apprise.instantiate(url, asset=asset)


def _tell(address: _Address, message: dict[str, Any], dedup_key: str) -> None:
    try:
        address.fault = _told(address.url, message, dedup_key)
        address.delivered = not address.fault
    except Exception as error:
        address.fault = described(error)


def _told(url: str, message: dict[str, Any], dedup_key: str) -> str:
    """Tell one address; returns what went wrong, or ''."""
    from apprise import Apprise

    service = _service(url)
    if service is None:
        return "apprise does not understand the address"
    if dedup_key and hasattr(service, "dedup"):
        service.dedup = dedup_key
    result = Apprise([service]).notify(**message)
    if result:
        return ""
    said = [str(entry.message) for entry in result.logs()]
    return redact(said[0])[:200] if said else "refused"


def _delivery(addresses: list[_Address]) -> Delivery:
    failed = [f"{one.name}: {one.fault}" for one in addresses if not one.delivered]
    taken = len(addresses) - len(failed)
    detail = f"{taken} of {len(addresses)} delivered" + "".join(f"; {fault}" for fault in failed)
    if failed:
        log.warning("notification_failed", detail=detail)
    return Delivery(True, taken > 0, redact(detail))


def _title(text: str) -> str:
    return _shortened(" ".join(_harmless(text).split()), TITLE)


def _body(text: str) -> str:
    clean = _harmless(text).strip()
    if len(clean) <= BODY:
        return clean
    kept = clean[:BODY].rpartition("\n")[0] or clean[:BODY]
    return f"{kept}\n... cut: {len(clean) - len(kept)} more characters are in the log"


def _harmless(text: str) -> str:
    shown = "".join(char if char.isprintable() or char == "\n" else " " for char in redact(text))
    return COMMAND.sub("< ", shown)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
