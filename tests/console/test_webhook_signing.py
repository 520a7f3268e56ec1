"""How a delivery is signed, and when it is tried again."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from hmac import digest
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.webhooks import LONGEST_PAUSE, MOST_ATTEMPTS, headers_of, pause_after
from ioc.webhook_signing import secret_of, sign
from tests.console.programs import NOON

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_signature_is_that_of_the_standard() -> None:
    body = b'{"test": 2432232314}'
    made = sign(secret_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_headers_carry_what_was_signed() -> None:
    made = headers_of(b"s" * 24, UUID(int=5), NOON, "{}")
    signed = f"{made['webhook-id']}.{made['webhook-timestamp']}.{{}}".encode()
    assert made["webhook-timestamp"] == str(int(NOON.timestamp()))
    assert (
        made["webhook-signature"] == f"v1,{b64encode(digest(b's' * 24, signed, sha256)).decode()}"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [("short", "5 bytes"), ("whsec_%%%", "not base64"), ("whsec_AAAA", "3 bytes"), ("", "0 bytes")],
)
def test_a_secret_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        secret_of(text)


def test_a_plain_secret_is_its_bytes() -> None:
    assert secret_of("một bí mật đủ dài để dùng\n") == "một bí mật đủ dài để dùng".encode()


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_day_and_end(attempts: int, chance: float) -> None:
    pause = pause_after(attempts, chance)
    if attempts >= MOST_ATTEMPTS:
        assert pause is None
        return
    assert pause is not None
    assert timedelta(seconds=8) <= pause <= LONGEST_PAUSE
    following = pause_after(attempts + 1, chance)
    assert following is None or following >= pause


@pytest.mark.parametrize("chance", [0.0, 0.999])
def test_it_is_given_up_after_a_week(chance: float) -> None:
    pauses = [pause_after(n, chance) for n in range(1, MOST_ATTEMPTS)]
    whole = sum((pause for pause in pauses if pause is not None), timedelta())
    assert timedelta(days=6) < whole < timedelta(days=8)
