"""Passwords: how good one must be, and how it is kept."""

from __future__ import annotations

from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST: Final = 12
MOST: Final = 200
"""Longer ones only make the server hash for longer."""

_COMMON: Final = ("password", "matkhau", "123456", "qwerty", "iloveyou", "haugiang", "admin")

_hasher: Final = PasswordHasher()
"""argon2id with the library's defaults: RFC 9106's second choice, 64 MiB, 3 passes, 4 lanes."""


def weakness(password: str, login: str) -> str | None:
    """Key of the text that says why a password is too weak; None for a good one.

    Length beats rules of composition (NIST SP 800-63B, 5.1.1.2); what is guessed first is refused.
    """
    if len(password) < LEAST:
        return "password_short"
    if len(password) > MOST:
        return "password_long"
    plain = password.lower()
    if login.lower() in plain or len(set(plain)) < 5:
        return "password_guessable"
    rest = plain
    for word in _COMMON:
        rest = rest.replace(word, "")
    return "password_guessable" if len(rest) < LEAST // 2 else None


def make_hash(password: str) -> str:
    """The argon2id hash to keep; about 60 ms of one core."""
    return _hasher.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was kept.

    As slow when there is none to compare with, so that time does not tell which log-ins exist.
    """
    try:
        return _hasher.verify(kept or _nobody(), password) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
