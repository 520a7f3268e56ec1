"""Lag from offsets, the clock, certificates and disks as figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from streams.watched import Value
from streams.watched_host import certificate_days, clock_of_chrony, clock_of_kernel, disk
from streams.watched_lag import Offsets, Place, lag
from tests.streams.pages import of, one

# --- Kafka --------------------------------------------------------------------------------------


def test_lag_is_counted_from_what_is_confirmed_and_aged_by_the_oldest_that_waits() -> None:
    flow, other = Place("ioc.flow.v1", 0), Place("ioc.flow.v1", 1)
    idle = Place("ioc.status.v1", 0)
    found = {
        flow: Offsets(low=0, high=120, committed=100),
        other: Offsets(low=0, high=7, committed=None),
        idle: Offsets(low=40, high=50, committed=50),
    }
    values = list(lag(found, {flow: 1_000, other: 9_000}, now_ms=31_000))
    assert of(values, "stream_lag") == {"ioc.flow.v1": 27, "ioc.status.v1": 0, "": 27}
    assert of(values, "stream_lag_s") == {"ioc.flow.v1": 30, "ioc.status.v1": 0, "": 30}


def test_an_age_that_is_not_known_is_not_given() -> None:
    slow, idle = Place("a", 0), Place("b", 0)
    found = {slow: Offsets(0, 9, 3), idle: Offsets(0, 5, 5)}
    values = list(lag(found, {}, now_ms=1))
    assert of(values, "stream_lag") == {"a": 6, "b": 0, "": 6}
    assert of(values, "stream_lag_s") == {"b": 0}


@pytest.mark.parametrize(
    ("offsets", "count"),
    [
        (Offsets(low=90, high=100, committed=10), 10),  # retention took what nobody had read
        (Offsets(low=0, high=5, committed=70), 0),  # the topic was made anew
        (Offsets(low=3, high=9, committed=None), 6),
    ],
)
def test_only_records_that_are_there_are_behind(offsets: Offsets, count: int) -> None:
    assert offsets.lag == count


# --- the machine --------------------------------------------------------------------------------

TRACKING = (
    "A9FEA97B,169.254.169.123,4,1795386427.1,{offset},0.000001,0.00002,-3.2,0.0,0.03,"
    "0.0004,0.0002,16.2,{leap}"
)


@pytest.mark.parametrize("offset", ["0.25", "-0.25"])
def test_chrony_tells_how_far_the_clock_is_off(offset: str) -> None:
    values = clock_of_chrony(TRACKING.format(offset=offset, leap="Normal") + "\n")
    assert one(values, "clock_synchronised") == 1
    assert one(values, "clock_offset_s") == 0.25


def test_a_clock_that_nobody_holds_has_no_offset() -> None:
    values = clock_of_chrony(TRACKING.format(offset="0.0", leap="Not synchronised"))
    assert values == (Value("clock_synchronised", 0.0),)
    assert clock_of_kernel(5, 0x2001, 12) == (Value("clock_synchronised", 0.0),)
    assert clock_of_kernel(0, 0x0040, 12) == (Value("clock_synchronised", 0.0),)


@pytest.mark.parametrize("line", ["", "506 Cannot talk to daemon", "a," * 13 + "Normal", "nan"])
def test_what_chrony_does_not_tell_is_not_known(line: str) -> None:
    assert clock_of_chrony(line) == ()


def test_the_kernel_counts_in_two_units() -> None:
    assert one(clock_of_kernel(0, 0x2001, -3_000_000), "clock_offset_s") == 0.003
    assert one(clock_of_kernel(0, 0x0001, 3_000), "clock_offset_s") == 0.003
    assert clock_of_kernel(-1, 0, 0) == ()


def test_a_chain_ends_with_the_first_of_it() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    chain = [_certificate(now + timedelta(days=days)) for days in (90, 12.5)]
    assert certificate_days(chain, now) == pytest.approx(12.5)
    assert certificate_days(chain, now + timedelta(days=20)) == pytest.approx(-7.5)


def test_of_a_disk_that_counts_which_this_user_may_fill() -> None:
    values = list(disk("data", used=30, free=10))
    assert of(values, "disk_used_share") == {"data": 0.75}
    assert of(values, "disk_free_bytes") == {"data": 10}
    assert not of(list(disk("proc", 0, 0)), "disk_used_share")


def _certificate(ends: datetime) -> x509.Certificate:
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(ends - timedelta(days=365)).not_valid_after(ends)
    return builder.sign(key, None)
