"""Takes secrets out of text: what `hide` was told, in every form in which a secret travels, becomes ***.

Structure (the type Secret) protects a value until somebody needs it; this protects what a driver, a server or
an exception says afterwards.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, quote_plus, unquote, urlsplit

from lib.errors import Misconfigured
from lib.secret import Secret
from lib.settings import Settings, settings

SHOWN = "***"

# Replacing every "ab" of a line would hide nothing and destroy the log: shorter texts are left alone.
SHORTEST = 4
# A part of a URL that long, without a dot, is a key and not a name (webhooks carry theirs in the path).
KEY = re.compile(r"[A-Za-z0-9_\-%+~]{16,}")
# In some addresses of apprise (PagerDuty) the key stands where the host does.
HOST_KEY = re.compile(r"^[A-Za-z0-9_]{16,}$")

_hidden: set[str] = set()
_pattern: re.Pattern[str] | None = None
_learned: Settings | None = None


def hide(secret: Secret | str, *, user: str = "") -> None:
    """From now on `redact` replaces this text, also URL-encoded, as repr, and as base64 of `user:text`.

    Of a URL its password and the keys in its path and query are hidden too: HTTP clients print them without
    the host.
    """
    text = secret.reveal() if isinstance(secret, Secret) else secret
    forms = {form for part in _parts(text) for form in _forms(part, user)}
    new = {form for form in forms if len(form) >= SHORTEST} - _hidden
    if new:
        _hidden.update(new)
        _compile()


def redact(text: str) -> str:
    """The text with every hidden value and every secret of the settings replaced by ***."""
    _learn()
    return _pattern.sub(SHOWN, text) if _pattern is not None else text


def described(error: BaseException) -> str:
    """Class and message of an error, redacted, for a span or a field."""
    return redact(f"{type(error).__name__}: {error}".removesuffix(": "))


def _learn() -> None:
    """Hides the secrets of the settings as soon as there are any: nobody has to remember to."""
    global _learned
    try:
        current = settings()
    except Misconfigured:
        # What is being told may be just that; a setting that cannot be read cannot be given away either.
        return
    if current is _learned:
        return
    _learned = current
    for name in current.__struct_fields__:
        value = getattr(current, name)
        if isinstance(value, Secret):
            hide(value, user=current.starrocks_user)


def _compile() -> None:
    global _pattern
    # Longest first: a URL must go as a whole before its password goes.
    _pattern = re.compile("|".join(re.escape(form) for form in sorted(_hidden, key=len, reverse=True)))


def _parts(text: str) -> set[str]:
    """The text, and of each URL in it the URL and its keys. A password with blanks stays one text."""
    urls = {word for word in text.split() if "://" in word}
    return {text, *urls, *(key for url in urls for key in _keys(url))}


def _keys(url: str) -> set[str]:
    try:
        address = urlsplit(url)
        user, password = address.username or "", address.password or ""
    except ValueError:
        return set()
    host = address.netloc.rpartition("@")[2].partition(":")[0]
    tail = f"{user} {address.path}?{address.query}#{address.fragment}"
    return {password, unquote(password), *KEY.findall(tail), *HOST_KEY.findall(host)}


def _forms(text: str, user: str) -> set[str]:
    # A password from the environment may hold bytes that are no UTF-8; quote() refuses those.
    shown = text.encode("utf-8", "replace").decode()
    login = base64.b64encode(f"{user}:{shown}".encode()).decode()
    return {text, quote(shown), quote(shown, safe=""), quote_plus(shown), repr(text)[1:-1], login}
