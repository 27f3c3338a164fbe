"""mysql_native_password: what is kept of a password, and how a login proves that it knows it.

Kept is `*` and the hex of SHA1(SHA1(password)), '' for no password; never the password itself. Source:
`fe/fe-core/src/main/java/com/starrocks/mysql/MysqlPassword.java`.
"""

import hashlib
import hmac

from sqlglot.tokenizer_core import TokenType

from emulator.errors import failed
from emulator.sql.dialect import Statement

PLUGIN = "MYSQL_NATIVE_PASSWORD"
HASH_LETTERS = 41
_SECRET = (("CREATE", "USER"), ("ALTER", "USER"), ("SET", "PASSWORD"), ("CREATE", "REPOSITORY"), ("CREATE", "READ"))


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def hashed(password: str) -> str:
    """What is kept of a password."""
    return "*" + _sha1(_sha1(password.encode())).hex().upper() if password else ""


def checked_hash(text: str) -> str:
    """A hash that a client gave in a password's place. Raises 5201 for what is none."""
    if not text:
        return ""
    if len(text) != HASH_LETTERS or text[0] != "*" or any(c not in "0123456789ABCDEF" for c in text[1:].upper()):
        raise failed(f"Password hash should be a {HASH_LETTERS}-digit hexadecimal number", 5201)
    return text.upper()


def is_password(kept: str, password: str) -> bool:
    """True when this is the password that was kept (HTTP Basic sends it as it is)."""
    return hmac.compare_digest(kept, hashed(password))


def is_answer(kept: str, answer: bytes, seed: bytes) -> bool:
    """True when a client's answer to the seed of the greeting shows that it knows the password."""
    if not kept:
        return not answer
    if len(answer) != 20:
        return False
    twice = bytes.fromhex(kept[1:])
    once = bytes(a ^ b for a, b in zip(answer, _sha1(seed + twice), strict=True))
    return hmac.compare_digest(_sha1(once), twice)


def hidden(statement: Statement) -> str:
    """The statement as others may see it (SHOW PROCESSLIST): those that carry secrets without what is in quotes."""
    if tuple(token.text.upper() for token in statement.tokens[:2]) not in _SECRET:
        return statement.text
    text = statement.text
    for token in reversed(statement.tokens):
        if token.token_type == TokenType.STRING:
            text = f"{text[: token.start]}'***'{text[token.end + 1 :]}"
    return text
