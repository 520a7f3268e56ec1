"""Signatures of events and manifests: rebuilt from the database, judged, judged anew."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from console.evidence_jobs import Rejudge
from console.judging import judge_new
from console.signatures import FAULTS, manifest_fault, signature_fault
from console.texts import texts
from ioc.events import ViolationData
from ioc.identity import DeviceKey
from ioc.manifest import sign_violation
from ioc.settings import DatabaseSettings
from ioc.topics import DevicePath
from store import device_keys, evidence
from store.device_keys import EnrolledKey
from store.evidence import SignedViolation
from tests import strategies
from tests.console.custody import running
from tests.console.senders import (
    OTHER,
    PATH,
    enrol,
    enter_violation,
    event_of,
    execute,
    make_case,
    make_set,
    rows,
    send,
)
from tests.servers.postgres import Postgres
from tests.vision.evidence.sets import key_of

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ACT = NOW - timedelta(days=1)


def known(key: DeviceKey, revoked: datetime | None = None, path: DevicePath = PATH) -> EnrolledKey:
    city, site, device = path
    return EnrolledKey(
        public=key.public, key=key.id, city=city, site=site, device=device, enrolled=NOW,
        revoked=revoked, note="",
    )  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeviceKey, DeviceKey]:
    folder = tmp_path_factory.mktemp("keys")
    return DeviceKey.load_or_create(folder / "a.pem"), DeviceKey.load_or_create(folder / "b.pem")


@pytest.fixture(scope="module")
def lasting(postgres: Postgres, template: str) -> DatabaseSettings:
    """A database for many examples."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE signatures TEMPLATE {template}".encode())
    return DatabaseSettings(url=postgres.url("signatures"))


def loaded(database: DatabaseSettings, violations: list[UUID]) -> dict[UUID, SignedViolation]:
    async def work() -> dict[UUID, SignedViolation]:
        async with await AsyncConnection.connect(database.url) as connection:
            return await evidence.violations_data(connection, violations)

    return asyncio.run(work())


@settings(max_examples=10, deadline=None)
@given(events=st.lists(strategies.violation_data(), min_size=1, max_size=20))
def test_a_stored_event_is_what_its_device_signed(
    events: list[ViolationData], lasting: DatabaseSettings, keys: tuple[DeviceKey, DeviceKey]
) -> None:
    signed = [sign_violation(data, keys[0]) for data in events]
    ids = [enter_violation(lasting, data) for data in signed]
    there = loaded(lasting, ids)
    for violation, data in zip(ids, signed, strict=True):
        assert there[violation] == (PATH, data)
        assert signature_fault(there[violation].data, [known(keys[0])]) is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("rule", "speeding"),
        ("plate_text", "95B1-999.99"),
        ("speed_kmh", 81.5),
        ("limit_kmh", 40.0),
        ("act_time", "2026-11-22T01:02:03.457Z"),
        ("confidence", 0.76),
        ("evidence", "[]"),
        ("reasons", '["khác"]'),
        ("signature", "00" * 64),
        ("rule", "no_rule_of_ours"),
        ("evidence", '[{"role": "clip"}]'),
    ],
)
def test_an_event_that_somebody_changed_in_the_database_is_found(
    column: str, value: object, lasting: DatabaseSettings, tmp_path: Path
) -> None:
    key = key_of(tmp_path / "keys")
    data = event_of(make_set(tmp_path / "node", tmp_path / "keys"), key)
    violation = enter_violation(lasting, data)
    assert signature_fault(loaded(lasting, [violation])[violation].data, [known(key)]) is None
    execute(lasting, f"UPDATE violation SET {column} = %s WHERE id = %s", value, violation)
    fault = signature_fault(loaded(lasting, [violation])[violation].data, [known(key)])
    assert fault == "changed"


def test_whose_key_it_was_and_when(keys: tuple[DeviceKey, DeviceKey]) -> None:
    one = keys[0]
    assert manifest_fault(PATH, ACT, known(one)) is None
    assert manifest_fault(PATH, ACT, None) == "unknown_key"
    assert manifest_fault(PATH, ACT, known(one, path=OTHER)) == "other_device"
    assert manifest_fault(PATH, ACT, known(one, revoked=ACT)) == "revoked"
    assert manifest_fault(PATH, ACT, known(one, revoked=ACT + timedelta(seconds=1))) is None


def test_an_event_may_be_signed_with_any_good_key_of_its_device(
    keys: tuple[DeviceKey, DeviceKey], tmp_path: Path
) -> None:
    one, two = keys
    unsigned = event_of(make_set(tmp_path / "node", tmp_path / "keys"), None)
    data = sign_violation(unsigned, one)
    act = data.act_time
    assert signature_fault(data, [known(two), known(one)]) is None
    assert signature_fault(unsigned, [known(one)]) == "unsigned"
    assert signature_fault(data, []) == "unknown_key"
    assert signature_fault(data, [known(two)]) == "changed"
    assert signature_fault(data, [known(two), known(one, revoked=act)]) == "revoked"
    assert signature_fault(data, [known(one, revoked=act + timedelta(seconds=1))]) is None
    assert signature_fault(None, [known(one)]) == "changed"


def test_every_fault_has_its_words() -> None:
    others = ("no_manifest", "not_received", "unreadable", "differs")
    assert {f"fault_{name}" for name in (*FAULTS, *others)} <= texts().keys()


async def test_a_key_that_is_enrolled_late_makes_what_came_before_trusted(
    database: DatabaseSettings, tmp_path: Path
) -> None:
    found = make_set(tmp_path / "node", tmp_path / "keys")
    key = key_of(tmp_path / "keys")
    violation = enter_violation(database, event_of(found, key))
    make_case(database, violation)
    async with running(database, tmp_path / "console") as console:
        await send(console.app, database, tmp_path / "node", found)
        async with console.context.pool.connection() as connection, connection.transaction():
            await judge_new(connection, [violation])
        assert await Rejudge().work(console.context) == 0
        assert faults(database) == ("unknown_key", "unknown_key")

        enrol(database, key)
        rejudge = Rejudge()  # of a console that was started again meanwhile
        assert await rejudge.work(console.context) == 2
        assert faults(database) == (None, None)
        assert await rejudge.work(console.context) == 0

        act = event_of(found, key).act_time
        async with console.context.pool.connection() as connection:
            await device_keys.revoke_key(connection, key.id, act + timedelta(days=1))
        assert await rejudge.work(console.context) == 0, "the act was before"
        execute(database, "UPDATE device_key SET revoked = %s", act)
        assert await rejudge.work(console.context) == 2
        assert faults(database) == ("revoked", "revoked")

        execute(database, "DELETE FROM device_key")
        assert await rejudge.work(console.context) >= 1
        assert faults(database)[0] == "unknown_key"

        lines = await console.audited("evidence.judged")
    told = [
        (subject.partition(":")[0], detail["before"], detail["fault"])
        for _, subject, detail in lines
    ]
    assert told[:4] == [
        ("evidence", "unknown_key", None), ("violation", "unknown_key", None),
        ("evidence", None, "revoked"), ("violation", None, "revoked"),
    ]  # fmt: skip


def faults(database: DatabaseSettings) -> tuple[object, object]:
    """Of the manifest and of the event."""
    (of_set,), (of_event,) = (
        rows(database, "SELECT fault FROM evidence_set")[0],
        rows(database, "SELECT signature_fault FROM case_violation")[0],
    )
    return of_set, of_event
