from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.topics import (
    EVENT_TOPICS,
    KAFKA_TOPICS,
    RECEIPT_TAIL,
    SUBSCRIPTIONS,
    TAIL_OF,
    TAILS,
    DevicePath,
    TopicError,
    device_path,
    kafka_topic,
    parse_key,
    parse_topic,
)
from tests.strategies import paths


@given(paths(), st.sampled_from([*TAILS, RECEIPT_TAIL]))
def test_a_topic_taken_apart_gives_what_it_was_built_of(path: DevicePath, tail: str) -> None:
    assert parse_topic(path.topic(tail)) == (path, tail)


@given(paths())
def test_a_key_taken_apart_gives_its_path(path: DevicePath) -> None:
    assert parse_key(path.key) == path
    assert path.source == "/" + path.key


@given(st.text())
def test_any_text_is_a_topic_of_ours_or_a_clear_refusal(text: str) -> None:
    try:
        path, tail = parse_topic(text)
    except TopicError as error:
        assert len(str(error)) < 1500
    else:
        assert path.topic(tail) == text


@pytest.mark.parametrize(
    ("segment", "why"),
    [
        ("", "1 to 63"),
        ("Vithanh", "a-z"),
        ("vị-thanh", "a-z"),
        ("-cam", "both ends"),
        ("cam_", "both ends"),
        ("a" * 64, "1 to 63"),
        ("a/b", "a-z"),
        ("a+", "a-z"),
        ("a\n", "a-z"),
        ("..", "a-z"),
    ],
)
def test_a_bad_segment_is_refused_by_name(segment: str, why: str) -> None:
    for name in ("city", "site", "device"):
        parts = {"city": "c", "site": "s", "device": "d"} | {name: segment}
        with pytest.raises(TopicError, match=f"^{name} ") as caught:
            device_path(**parts)
        assert why in str(caught.value)


@pytest.mark.parametrize(
    ("topic", "why"),
    [
        ("", "expected ioc/v1/city/site/device"),
        ("ioc/v2/c/s/d/status", "expected ioc/v1/"),
        ("ioc/v1/c/s/d", "expected ioc/v1/"),
        ("/ioc/v1/c/s/d/status", "expected ioc/v1/"),
        ("ioc/v1/c/s/d/metric/wind", "unknown tail 'metric/wind'; known are event/violation"),
        ("ioc/v1/c/s/d/status/", "unknown tail"),
        ("ioc/v1/c//d/status", "site ''"),
    ],
)
def test_a_bad_topic_is_refused_with_what_was_expected(topic: str, why: str) -> None:
    with pytest.raises(TopicError) as caught:
        parse_topic(topic)
    assert why in str(caught.value)


@pytest.mark.parametrize("key", ["", "a", "a/b", "a/b/c/d", "/a/b/c", "a//c"])
def test_a_bad_key_is_refused(key: str) -> None:
    with pytest.raises(TopicError):
        parse_key(key)


def test_every_type_has_one_tail_one_subscription_and_one_kafka_topic() -> None:
    assert {TAILS[tail]: tail for tail in TAILS} == TAIL_OF
    assert [filter_.split("/", 5)[5] for filter_ in SUBSCRIPTIONS] == list(TAILS)
    assert [kafka_topic(kind) for kind in TAILS.values()] == list(EVENT_TOPICS)
    assert len(set(KAFKA_TOPICS)) == len(KAFKA_TOPICS)


def test_subscriptions_do_not_match_what_goes_down() -> None:
    assert not any(RECEIPT_TAIL in filter_ or "#" in filter_ for filter_ in SUBSCRIPTIONS)
