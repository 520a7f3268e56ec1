"""Only the finished prefix is acknowledged, whatever order Kafka answers in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.acks import AckWindow, Pending

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.integers(0, 3)),
        st.tuples(st.just("confirm"), st.integers(0, 40)),
        st.tuples(st.just("fail"), st.integers(0, 40)),
        st.tuples(st.just("release"), st.just(0)),
    ),
    max_size=80,
)


@given(OPERATIONS)
def test_any_interleaving_releases_the_finished_prefix_in_order(
    operations: list[tuple[str, int]],
) -> None:
    window = AckWindow()
    entered: list[Pending] = []
    released: list[Pending] = []
    for name, number in operations:
        if name == "enter":
            entered.append(window.enter(len(entered) + 1, number))
        elif name == "confirm" and number < len(entered) and entered[number].parts > 0:
            entered[number].parts -= 1
        elif name == "fail" and number < len(entered) and entered[number].parts > 0:
            entered[number].failed = True
        elif name == "release":
            released += window.release()
    released += window.release()

    prefix = 0
    for pending in entered:
        if pending.parts > 0 or pending.failed:
            break
        prefix += 1
    assert [pending.mid for pending in released] == list(range(1, prefix + 1))
    assert len(window) == len(entered) - prefix
    assert window.blocked == (prefix < len(entered) and entered[prefix].failed)
    assert window.release() == []


def test_a_message_without_records_is_finished_at_once_but_waits_its_turn() -> None:
    window = AckWindow()
    first = window.enter(7)
    window.enter(8, parts=0)
    assert window.release() == []
    first.parts -= 1
    assert [pending.mid for pending in window.release()] == [7, 8]


def test_a_message_of_three_records_needs_all_of_them() -> None:
    window = AckWindow()
    pending = window.enter(1, parts=3)
    for _ in range(2):
        pending.parts -= 1
        assert window.release() == []
    pending.parts -= 1
    assert window.release() == [pending]


def test_a_failure_further_back_does_not_block_what_is_before_it() -> None:
    window = AckWindow()
    first, second = window.enter(1), window.enter(2)
    second.failed = True
    assert not window.blocked
    first.parts = 0
    assert [pending.mid for pending in window.release()] == [1]
    assert window.blocked


def test_a_failed_message_is_never_released_even_when_nothing_is_left_to_confirm() -> None:
    window = AckWindow()
    pending = window.enter(1, parts=2)
    pending.failed = True
    pending.parts = 0
    assert window.release() == []
    assert window.blocked
