"""The second factor: codes of an authenticator app (TOTP, RFC 6238)."""

from __future__ import annotations

import io
from datetime import datetime
from hmac import compare_digest
from typing import Final

import pyotp
import segno

ISSUER: Final = "IOC Hậu Giang"
STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""Codes of the step before and after are taken too: telephones are off by some seconds."""


def new_secret() -> str:
    """A fresh secret, base 32."""
    return pyotp.random_base32()


def uri(secret: str, login: str) -> str:
    """What an authenticator app reads from the picture."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=login, issuer_name=ISSUER)


def picture(secret: str, login: str) -> str:
    """The QR code of it as an SVG element."""
    out = io.BytesIO()
    segno.make(uri(secret, login), error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, light="#ffffff"
    )
    return out.getvalue().decode()


def step_of(secret: str, code: str, at: datetime, newest: int) -> int | None:
    """The time step that a code belongs to, if it is a right one that was not used before.

    Args:
        secret: Base 32.
        code: As typed; spaces do not matter.
        at: Now.
        newest: Newest step that was used: a code that was looked at over a shoulder is no good.
    """
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit() and len(typed) == 6):
        return None
    otp = pyotp.TOTP(secret, interval=STEP_S)
    now = int(at.timestamp()) // STEP_S
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if step > newest and compare_digest(otp.generate_otp(step), typed):
            return step
    return None
