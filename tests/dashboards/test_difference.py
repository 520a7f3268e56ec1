"""What a dry run shows of two documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.difference import differences

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text(max_size=3), inside, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("found", "wanted", "lines"),
    [
        ({"a": 1}, {"a": 2}, ["a: 1 → 2"]),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ['a.b: "x" → "y"']),
        ({}, {"a": [1]}, ["+ a: [1]"]),
        ({"a": 1}, {}, ["- a: 1"]),
        ({"a": [1, 2]}, {"a": [1]}, ["- a[1]: 2"]),
        ({"a": [1]}, {"a": [1, 2]}, ["+ a[1]: 2"]),
        (
            {"p": [{"title": "Bản đồ", "h": 1}]},
            {"p": [{"title": "Bản đồ", "h": 2}]},
            ["p[0] 'Bản đồ'.h: 1 → 2"],
        ),
        ({"a": 1}, {"a": True}, ["a: 1 → true"]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": "1\n2\n3\n4"}, {"a": "1\n2\nx\n4"}, ["a:", "     2", "    -3", "    +x", "     4"]),
    ],
)
def test_lines(found: Any, wanted: Any, lines: list[str]) -> None:
    shown = [line for line in differences(found, wanted) if not line.startswith("    @@")]
    assert shown == lines


def test_what_a_server_adds_of_its_own_can_be_passed_over() -> None:
    assert differences({"a": 1, "id": 7}, {"a": 1}, extra=False) == []
    assert differences({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, extra=False) == []


def test_a_long_value_is_cut() -> None:
    (line,) = differences({"a": "x"}, {"a": "y" * 10_000})
    assert len(line) < 200 and " … " in line


@given(DOCUMENTS)
def test_a_document_does_not_differ_from_itself(document: Any) -> None:
    assert differences(document, document) == []


@given(DOCUMENTS, DOCUMENTS)
def test_what_differs_is_told(one: Any, other: Any) -> None:
    assert bool(differences(one, other)) == (_exact(one) != _exact(other))


def _exact(value: Any) -> Any:
    """With True apart from 1, as JSON has them."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return [_exact(one) for one in value]
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    return value
