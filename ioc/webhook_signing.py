"""Signatures of webhooks, ours and those of others: Standard Webhooks 1.0. Pure.

The signature covers the message's id, the sender's time and the body, so that none of them can be
changed; the time bounds how long a copy is worth anything, and the id makes a second one harmless.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

LEAST_SECRET: Final = 24
"""Bytes, as the standard demands."""

MAX_SECRETS: Final = 4
MAX_SIGNATURES: Final = 8
_PREFIX: Final = "whsec_"
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class SignatureError(Exception):
    """A message that cannot be believed; the text says why, and nothing of the secret."""


def secret_of(text: str) -> bytes:
    """A secret as it is written down: ``whsec_`` and base64, or plain text.

    Raises:
        ValueError: It is too short, or not what it says.
    """
    text = text.strip()
    if text.startswith(_PREFIX):
        try:
            secret = b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"what follows {_PREFIX} is not base64") from None
    else:
        secret = text.encode()
    if len(secret) < LEAST_SECRET:
        raise ValueError(
            f"{len(secret)} bytes; give at least {LEAST_SECRET}, such as `openssl rand -base64 32`"
        )
    return secret


def secrets_of(text: str) -> tuple[bytes, ...]:
    """The secrets in a file, one a line: ``whsec_`` and base64, or plain text.

    Raises:
        ValueError: One is too short or not what it says, there is none, or too many.
    """
    found = tuple(secret_of(line) for line in map(str.strip, text.splitlines()) if line)
    if not 1 <= len(found) <= MAX_SECRETS:
        raise ValueError(f"{len(found)} secrets; give 1 to {MAX_SECRETS}, one a line")
    return found


def verify(
    secrets: Sequence[bytes],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance_s: float,
) -> str:
    """The id of a message that is what its sender sent.

    Args:
        secrets: Any of them may have signed.
        headers: By lower-case name.
        body: As it came.
        now: The present instant.
        tolerance_s: How far the sender's time may be from it, seconds.

    Raises:
        SignatureError: It is not signed, by nobody we know, or at another time.
    """
    name = headers.get("webhook-id", "")
    if not _ID.fullmatch(name):
        raise SignatureError("webhook-id: missing, or not 1 to 128 letters, digits and _ . : -")
    told = headers.get("webhook-timestamp", "")
    if not (told.isascii() and told.isdigit() and len(told) <= 12):
        raise SignatureError("webhook-timestamp: missing, or not whole seconds since 1970")
    off_s = abs(now.timestamp() - int(told))
    if off_s > tolerance_s:
        raise SignatureError(
            f"webhook-timestamp: {off_s:.0f} s from the time here, more than {tolerance_s:g}; "
            "sign each attempt anew, and check the clock"
        )
    given = headers.get("webhook-signature", "").split(" ")[:MAX_SIGNATURES]
    expected = [sign(secret, name, int(told), body).encode() for secret in secrets]
    # Every pair is compared, whichever fits: the time taken tells nothing.
    fits = [compare_digest(one.encode(), other) for one in given for other in expected]
    if not any(fits):
        raise SignatureError("webhook-signature: missing, or made with another secret or body")
    return name


def sign(secret: bytes, name: str, second: int, body: bytes) -> str:
    """The signature of a message: ``v1,`` and the HMAC-SHA256 of id, time and body."""
    made = digest(secret, f"{name}.{second}.".encode() + body, sha256)
    return f"v1,{b64encode(made).decode()}"
