from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.topic_filter import TopicFilter

LEVEL = st.sampled_from(["a", "b", ""])
TOPICS = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = (
    st.tuples(st.lists(LEVEL | st.just("+"), max_size=4), st.sampled_from([[], ["#"]]))
    .map(lambda parts: "/".join([*parts[0], *parts[1]]))
    .filter(bool)
)


@pytest.mark.parametrize(
    ("text", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/", True),
        ("a/+", "a", False),
        ("+/b", "/b", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("#", "a/b", True),
        ("#", "$SYS/uptime", False),
        ("+/uptime", "$SYS/uptime", False),
        ("a.b/+", "axb/c", False),
        ("a/+", "a/b\n", True),
    ],
)
def test_it_matches_as_mqtt_says(text: str, topic: str, expected: bool) -> None:
    assert TopicFilter.parse(text).matches(topic) is expected


@pytest.mark.parametrize("text", ["", "a/#/b", "a#", "a/b+", "$SYS/#", "a\0", "a" * 65_536])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"topic filter|level|broker"):
        TopicFilter.parse(text)


@given(FILTERS, FILTERS, TOPICS)
def test_filters_that_match_one_topic_overlap(one: str, two: str, topic: str) -> None:
    first, second = TopicFilter.parse(one), TopicFilter.parse(two)
    assert first.overlaps(second) == second.overlaps(first)
    if first.matches(topic) and second.matches(topic):
        assert first.overlaps(second)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [("a/+", "+/b", True), ("a/#", "a/b/c", True), ("a/b", "a/c", False), ("a/+/c", "a/b", False)],
)
def test_overlap(one: str, two: str, expected: bool) -> None:
    assert TopicFilter.parse(one).overlaps(TopicFilter.parse(two)) is expected
