"""A bucket on loopback as a client of Google Cloud Storage finds it: the same listing, a signed token for each request.

The client makes the token itself, signed by the key of its service account (a JWT, RS256); no other server is asked.
The address of the bucket stands in the account's file (`gcs_base_url`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.jobs.bucket_server import Bucket

EMAIL = "reader@nightshift.test"
_EXPONENT = 65537


class GoogleBucket(Bucket):
    """Admits whoever holds the key of one service account, whose file is in `folder`."""

    scheme = "gs"

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.email = EMAIL
        self.account = folder / "account.json"
        self.key = _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
        modulus = _openssl("rsa", "-noout", "-modulus", input=self.key)
        self._modulus = int(modulus.strip().removeprefix("Modulus="), 16)
        self._write(self.endpoint)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to read it: the path of a file, no secret."""
        return {"GOOGLE_SERVICE_ACCOUNT": str(self.account)}

    @property
    def secret(self) -> str:
        """A line of the private key."""
        return self.key.splitlines()[1]

    def refuse(self) -> None:
        """From now on another account is admitted."""
        self.email = "somebody@else.test"

    def nowhere(self) -> dict[str, str]:
        """What a client has whose bucket does not answer."""
        self._write("http://127.0.0.1:1")
        return self.environment

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the token is of the account, and its signature of the account's key."""
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token.count(".") != 2:
            return False
        signed, _, signature = token.rpartition(".")
        claims: dict[str, Any] = json.loads(_decoded(signed.partition(".")[2]))
        size = (self._modulus.bit_length() + 7) // 8
        opened = pow(int.from_bytes(_decoded(signature)), _EXPONENT, self._modulus).to_bytes(size)
        return claims["iss"] == self.email and opened.endswith(hashlib.sha256(signed.encode()).digest())

    def _write(self, endpoint: str) -> None:
        account = {
            "type": "service_account",
            "gcs_base_url": endpoint,
            "disable_oauth": False,
            "client_email": EMAIL,
            "private_key_id": "1",
            "private_key": self.key,
        }
        self.account.write_text(json.dumps(account), encoding="utf-8")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _openssl(*arguments: str, input: str = "") -> str:
    return subprocess.run(["openssl", *arguments], input=input, capture_output=True, text=True, check=True).stdout
