"""Dead letters are judged again by today's validator, on the day on which they came."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ingest.adapters import Adapters
from ingest.replay import judge, replay_letters
from ingest.validate import TimeWindow
from ioc import deadletter
from ioc.deadletter import DeadLetter
from ioc.decode import ContractError, Reason, decode
from ioc.events import ReadingEvent
from ioc.local_process import LOOPBACK, free_port
from ioc.settings import IngestSettings, KafkaSettings, Settings
from ioc.topics import DEADLETTER_TOPIC, device_path
from simulator.devices.poison import good_document
from tests.ingest.conftest import SMALL
from tests.servers.embedded import Tansu
from tests.servers.kafka_probe import create, drain
from tests.strategies import NOW

WINDOW = TimeWindow(timedelta(days=30), timedelta(minutes=5))
PATH = device_path("vithanh", "tran-hung-dao", "cam-1")
BOOT = UUID("0199a000-0000-7000-8000-000000000000")
TOPIC = PATH.topic("metric/reading")


def good(sequence: int = 5, at: datetime = NOW) -> bytes:
    return json.dumps(
        good_document("metric/reading", path=PATH, bootid=BOOT, sequence=sequence, now=at)
    ).encode()


def letter(
    raw: bytes, *, topic: str = TOPIC, stage: str = "ingest", at: datetime = NOW, **changes: Any
) -> DeadLetter:
    error = ContractError(Reason.SCHEMA, "$", "an older validator refused it")
    fields: dict[str, Any] = {"device": PATH.key, "received": at, "properties": {}} | changes
    return deadletter.set_aside(raw, error, stage=stage, topic=topic, **fields)


def test_a_letter_that_is_right_today_passes_with_its_bytes() -> None:
    [record], error = judge(letter(good()), WINDOW)
    assert error == ""
    assert (record.topic, record.key, record.value) == (
        "ioc.reading.v1",
        PATH.key.encode(),
        good(),
    )


def test_a_letter_that_is_still_wrong_says_what_is_wrong() -> None:
    raw = good().replace(b'"m"', b'"mm"')
    records, error = judge(letter(raw), WINDOW)
    assert records == []
    assert error.startswith("still unit: $.data.unit: water_level is measured in 'm'")


def test_the_wait_among_the_dead_letters_does_not_make_it_too_old() -> None:
    then = NOW - timedelta(days=400)
    assert judge(letter(good(at=then), at=then), WINDOW)[1] == ""
    assert judge(letter(good(at=then), at=NOW), WINDOW)[1].startswith("still time_window")


def test_a_letter_that_was_cut_is_not_sent() -> None:
    long = letter(b"x" * (deadletter.RAW_LIMIT + 1))
    assert judge(long, WINDOW) == ([], "only 262144 of its 262145 bytes were kept")


def test_what_the_sink_set_aside_goes_back_to_its_kafka_topic() -> None:
    stored = letter(good(), stage="streams", topic="ioc.reading.v1")
    [record], error = judge(stored, WINDOW)
    assert error == ""
    assert (record.topic, record.key, record.value) == (
        "ioc.reading.v1",
        PATH.key.encode(),
        good(),
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"topic": DEADLETTER_TOPIC}, "which carries no events"),
        ({"topic": "ioc.reading.v1", "raw": b"not json"}, "still bad_json"),
        ({"topic": "ioc.reading.v1", "device": ""}, "expected city/site/device"),
        ({"topic": "ioc.reading.v1", "device": "vithanh/tran-hung-dao/cam-2"}, "still identity"),
    ],
)
def test_what_the_sink_would_set_aside_again_is_not_sent(
    changes: dict[str, Any], said: str
) -> None:
    raw = changes.pop("raw", good())
    records, error = judge(letter(raw, stage="streams", **changes), WINDOW)
    assert records == []
    assert said in error


@pytest.fixture
def small(tmp_path: Path) -> Adapters:
    path = tmp_path / "adapters.toml"
    path.write_text(SMALL)
    return Adapters.load(path)


def foreign(value: Any) -> DeadLetter:
    raw = json.dumps({"t": int(NOW.timestamp()), "n": 1, "v": value}).encode()
    return letter(raw, topic="s/d-1/up", device="")


def test_a_foreign_message_is_translated_again(small: Adapters) -> None:
    [record], error = judge(foreign(1.5), WINDOW, small)
    assert error == ""
    event = decode(record.value)
    assert isinstance(event, ReadingEvent)
    assert (event.source, event.adapter, event.data.value) == (
        "/vithanh/kenh-xa-no/d-1",
        "small",
        1.5,
    )
    assert record.key == b"vithanh/kenh-xa-no/d-1"


def test_a_foreign_message_that_still_does_not_fit_says_why(small: Adapters) -> None:
    records, error = judge(foreign("deep"), WINDOW, small)
    assert records == []
    assert error.startswith("still adapter: level.")


def test_without_the_adapters_a_foreign_message_is_a_bad_topic() -> None:
    assert judge(foreign(1.5), WINDOW)[1].startswith("still bad_topic")


@dataclass
class Cluster:
    server: Tansu
    settings: Settings


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = Tansu(tmp_path_factory.mktemp("tansu"))
    server.start()
    create(server.bootstrap, "ioc.reading.v1", 1)
    yield Cluster(server, Settings(kafka=KafkaSettings(bootstrap=server.bootstrap)))
    server.stop()


def test_those_that_pass_are_in_kafka_when_it_returns(cluster: Cluster, small: Adapters) -> None:
    letters = [letter(good()), letter(b"{"), foreign(2.5)]
    outcomes = replay_letters(cluster.settings, letters, send=True, translator=small)
    assert [(o.id, o.passed) for o in outcomes] == [
        (letters[0].id, True),
        (letters[1].id, False),
        (letters[2].id, True),
    ]
    values = [r.value for r in drain(cluster.server.bootstrap, "ioc.reading.v1", "once", 2)]
    assert good() in values
    assert len(values) == 2


def test_only_judging_needs_no_kafka() -> None:
    settings = Settings(
        kafka=KafkaSettings(bootstrap=f"{LOOPBACK}:{free_port()}"), ingest=IngestSettings()
    )
    [outcome] = replay_letters(settings, [letter(good())], send=False)
    assert (outcome.passed, outcome.error) == (True, "")


def test_what_kafka_does_not_confirm_is_not_said_to_have_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.replay.SEND_TIMEOUT_S", 0.5)
    settings = Settings(kafka=KafkaSettings(bootstrap=f"{LOOPBACK}:{free_port()}"))
    [outcome] = replay_letters(settings, [letter(good())], send=True)
    assert not outcome.passed
    assert outcome.error
