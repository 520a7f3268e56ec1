from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from ingest.validate import TimeWindow, validate
from ioc.decode import Reason, decode
from ioc.ids import derived_uuid7
from ioc.topics import TAILS, TopicError, device_path, parse_topic
from simulator.devices.poison import FAULT_LABELS, PoisonCase, good_document, poison_cases

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
PATH = device_path("vithanh", "poison", "bad-1")
BOOT = derived_uuid7(NOW, "boot")
WINDOW = TimeWindow(past=timedelta(days=30), future=timedelta(minutes=5))


def cases(n: int, seed: int = 7) -> list[PoisonCase]:
    return poison_cases(n, seed, path=PATH, bootid=BOOT, now=NOW, first_sequence=1000)


@pytest.mark.parametrize("tail", TAILS)
def test_the_document_that_faults_are_put_into_is_valid(tail: str) -> None:
    document = good_document(tail, path=PATH, bootid=BOOT, sequence=3, now=NOW)
    raw = json.dumps(document).encode()
    assert validate(PATH.topic(tail), raw, NOW, WINDOW).reason is None


def test_every_fault_is_set_aside_for_its_reason() -> None:
    wrong = []
    for case in cases(4 * len(FAULT_LABELS)):
        found = validate(case.topic, case.payload, NOW, WINDOW).reason
        if Reason.DATABASE in case.reasons:
            assert found is None  # valid JSON and a valid event; only PostgreSQL refuses it
            decode(case.payload)
        elif found not in case.reasons:
            wrong.append((case.label, found, case.reasons))
    assert wrong == []


def test_all_reasons_that_input_can_have_are_covered() -> None:
    expected = frozenset[Reason]().union(*(case.reasons for case in cases(len(FAULT_LABELS))))
    assert expected == set(Reason) - {Reason.ADAPTER, Reason.INTERNAL}


def test_the_same_seed_gives_the_same_cases_and_another_seed_others() -> None:
    assert cases(250) == cases(250)
    assert cases(250) != cases(250, seed=8)


def test_there_are_over_two_hundred_faults_and_each_comes_once_before_any_comes_twice() -> None:
    assert len(set(FAULT_LABELS)) == len(FAULT_LABELS) >= 200
    labels = [
        case.label.split(": ", 1)[1].rpartition(" on ")[0] for case in cases(len(FAULT_LABELS))
    ]
    assert sorted(labels) == sorted(FAULT_LABELS)


def test_cases_count_on_from_the_first_sequence_without_a_gap() -> None:
    found = [int(case.properties["sequence"]) for case in cases(200)]
    assert found == list(range(1000, 1200))


def test_every_topic_reaches_a_subscription() -> None:
    """A filter ``ioc/v1/+/+/+/tail`` matches six or more levels that end in a known tail."""
    for case in cases(len(FAULT_LABELS)):
        prefix, _, rest = case.topic.partition("ioc/v1/")
        assert prefix == ""
        assert rest.split("/", 3)[3] in TAILS
        assert not set(case.topic) & set("+#\0") and len(case.topic.encode()) < 65_536


def test_bad_topics_are_bad() -> None:
    bad = [case for case in cases(len(FAULT_LABELS)) if Reason.BAD_TOPIC in case.reasons]
    assert len(bad) > 10
    for case in bad:
        with pytest.raises(TopicError):
            parse_topic(case.topic)
