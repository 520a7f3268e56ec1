from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.spool import ROW_OVERHEAD_BYTES, Spool
from edge.spool_file import SpoolError, SpoolFullError, spool_file
from edge.stored import Stored, as_replayed
from ioc.clock import utc_now
from ioc.decode import decode
from ioc.errors import ConfigError
from ioc.events import (
    EVENT_OF_PAYLOAD,
    ClockRef,
    FrameWindow,
    ModelRef,
    NumberedEvent,
    Payload,
    ReadingData,
    SignalData,
    ViolationData,
    encode,
)
from ioc.ids import uuid7
from ioc.receipt import ranges_of
from ioc.topics import device_path

NOW = datetime(2026, 8, 1, tzinfo=UTC)
PAYLOADS: dict[str, Payload] = {
    "reading": ReadingData(quantity="water_level", value=1.0, unit="m"),
    "signal": SignalData(head="h1", phase="red", since=NOW),
    "violation": ViolationData(
        rule="red_light",
        track=1,
        vehicle="car",
        act_time=NOW,
        confidence=0.9,
        model=ModelRef(name="m", sha256="0" * 64),
        clock=ClockRef(source="ntp"),
        frames=FrameWindow(first=0, last=1),
    ),
}


def maker(bootid: UUID, kind: str) -> Callable[[int], NumberedEvent]:
    data = PAYLOADS[kind]

    def make(sequence: int) -> NumberedEvent:
        event: NumberedEvent = EVENT_OF_PAYLOAD[type(data)](  # type: ignore[assignment, call-arg]
            specversion="1.0",
            id=uuid7(NOW),
            source="/a/b/c",
            time=NOW,
            bootid=bootid,
            sequence=sequence,
            data=data,
        )
        return event

    return make


class Shelf:
    """A spool that is opened again and again, each time as a new boot."""

    def __init__(self, folder: Path, budget_bytes: int = 2**24) -> None:
        self.file = folder / "a__b__c.sqlite"
        self.budget = budget_bytes
        self.spool = self.open()

    def open(self) -> Spool:
        self.spool = Spool(self.file, uuid7(NOW), budget_bytes=self.budget, clock=utc_now)
        return self.spool

    def restart(self) -> Spool:
        self.spool.close()
        return self.open()

    def add(self, kind: str) -> NumberedEvent:
        return self.spool.append(maker(self.spool.bootid, kind))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def take_all(spool: Spool, now: float = 0.0) -> list[Stored]:
    taken: list[Stored] = []
    while batch := spool.take(7, now, 30):
        taken += batch
    return taken


class Balance(RuleBasedStateMachine):
    """What is left = appended - receipted - dropped, whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        # Room for about a dozen events, so that drops happen.
        self.shelf = Shelf(Path(self.folder.name), budget_bytes=12 * (330 + ROW_OVERHEAD_BYTES))
        self.appended: dict[tuple[UUID, int], str] = {}
        self.sent: set[tuple[UUID, int]] = set()
        self.receipted: set[tuple[UUID, int]] = set()
        self.next = 0
        self.now = 0.0

    @rule(kind=st.sampled_from(sorted(PAYLOADS)))
    def append(self, kind: str) -> None:
        event = self.shelf.add(kind)
        assert event.sequence == self.next
        self.next += 1
        self.appended[event.bootid, event.sequence] = kind

    @rule()
    def fail_to_append(self) -> None:
        def refuse(_sequence: int) -> NumberedEvent:
            raise ValueError("no event")

        with pytest.raises(ValueError, match="no event"):
            self.shelf.spool.append(refuse)

    @rule(limit=st.integers(1, 9), wait=st.sampled_from([0.0, 31.0, 10_000.0]))
    def send(self, limit: int, wait: float) -> None:
        self.now += wait
        batch = self.shelf.spool.take(limit, self.now, 30)
        assert len({stored.row for stored in batch}) == len(batch) <= limit
        for stored in batch:
            key = (stored.bootid, stored.sequence)
            assert key in self.appended
            assert (stored.sends > 0) == (key in self.sent)
            self.sent.add(key)

    @precondition(lambda self: self.appended)
    @rule(data=st.data())
    def receive_receipt(self, data: st.DataObject) -> None:
        boot = data.draw(st.sampled_from(sorted({boot for boot, _ in self.appended}, key=str)))
        numbers = data.draw(st.sets(st.integers(0, 40), min_size=1))
        before = self.left()
        gone, _unsent = self.shelf.spool.forget(boot, ranges_of(numbers))
        named = {(boot, number) for number in numbers} & self.sent & before
        assert gone == len(named)
        self.receipted |= named

    @rule()
    def restart(self) -> None:
        self.shelf.restart()
        self.next = 0

    @rule()
    def lose_session(self) -> None:
        self.shelf.spool.rewind()

    @rule(rows=st.sets(st.integers(1, 40)))
    def lose_connection(self, rows: set[int]) -> None:
        self.shelf.spool.send_again(rows)

    def left(self) -> set[tuple[UUID, int]]:
        rows = self.shelf.spool._file.db.execute("SELECT bootid, sequence FROM events")
        return {(UUID(bytes=boot), sequence) for boot, sequence in rows}

    @invariant()
    def nothing_is_unaccounted_for(self) -> None:
        spool = self.shelf.spool
        left = self.left()
        assert spool.depth == len(left)
        assert left <= set(self.appended)
        assert not left & self.receipted
        gone = set(self.appended) - left - self.receipted
        assert sum(spool.dropped.values()) == len(gone)
        kinds = [self.appended[key] for key in gone]
        assert dict(spool.dropped) == {kind: kinds.count(kind) for kind in set(kinds)}
        assert spool.bytes <= self.shelf.budget

    def teardown(self) -> None:
        self.shelf.spool.close()
        self.folder.cleanup()


TestBalance = Balance.TestCase
TestBalance.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_each_boot_counts_from_zero(shelf: Shelf) -> None:
    assert [shelf.add("reading").sequence for _ in range(3)] == [0, 1, 2]
    shelf.restart()
    assert [shelf.add("reading").sequence for _ in range(2)] == [0, 1]
    assert [stored.sequence for stored in take_all(shelf.spool)] == [0, 1, 2, 0, 1]


def test_violations_go_out_first_then_signals_then_by_age(shelf: Shelf) -> None:
    for kind in ("reading", "signal", "reading", "violation", "signal", "violation"):
        shelf.add(kind)
    order = [(stored.kind, stored.sequence) for stored in take_all(shelf.spool)]
    assert order == [
        ("violation", 3),
        ("violation", 5),
        ("signal", 1),
        ("signal", 4),
        ("reading", 0),
        ("reading", 2),
    ]


def test_a_broker_that_came_back_and_dropped_all_gets_it_again_after_the_first_wait(
    shelf: Shelf,
) -> None:
    shelf.add("reading")
    assert len(take_all(shelf.spool, 0)) == 1
    assert len(take_all(shelf.spool, 31)) == 1
    assert take_all(shelf.spool, 62) == []
    shelf.spool.rewind()
    assert len(take_all(shelf.spool, 63)) == 1
    assert take_all(shelf.spool, 92) == []
    assert len(take_all(shelf.spool, 94)) == 1


def test_budget_takes_metrics_then_signals_then_violations_oldest_first(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for _ in range(4):
        for kind in ("violation", "reading", "signal"):
            shelf.add(kind)
    shelf.budget = shelf.spool.bytes
    rank = ["reading", "signal", "violation"].index
    seen: list[tuple[str, int]] = []
    left = {stored.sequence: stored.kind for stored in take_all(shelf.restart())}
    for _ in range(14):
        shelf.add("violation")
        rows = shelf.spool._file.db.execute("SELECT sequence FROM events WHERE sends > 0")
        now = {sequence for (sequence,) in rows}
        gone = [(left[number], number) for number in set(left) - now]
        seen += sorted(gone, key=lambda one: (rank(one[0]), one[1]))
        left = {number: kind for number, kind in left.items() if number in now}
    assert seen == sorted(seen, key=lambda one: rank(one[0]))
    for kind in ("reading", "signal", "violation"):
        numbers = [number for name, number in seen if name == kind]
        assert numbers == sorted(numbers)
    assert {"reading", "signal", "violation"} <= {kind for kind, _ in seen}


def test_drop_counts_survive_a_restart(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, budget_bytes=3 * (400 + ROW_OVERHEAD_BYTES))
    for _ in range(10):
        shelf.add("reading")
    dropped = dict(shelf.spool.dropped)
    assert dropped["reading"] == 10 - shelf.spool.depth > 0
    assert dict(shelf.restart().dropped) == dropped


def test_metric_that_finds_only_violations_is_itself_dropped(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for _ in range(3):
        shelf.add("violation")
    shelf.budget = shelf.spool.bytes
    shelf.restart()
    shelf.add("reading")
    assert dict(shelf.spool.dropped) == {"reading": 1}
    assert shelf.spool.depth == 3


def fill_disk(spool: Spool) -> None:
    """Let the file take not one page more: SQLite then answers as on a full disk."""
    (pages,) = spool._file.db.execute("PRAGMA page_count").fetchone()
    spool._file.db.execute(f"PRAGMA max_page_count = {pages}")


def test_full_disk_gives_up_the_oldest_metrics_and_goes_on(shelf: Shelf) -> None:
    for _ in range(500):
        shelf.add("reading")
    fill_disk(shelf.spool)
    for number in range(500, 650):
        assert shelf.add("violation").sequence == number
    assert set(shelf.spool.dropped) == {"reading"}
    taken = take_all(shelf.spool)
    assert len(taken) + shelf.spool.dropped["reading"] == 650
    assert [s.sequence for s in taken if s.kind == "violation"] == list(range(500, 650))


def test_full_disk_with_only_violations_refuses_a_metric_and_burns_no_number(shelf: Shelf) -> None:
    shelf.add("violation")
    fill_disk(shelf.spool)
    appended = 1
    with pytest.raises(SpoolFullError, match="free the disk"):
        for _ in range(2000):
            shelf.add("reading")
            shelf.spool.take(9, 0, 30)
            appended += 1
            # Only violations may stay, so that nothing is left to give up for the next reading.
            shelf.spool._file.db.execute("UPDATE events SET priority = 2")
    (pages,) = shelf.spool._file.db.execute("PRAGMA page_count").fetchone()
    shelf.spool._file.db.execute(f"PRAGMA max_page_count = {pages + 100}")
    assert shelf.add("reading").sequence == appended


@pytest.mark.parametrize("garbage", [b"garbage" * 5000, b"SQLite format 3\0" + b"\xff" * 9000])
def test_garbage_is_set_aside_at_the_start(tmp_path: Path, garbage: bytes) -> None:
    file = tmp_path / "a__b__c.sqlite"
    file.write_bytes(garbage)
    shelf = Shelf(tmp_path)
    assert shelf.spool.corrupt_files == 1
    (aside,) = shelf.spool.quarantined
    assert aside.name.startswith("a__b__c.sqlite.corrupt-2")
    assert aside.read_bytes() == garbage
    assert shelf.add("reading").sequence == 0
    assert shelf.restart().corrupt_files == 1


def test_file_that_breaks_while_in_use_is_replaced_and_numbers_go_on(shelf: Shelf) -> None:
    for _ in range(300):
        shelf.add("reading")
    assert len(take_all(shelf.spool)) == 300
    db = shelf.spool._file.db
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = shelf.file.stat().st_size
    with shelf.file.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    db.execute("PRAGMA shrink_memory")  # SQLite shall read the broken pages, not its cache
    assert shelf.add("reading").sequence == 300
    assert shelf.spool.corrupt_files == 1
    assert shelf.spool.depth == 1
    assert [stored.sequence for stored in take_all(shelf.spool)] == [300]


def test_power_cut_that_tears_the_wal_leaves_all_before_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "one")
    for _ in range(50):
        shelf.add("reading")
    wal = shelf.file.with_name(shelf.file.name + "-wal").read_bytes()
    copy = tmp_path / "two" / shelf.file.name
    copy.parent.mkdir()
    copy.write_bytes(shelf.file.read_bytes())
    # The last 8 KiB never reached the disk; half a page of it is noise.
    torn = wal[: len(wal) - 8192] + b"\x5a" * 2048
    copy.with_name(copy.name + "-wal").write_bytes(torn)
    after = Shelf(tmp_path / "two")
    numbers = [stored.sequence for stored in take_all(after.spool)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 40


def test_two_users_of_one_file(shelf: Shelf) -> None:
    with pytest.raises(ConfigError, match="another process"):
        Spool(shelf.file, uuid7(NOW), budget_bytes=10**6, clock=utc_now)
    assert shelf.add("reading").sequence == 0


def test_closed_spool_says_so(shelf: Shelf) -> None:
    shelf.spool.close()
    shelf.spool.close()
    with pytest.raises(SpoolError, match="closed"):
        shelf.add("reading")


def test_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "a__b__c.sqlite"
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(ConfigError, match="newer version"):
        Shelf(tmp_path)


_names = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,5}[a-z0-9])?", fullmatch=True)
_paths = st.builds(device_path, _names, _names, _names)


@given(_paths, _paths)
def test_two_devices_never_share_a_file(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    same = spool_file(Path(), device_path(*one)) == spool_file(Path(), device_path(*two))
    assert same == (one == two)


def test_names_that_would_meet_without_the_dot() -> None:
    files = {
        spool_file(Path(), device_path(*names))
        for names in (("a__b", "c", "d"), ("a", "b__c", "d"), ("a", "b", "c__d"))
    }
    assert len(files) == 3
    assert spool_file(Path(), device_path("vi_thanh", "x", "cam-1")).name == (
        "vi_thanh__x__cam-1.sqlite"
    )


def test_replay_changes_nothing_but_the_flag() -> None:
    event = maker(uuid7(NOW), "violation")(7)
    again = decode(as_replayed(encode(event)))
    assert again != event
    assert encode(again).replace(b',"replayed":true', b"") == encode(event)
    assert as_replayed(b"torn {") == b"torn {"
