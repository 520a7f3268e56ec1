"""Online or offline: wills carry the time of their connect, and come late or twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ioc.events import StatusEvent
from ioc.ids import derived_uuid7
from store.presence import DeviceState, next_state
from tests.store.samples import START, later, status


def _fold(events: Sequence[StatusEvent]) -> DeviceState | None:
    state: DeviceState | None = None
    births: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for event in events:
        state = next_state(state, event, births[event.bootid])
        if event.data.state == "online":
            births[event.bootid].append(event.time)
    return state


def _is(events: Sequence[StatusEvent]) -> str | None:
    state = _fold(events)
    return None if state is None else state.state


def test_a_birth_makes_a_device_online() -> None:
    assert _is([status("online", 0)]) == "online"


def test_a_will_counts_although_it_is_older_than_the_birth() -> None:
    assert _is([status("online", 0.4), status("offline", 0)]) == "offline"


def test_a_will_of_the_same_instant_as_the_birth_counts() -> None:
    assert _is([status("online", 0), status("offline", 0)]) == "offline"


def test_the_will_of_an_earlier_connection_does_not_end_the_present_one() -> None:
    first = [status("online", 0.4), status("online", 60.4)]
    assert _is([*first, status("offline", 0)]) == "online"
    assert _is([*first, status("offline", 60)]) == "offline"


def test_a_device_that_comes_back_is_online_again() -> None:
    assert _is([status("online", 0), status("offline", 0), status("online", 30)]) == "online"


def test_a_will_of_an_earlier_boot_does_not_end_the_present_one() -> None:
    other = derived_uuid7(START, "second boot")
    events = [status("online", 0), status("online", 60, boot=other), status("offline", 0)]
    assert _is(events) == "online"
    # Also when the earlier boot's birth never came.
    assert _is([status("online", 60, boot=other), status("offline", 30)]) == "online"


def test_an_older_birth_changes_nothing() -> None:
    state = _fold([status("online", 60, app="2"), status("online", 0, app="1")])
    assert state is not None
    assert (state.versions, state.time) == ({"app": "2"}, later(60))


def test_a_goodbye_keeps_the_versions() -> None:
    state = _fold([status("online", 0, app="1"), status("offline", 5)])
    assert state is not None
    assert (state.state, state.versions, state.time) == ("offline", {"app": "1"}, later(5))


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=6), st.data())
def test_late_wills_of_all_but_the_last_connection_never_count(
    gaps: list[float], data: st.DataObject
) -> None:
    # Each connection: its will is written, then 0.1 s later its birth; wills of ended connections
    # come at any time after their birth.
    starts = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    events = [status("online", start + 0.1) for start in starts]
    for start in starts[:-1]:
        will = status("offline", start)
        first = 1 + next(n for n, e in enumerate(events) if e.time == later(start + 0.1))
        events.insert(data.draw(st.integers(first, len(events))), will)
    assert _is(events) == "online"
    assert _is([*events, status("offline", starts[-1])]) == "offline"
