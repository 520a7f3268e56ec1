"""Webhooks: whoever is to be told is told of each decided case, signed, once and again."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import digest
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from typer.testing import CliRunner

from console import tell
from console.tell import Teller
from console.webhooks import MOST_ATTEMPTS
from ioc.cli import app
from ioc.console_settings import WebhookSettings
from ioc.settings import DatabaseSettings, load_settings
from store import webhooks
from tests.console.custody import (
    Console,
    Hands,
    running,
)
from tests.console.programs import NOON, enter_sites, make_case
from tests.console.receiver import Receiver

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    receiver = Receiver()
    server = receiver.serve()
    yield receiver, f"http://127.0.0.1:{server.server_port}/hook?key=privat"
    server.shutdown()
    server.server_close()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    return path


def hook(name: str, url: str, secret: Path, *states: Any) -> WebhookSettings:
    return WebhookSettings(name=name, url=url, secret_file=secret, states=states or ("confirmed",))


@pytest.fixture
async def console(
    database: DatabaseSettings, tmp_path: Path, receiver: tuple[Receiver, str], secret_file: Path
) -> AsyncIterator[Console]:
    """A console that tells one receiver of confirmed cases, since five days before noon."""
    enter_sites(database)
    hooks = (hook("trung-tam", receiver[1], secret_file),)
    async with running(database, tmp_path, clock=Hands(NOON), webhooks=hooks) as console:
        begin(database, "trung-tam")
        yield console


def begin(database: DatabaseSettings, *targets: str) -> None:
    """Let targets be there since five days before noon: the audit's line is dated then."""
    with psycopg.connect(database.url) as connection:
        for target in targets:
            connection.execute(
                "SELECT audit_append('system:webhooks', 'webhook.added', %s, '{}')",
                (f"webhook:{target}",),
            )
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit SET at = %s", (NOON - timedelta(days=5),))


def rows(database: DatabaseSettings) -> list[dict[str, Any]]:
    with psycopg.connect(database.url, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(
            "SELECT d.*, c.number FROM webhook_delivery d JOIN review_case c ON c.id = d.case_id "
            "ORDER BY c.number, d.target"
        ).fetchall()


def due_now(database: DatabaseSettings, at: datetime = NOON) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "UPDATE webhook_delivery SET next_try = %s WHERE delivered IS NULL", (at,)
        )


# --- deliveries ----------------------------------------------------------------------------------


async def test_a_confirmed_case_is_told_once_signed_and_without_its_plate(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    made = make_case(database)
    make_case(database, state="rejected")
    make_case(database, state="second")
    teller = Teller()
    for _ in range(3):
        await teller.work(console.context)
    ((path, headers, body),) = receiver[0].came
    assert path == "/hook?key=privat"
    told = json.loads(body)
    assert told["type"] == "case.confirmed"
    assert told["data"]["number"] == made.number
    assert told["data"]["url"] == f"http://console.test/api/v1/cases/{made.number}"
    assert b"234.56" not in body
    key = b64decode(SECRET.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = b64encode(digest(key, signed, sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert await console.audited("case.announced") == [
        (
            "system:webhooks",
            f"case:{made.number}",
            {"target": "trung-tam", "event": "case.confirmed"},
        )
    ]


async def test_states_are_as_asked_for(
    database: DatabaseSettings, tmp_path: Path, receiver: tuple[Receiver, str], secret_file: Path
) -> None:
    hooks = (
        hook("both", receiver[1], secret_file, "confirmed", "rejected"),
        hook("no", receiver[1] + "&second", secret_file, "rejected"),
    )
    async with running(database, tmp_path, clock=Hands(NOON), webhooks=hooks) as console:
        begin(database, "both", "no")
        yes, no = make_case(database), make_case(database, state="rejected")
        await Teller().work(console.context)
    kinds = {(row["target"], row["event"], row["number"]) for row in rows(database)}
    assert kinds == {
        ("both", "case.confirmed", yes.number),
        ("both", "case.rejected", no.number),
        ("no", "case.rejected", no.number),
    }
    rejected = [json.loads(body) for _, _, body in receiver[0].came if b"rejected" in body]
    assert all(one["data"]["url"].endswith("?state=rejected") for one in rejected)


async def test_a_new_target_hears_of_nothing_that_was_before_it(
    database: DatabaseSettings, tmp_path: Path, receiver: tuple[Receiver, str], secret_file: Path
) -> None:
    now = datetime.now(tz=NOON.tzinfo)
    hooks = (hook("new", receiver[1], secret_file),)
    clock = Hands(now)
    async with running(database, tmp_path, clock=clock, webhooks=hooks) as console:
        old = make_case(database, decided=now - timedelta(hours=1))
        teller = Teller()
        await teller.work(console.context)
        fresh = make_case(database, decided=now + timedelta(seconds=1))
        clock.now = now + timedelta(seconds=5)
        await teller.work(console.context)
        assert len(await console.audited("webhook.added")) == 1
    assert receiver[0].cases() == [fresh.number]
    assert [row["number"] for row in rows(database)] == [fresh.number] != [old.number]


async def test_a_case_whose_commit_came_late_is_told_all_the_same(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    late = make_case(database, state="second")
    newer = make_case(database)
    teller = Teller()
    await teller.work(console.context)
    assert receiver[0].cases() == [newer.number]
    decide(database, late.id, NOON - timedelta(minutes=10))
    await teller.work(console.context)
    assert receiver[0].cases() == [newer.number, late.number]


async def test_a_console_that_was_away_for_days_tells_what_it_missed(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    made = [make_case(database, decided=NOON - timedelta(days=n)).number for n in (4, 3, 2)]
    before = make_case(database, decided=NOON - timedelta(days=6)).number
    await Teller().work(console.context)
    assert sorted(receiver[0].cases()) == sorted(made)
    assert before not in receiver[0].cases()


async def test_all_of_many_are_entered(
    console: Console, database: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "BATCH", 2)
    made = [make_case(database, decided=NOON).number for _ in range(5)]  # all of one instant
    assert await tell.enter(console.context, console.context.settings.webhooks[0], None) == 5
    assert [row["number"] for row in rows(database)] == sorted(made)


async def test_what_fails_is_tried_again_later_under_the_same_id(
    console: Console,
    database: DatabaseSettings,
    receiver: tuple[Receiver, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    receiver[0].status = 500
    make_case(database)
    teller = Teller()
    await teller.work(console.context)
    (row,) = rows(database)
    assert (row["attempts"], row["error"], row["delivered"]) == (1, "HTTP 500", None)
    assert timedelta(seconds=8) <= row["next_try"] - NOON <= timedelta(seconds=10)
    await teller.work(console.context)
    assert len(receiver[0].came) == 1  # not due yet
    receiver[0].status = 200
    console.clock.now = NOON + timedelta(seconds=11)
    await teller.work(console.context)
    (first, again) = (headers for _, headers, _ in receiver[0].came)
    assert first["webhook-id"] == again["webhook-id"]
    assert first["webhook-timestamp"] != again["webhook-timestamp"]
    (row,) = rows(database)
    assert (row["attempts"], row["error"]) == (2, None)
    assert row["delivered"] == console.clock.now
    assert "privat" not in caplog.text


async def test_redirects_are_not_followed(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    receiver[0].status, receiver[0].headers = 307, {"Location": "/elsewhere"}
    make_case(database)
    await Teller().work(console.context)
    assert [path for path, _, _ in receiver[0].came] == ["/hook?key=privat"]
    assert rows(database)[0]["error"] == "HTTP 307"


async def test_it_is_given_up_at_last_and_the_audit_says_so(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    receiver[0].status = 503
    made = make_case(database)
    teller = Teller()
    for attempt in range(MOST_ATTEMPTS + 3):
        due_now(database, console.clock.now)
        await teller.work(console.context)
        (row,) = rows(database)
        assert row["attempts"] == min(attempt + 1, MOST_ATTEMPTS)
    assert row["abandoned"] == NOON
    assert len(receiver[0].came) == MOST_ATTEMPTS
    ((actor, subject, detail),) = await console.audited("webhook.abandoned")
    assert (actor, subject) == ("system:webhooks", f"case:{made.number}")
    assert (detail["target"], detail["error"]) == ("trung-tam", "HTTP 503")


async def test_one_that_hangs_does_not_hold_up_the_others(
    database: DatabaseSettings,
    tmp_path: Path,
    receiver: tuple[Receiver, str],
    secret_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tell, "TIMEOUT_S", 0.5)
    stuck = Receiver(wait_s=30)
    server = stuck.serve()
    hooks = (
        hook("stuck", f"http://127.0.0.1:{server.server_port}/", secret_file),
        hook("gone", "http://127.0.0.1:9/", secret_file),
        hook("no-secret", receiver[1], tmp_path / "missing"),
        hook("fine", receiver[1], secret_file),
    )
    async with running(database, tmp_path, clock=Hands(NOON), webhooks=hooks) as console:
        begin(database, "stuck", "gone", "no-secret", "fine")
        made = [make_case(database).number for _ in range(5)]
        start = time.monotonic()
        await Teller().work(console.context)
        assert time.monotonic() - start < 5
    assert sorted(receiver[0].cases()) == sorted(made)
    by = {(row["target"], row["attempts"]): row["error"] for row in rows(database)}
    assert by["stuck", 1] == "no answer in time"
    assert by["gone", 1] == "ConnectError"
    assert {target for target, attempts in by if attempts == 0} == {"stuck", "gone", "no-secret"}
    assert len([row for row in rows(database) if row["attempts"] == 1]) == 2 + 5
    server.server_close()


async def test_two_consoles_never_send_one_delivery_at_once(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    receiver[0].wait_s = 0.1
    made = [make_case(database).number for _ in range(6)]
    await asyncio.gather(*(Teller().work(console.context) for _ in range(3)))
    assert sorted(receiver[0].cases()) == sorted(made)
    assert receiver[0].at_once > 1  # they did work side by side, on different deliveries


async def test_whoever_dies_leaves_its_delivery_to_others(
    console: Console, database: DatabaseSettings, receiver: tuple[Receiver, str]
) -> None:
    make_case(database)
    context = console.context
    await tell.enter(context, context.settings.webhooks[0], None)
    async with context.pool.connection() as connection:
        lost = await webhooks.claim(connection, "trung-tam", NOON, NOON + tell.LEASE)
    assert lost is not None
    await Teller().work(context)
    assert receiver[0].came == []
    console.clock.now = NOON + tell.LEASE
    await Teller().work(context)
    assert len(receiver[0].came) == 1
    async with context.pool.connection() as connection:  # the dead one comes back: too late
        again = await webhooks.settle(connection, lost, now=NOON, error="x", next_try=None)
    assert again is False


async def test_the_job_is_done_by_the_console() -> None:
    from console.upkeep import JOBS

    (job,) = (job for job in JOBS if job.name == "webhooks")
    assert job.every_s <= 10


# --- the command ---------------------------------------------------------------------------------


async def test_the_command_lists_and_tries_again(
    console: Console,
    database: DatabaseSettings,
    receiver: tuple[Receiver, str],
    secret_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    receiver[0].status = 503
    made = make_case(database)
    teller = Teller()
    for _ in range(MOST_ATTEMPTS):
        due_now(database)
        await teller.work(console.context)
    config = tmp_path / "ioc.toml"
    config.write_text(
        f'[[console.webhooks]]\nname = "trung-tam"\nurl = "{receiver[1]}"\n'
        f'secret_file = "{secret_file}"\n'
    )
    monkeypatch.setenv("IOC_CONFIG", str(config))
    monkeypatch.setenv("IOC_DATABASE__URL", database.url)
    load_settings.cache_clear()

    def ioc(*words: str) -> Any:
        return CliRunner().invoke(app, ["console", "webhooks", *words])

    listed = await asyncio.to_thread(ioc)
    assert listed.exit_code == 0, listed.output
    assert "trung-tam: 0 waiting, 0 delivered, 1 given up" in listed.output
    assert f"case {made.number}  15 attempts" in listed.output
    assert "HTTP 503" in listed.output
    assert "privat" not in listed.output
    wrong = await asyncio.to_thread(ioc, "--target", "nobody")
    assert "no such webhook; there are trung-tam" in str(wrong.exception or wrong.output)
    again = await asyncio.to_thread(ioc, "--retry", "--target", "trung-tam")
    assert "1 tried again" in again.output
    receiver[0].status = 204
    console.clock.now = datetime.now(tz=NOON.tzinfo) + timedelta(minutes=1)
    await Teller().work(console.context)
    (row,) = rows(database)
    assert (row["delivered"], row["attempts"]) == (console.clock.now, 1)
    assert (await console.audited("webhook.retried"))[0][2] == {"deliveries": 1}


def decide(database: DatabaseSettings, case: UUID, at: datetime) -> None:
    """A second person confirms, and the case is decided as of ``at``."""
    with psycopg.connect(database.url) as connection:
        connection.execute(
            "INSERT INTO review_decision (id, case_id, round, stage, person, verdict, decided) "
            "SELECT gen_random_uuid(), %s, 1, 'second', id, 'confirm', %s FROM person "
            "WHERE login = 'supervisor'",
            (case, at),
        )
        connection.execute(
            "UPDATE review_case SET state = 'confirmed', decided = %s WHERE id = %s", (at, case)
        )
