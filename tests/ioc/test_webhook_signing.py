"""A pushed message is believed when one of our secrets signed it, now and as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.webhook_signing import SignatureError, secrets_of, sign, verify

NOW = datetime(2025, 11, 21, tzinfo=UTC)
SECOND = int(NOW.timestamp())
OURS = b"s" * 24
OTHER = b"t" * 24
BODY = b'{"v": 97}'


def headers(**changes: str) -> dict[str, str]:
    good = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(SECOND),
        "webhook-signature": sign(OURS, "msg_1", SECOND, BODY),
    }
    return {**good, **{name.replace("_", "-"): value for name, value in changes.items()}}


def check(given: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> str:
    return verify((OTHER, OURS), given, body, now, 300)


def test_a_message_of_ours_is_known_by_its_id() -> None:
    assert check(headers()) == "msg_1"
    rotated = f"{sign(b'u' * 24, 'msg_1', SECOND, BODY)} {headers()['webhook-signature']}"
    assert check(headers(webhook_signature=rotated)) == "msg_1", "signed with old and new secret"


@pytest.mark.parametrize("off_s", [-301, 301, -86_400])
def test_an_old_copy_is_worth_nothing(off_s: int) -> None:
    assert check(headers(), now=NOW + timedelta(seconds=off_s // abs(off_s) * 300)) == "msg_1"
    with pytest.raises(SignatureError, match="sign each attempt anew"):
        check(headers(), now=NOW + timedelta(seconds=off_s))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"webhook_id": ""}, "webhook-id"),
        ({"webhook_id": "a b"}, "webhook-id"),
        ({"webhook_id": "a" * 129}, "webhook-id"),
        ({"webhook_id": "msg_2"}, "webhook-signature"),
        ({"webhook_timestamp": ""}, "webhook-timestamp"),
        ({"webhook_timestamp": "-5"}, "webhook-timestamp"),
        ({"webhook_timestamp": "1e9"}, "webhook-timestamp"),
        ({"webhook_timestamp": "٩" * 10}, "webhook-timestamp"),
        ({"webhook_timestamp": str(SECOND + 1)}, "webhook-signature"),
        ({"webhook_timestamp": f"0{SECOND}"}, None),
        ({"webhook_signature": ""}, "webhook-signature"),
        ({"webhook_signature": "v1,"}, "webhook-signature"),
        ({"webhook_signature": "v1a,ü"}, "webhook-signature"),
        ({"webhook_signature": sign(b"u" * 24, "msg_1", SECOND, BODY)}, "webhook-signature"),
        ({"webhook_signature": "x " * 9 + sign(OURS, "msg_1", SECOND, BODY)}, "webhook-signature"),
    ],
)
def test_what_was_changed_or_left_out_is_named(changes: dict[str, str], told: str | None) -> None:
    if told is None:
        assert check(headers(**changes)) == "msg_1"
        return
    with pytest.raises(SignatureError, match=told):
        check(headers(**changes))


@given(st.integers(0, len(BODY) * 8 - 1))
def test_one_flipped_bit_of_the_body_is_found(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        check(headers(), bytes(changed))


@given(st.dictionaries(st.sampled_from(list(headers())), st.text(max_size=50)))
def test_whatever_headers_come_nothing_but_a_refusal(changes: dict[str, str]) -> None:
    with pytest.raises(SignatureError):
        verify((OURS,), changes, BODY, NOW, 300)


def test_a_file_of_secrets_has_one_a_line() -> None:
    assert secrets_of("s" * 24 + "\n\n  " + "t" * 24 + "\n") == (OURS, OTHER)


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "0 secrets"), ("\n".join(["s" * 24] * 5), "5 secrets"), ("s" * 24 + "\nx", "1 bytes")],
)
def test_a_file_without_usable_secrets_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        secrets_of(text)
