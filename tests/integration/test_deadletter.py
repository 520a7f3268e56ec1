"""``ioc deadletter`` on real servers: list, show, and send again what is right now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from ioc import deadletter, kafka
from ioc.cli import main
from ioc.clock import utc_now
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason
from ioc.ids import uuid7
from ioc.local import LocalStack
from ioc.local_process import LOOPBACK, free_port
from ioc.topics import device_path
from measure.services import settings_of
from simulator.devices.poison import good_document
from store.migrate import migrate
from store.rows import dead_letter_row
from store.tables import DEAD_LETTER
from tests.integration.conftest import Ioc

PATH = device_path("vithanh", "tran-hung-dao", "sensor-1")
NOW = utc_now()
BOOT = uuid7(NOW)


def letter(
    raw: bytes, reason: Reason, age: timedelta = timedelta(), sequence: int | None = None
) -> DeadLetter:
    return deadletter.set_aside(
        raw,
        ContractError(reason, "$.data.unit", "expected another"),
        stage="ingest",
        topic=PATH.topic("metric/reading"),
        device=PATH.key,
        received=NOW - age,
        properties={} if sequence is None else {"bootid": str(BOOT), "sequence": str(sequence)},
    )


def good(sequence: int, age: timedelta) -> bytes:
    document = good_document(
        "metric/reading", path=PATH, bootid=BOOT, sequence=sequence, now=NOW - age
    )
    return json.dumps(document).encode()


@dataclass
class Stack:
    """Embedded servers with four dead letters: three wrong ones and one that is right now."""

    local: LocalStack
    env: dict[str, str]
    wrong: DeadLetter
    binary: DeadLetter
    right: DeadLetter
    nameless: DeadLetter

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.env["IOC_DATABASE__URL"]) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def stack(local_stack: LocalStack) -> Iterator[Stack]:
    with psycopg.connect(local_stack.database.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE deadletters")
    env = local_stack.settings_env()
    env["IOC_DATABASE__URL"] = local_stack.database.url("deadletters")
    settings = settings_of(env)
    migrate(settings.database)
    kafka.create_topics(kafka.await_broker(settings.kafka.bootstrap, 20), settings.kafka)
    old = timedelta(days=60)
    made = Stack(
        local_stack,
        env,
        wrong=letter(good(1, old).replace(b'"m"', b'"mm"'), Reason.UNIT, timedelta(hours=5), 1),
        binary=letter(b"\xff\x00\x1b[31mred\n\xfe", Reason.BAD_UTF8),
        right=letter(good(3, old), Reason.SCHEMA, old, 3),
        nameless=letter(b"31.5", Reason.SCHEMA, old + timedelta(days=1)),
    )
    with psycopg.connect(env["IOC_DATABASE__URL"]) as connection:
        for one in (made.wrong, made.binary, made.right, made.nameless):
            columns, values = ", ".join(DEAD_LETTER.columns), list(dead_letter_row(one))
            values[DEAD_LETTER.columns.index("properties")] = json.dumps(dict(one.properties))
            marks = ", ".join(["%s"] * len(values))
            connection.execute(f"INSERT INTO dead_letter ({columns}) VALUES ({marks})", values)
    yield made
    with psycopg.connect(local_stack.database.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE deadletters WITH (FORCE)")


def listed(ioc: Ioc, stack: Stack, *options: str) -> list[UUID]:
    done = ioc("deadletter", "list", "--json", *options, env=stack.env)
    assert done.returncode == 0, done.stderr.decode()
    return [UUID(line["id"]) for line in json.loads(done.stdout)["dead_letters"]]


def test_the_list_is_newest_first_and_can_be_narrowed(ioc: Ioc, stack: Stack) -> None:
    wrong, binary, right = stack.wrong.id, stack.binary.id, stack.right.id
    assert listed(ioc, stack) == [binary, wrong, right, stack.nameless.id]
    assert listed(ioc, stack, "--reason", "unit", "--device", PATH.key) == [wrong]
    assert listed(ioc, stack, "--since", "2d", "--limit", "2") == [binary, wrong]
    assert listed(ioc, stack, "--device", "vithanh/tran-hung-dao/cam-9") == []
    done = ioc("deadletter", "list", env=stack.env)
    text = done.stdout.decode()
    assert str(wrong)[:18] in text
    assert f"{PATH.key}  $.data.unit: expected another" in text
    assert "4 shown" in done.stderr.decode()


def test_the_raw_bytes_come_out_as_they_came(ioc: Ioc, stack: Stack) -> None:
    done = ioc("deadletter", "show", "--raw", str(stack.binary.id), env=stack.env)
    assert (done.returncode, done.stdout) == (0, stack.binary.raw)


def test_a_letter_on_a_screen_cannot_command_it(ioc: Ioc, stack: Stack) -> None:
    done = ioc("deadletter", "show", str(stack.binary.id)[:20], env=stack.env)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    text = done.stdout.decode()
    assert "\\xff" in text and "\\x1b[31mred" in text
    assert "bad_utf8" in text


def test_a_letter_as_json(ioc: Ioc, stack: Stack) -> None:
    done = ioc("deadletter", "show", "--json", str(stack.wrong.id), env=stack.env)
    found = json.loads(done.stdout)["dead_letter"]
    assert msgspec.convert(found["letter"], DeadLetter, strict=False) == stack.wrong
    assert found["replays"] == 0


def test_a_dry_run_judges_and_changes_nothing(ioc: Ioc, stack: Stack) -> None:
    ids = [str(stack.right.id), str(stack.wrong.id)]
    done = ioc("deadletter", "replay", "--dry-run", "--json", *ids, env=stack.env)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert [outcome["passed"] for outcome in found["outcomes"]] == [True, False]
    assert "still unit" in found["outcomes"][1]["error"]
    assert stack.rows("SELECT count(*) FROM dead_letter WHERE replays > 0") == [(0,)]


def test_one_that_is_still_wrong_ends_with_1_and_stays(ioc: Ioc, stack: Stack) -> None:
    done = ioc("deadletter", "replay", "--reason", "unit", env=stack.env)
    assert done.returncode == 1
    text = done.stdout.decode()
    assert "still unit: $.data.unit: water_level is measured in 'm', got 'mm'" in text
    assert text.endswith("0 of 1 sent again\n")
    assert stack.rows("SELECT count(*) FROM dead_letter WHERE replays > 0") == [(0,)]


def test_one_that_is_right_now_is_in_kafka_and_marked(ioc: Ioc, stack: Stack) -> None:
    done = ioc("deadletter", "replay", str(stack.right.id), env=stack.env, timeout_s=90)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert done.stdout.decode().endswith("1 of 1 sent again\n")
    consumer = Consumer(
        {"bootstrap.servers": stack.env["IOC_KAFKA__BOOTSTRAP"], "group.id": "not-used"}
    )
    consumer.assign([TopicPartition("ioc.reading.v1", n, 0) for n in range(4)])
    message = consumer.poll(15)
    consumer.close()
    assert message is not None and message.error() is None
    assert (message.key(), message.value()) == (PATH.key.encode(), stack.right.raw)
    marked = stack.rows("SELECT id, replays FROM dead_letter WHERE replayed_at IS NOT NULL")
    assert marked == [(stack.right.id, 1)]
    assert listed(ioc, stack, "--replayed") == [stack.right.id]
    assert stack.right.id not in listed(ioc, stack, "--not-replayed")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "ffff"], 1, "no dead letter has an id that begins with 'ffff'"),
        (["show", "not-an-id"], 1, "is not an id"),
        (["show", "01"], 1, "more than one dead letter begins with '01'"),
        (["replay"], 2, "give ids, or --reason"),
        (["list", "--reason", "bad"], 2, "--reason 'bad': known are oversize, bad_utf8"),
        (["list", "--since", "soon"], 2, "--since 'soon': give 15m, 6h, 2d or a time"),
    ],
)
def test_wrong_use_is_one_line(
    stack: Stack,
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["ioc", "deadletter", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    found = capsys.readouterr()
    assert (caught.value.code, found.out) == (code, "")
    assert found.err.startswith("ioc: ") and said in found.err
    assert found.err.count("\n") == 1


def test_a_database_that_is_away_is_one_line(ioc: Ioc) -> None:
    env = {"IOC_DATABASE__URL": f"postgresql://ioc@{LOOPBACK}:{free_port()}/ioc"}
    done = ioc("deadletter", "list", env=env)
    text = done.stderr.decode()
    assert done.returncode == 1
    assert text.startswith("ioc: database: ") and "refused" in text
    assert text.count("\n") == 1
