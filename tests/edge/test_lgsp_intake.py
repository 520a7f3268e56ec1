"""Each figure is told once, a correction after it; what dies in between tells the same again."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.lgsp import told as told_module
from edge.lgsp.intake import Intake, Message, UsedMessageError
from edge.lgsp.mapping import Value
from edge.lgsp.told import Told, ToldError
from edge.publisher import Publisher, PublisherStoppedError
from ioc.decode import decode
from ioc.errors import ConfigError
from ioc.events import ReadingEvent
from ioc.settings import EdgeSettings, MqttSettings
from ioc.topics import device_path

PATH = device_path("vithanh", "hanh-chinh", "lgsp")
NOW = datetime(2025, 11, 21, 2, 0, tzinfo=UTC)
KEEP = timedelta(days=31)


def value(number: float, at: datetime = NOW, quantity: str = "gov.satisfaction") -> Value:
    return Value(quantity=quantity, value=number, unit="%", time=at)


class Place:
    """One adapter's folder: its spool, what it told, and a clock that is turned by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.file = folder / "what.told"
        self.open()

    def open(self) -> None:
        """Start the adapter; no broker is there, so every event stays in the spool."""
        self.publisher = Publisher(
            PATH,
            MqttSettings(port=1),
            EdgeSettings(spool_dir=self.folder / "spool", reconnect_min_s=5),
            clock=lambda: self.now,
        )
        self.publisher.start()
        self.told = Told(self.file, KEEP, lambda: self.now)
        self.intake = Intake(self.publisher, self.told)

    def close(self) -> None:
        """End it in good order."""
        self.intake.close()
        self.publisher.stop(timeout_s=1)

    def restart(self) -> None:
        """End it and start it again."""
        self.close()
        self.open()

    def events(self) -> list[ReadingEvent]:
        """What waits in the spool, in the order of appending."""
        return events_in(self.folder / "spool", self.folder / "copy")


def events_in(folder: Path, copy: Path) -> list[ReadingEvent]:
    """The readings in a folder's spool; a copy is read, for the spool belongs to its device."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    (file,) = copy.glob("*.sqlite")
    db = sqlite3.connect(file)
    rows = db.execute("SELECT payload FROM events ORDER BY row").fetchall()
    db.close()
    events = [decode(bytes(row[0])) for row in rows]
    return [event for event in events if isinstance(event, ReadingEvent)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    one = Place(tmp_path)
    yield one
    one.close()


def test_the_same_figure_is_told_once_over_restarts(place: Place) -> None:
    assert place.intake.take([value(97.5)]) == (1, 0)
    assert place.intake.take([value(97.5)]) == (0, 1)
    place.restart()
    assert place.intake.take([value(97.5), value(12, quantity="gov.late_files")]) == (1, 1)
    assert [event.data.quantity for event in place.events()] == [
        "gov.satisfaction",
        "gov.late_files",
    ]
    assert place.events()[0].time == NOW


def test_a_correction_is_told_after_what_it_corrects(place: Place) -> None:
    for number in (97.5, 96.0, 97.5):
        assert place.intake.take([value(number)]) == (1, 0)
        place.restart()
    told = [(event.data.value, event.time - NOW) for event in place.events()]
    assert told == [(97.5, timedelta(0)), (96.0, timedelta(milliseconds=1)),
                    (97.5, timedelta(milliseconds=2))]  # fmt: skip
    assert len({event.id for event in place.events()}) == 3


def test_a_next_time_is_news_even_with_the_same_value(place: Place) -> None:
    place.intake.take([value(97.5)])
    assert place.intake.take([value(97.5, NOW + timedelta(hours=1))]) == (1, 0)


def test_who_dies_before_noting_tells_the_same_events_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [value(97.5), value(12, quantity="gov.late_files")]

    def die(*_: object) -> None:
        raise ToldError("the power went")

    with monkeypatch.context() as patch:
        patch.setattr(Told, "note", die)
        with pytest.raises(ToldError):
            place.intake.take(values)
    place.restart()
    assert place.intake.take(values) == (2, 0)
    events = place.events()
    assert [(e.id, e.time, e.data) for e in events[:2]] == [
        (e.id, e.time, e.data) for e in events[2:]
    ], "the core takes the two for one"
    assert len({(event.bootid, event.sequence) for event in events}) == 4


def test_two_devices_have_events_of_their_own(place: Place, tmp_path: Path) -> None:
    place.intake.take([value(97.5)])
    other = Publisher(
        PATH._replace(city="ngabay"), MqttSettings(port=1), EdgeSettings(spool_dir=tmp_path / "b")
    )
    other.start()
    intake = Intake(other, Told(tmp_path / "b.told", KEEP, lambda: NOW))
    intake.take([value(97.5)])
    intake.close()
    other.stop(timeout_s=1)
    (theirs,) = events_in(tmp_path / "b", tmp_path / "c")
    assert theirs.id != place.events()[0].id


def test_nothing_is_noted_before_the_disk_has_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    for owner, name in ((Publisher, "publish"), (Publisher, "sync"), (Told, "note")):
        whole = getattr(owner, name)

        def step(
            *args: object, _whole: object = whole, _name: str = name, **more: object
        ) -> object:
            order.append(_name)
            return _whole(*args, **more)  # type: ignore[operator]

        monkeypatch.setattr(owner, name, step)
    place.intake.take([value(97.5), value(12, quantity="gov.late_files")])
    assert order == ["publish", "publish", "sync", "note"]


def test_a_message_that_was_taken_changes_nothing_a_second_time(place: Place) -> None:
    first = Message("msg_1", b"1" * 32)
    assert place.intake.take([value(97.5)], first) == (1, 0)
    assert place.intake.take([value(96.0)], Message("msg_2", b"2" * 32)) == (1, 0)
    place.restart()
    assert place.intake.take([value(97.5)], first) == (0, 1), "no correction back to the old value"
    with pytest.raises(UsedMessageError):
        place.intake.take([value(95.0)], Message("msg_1", b"3" * 32))
    assert [event.data.value for event in place.events()] == [97.5, 96.0]


def test_what_was_told_is_forgotten_when_it_can_no_longer_come(place: Place) -> None:
    place.intake.take([value(97.5)], Message("msg_1", b"1" * 32))
    place.now += timedelta(days=3)
    place.intake.take([value(97.5)], Message("msg_2", b"2" * 32))
    assert place.told.digest("msg_1") is None
    assert place.told.digest("msg_2") == b"2" * 32
    assert place.told.news([value(97.5)]) == []
    place.now += KEEP
    place.intake.take([value(90, place.now)])
    assert len(place.told.news([value(97.5)])) == 1


def test_the_file_does_not_grow_without_bound(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_module, "MAX_ROWS", 10)
    values = [value(n, NOW + timedelta(seconds=n)) for n in range(30)]
    place.intake.take(values)
    assert place.told.news(values[20:]) == []
    assert len(place.told.news(values)) == 20


def test_a_broken_file_is_set_aside_and_everything_told_once_more(place: Place) -> None:
    place.intake.take([value(97.5)])
    place.close()
    place.file.write_bytes(b"no database at all" * 500)
    place.open()
    assert place.intake.take([value(97.5)]) == (1, 0)
    assert len({event.id for event in place.events()}) == 1
    assert [path.name for path in place.folder.glob("*.broken-*")]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"edge\.spool_dir"):
        Told(tmp_path / "file" / "x.told", KEEP, lambda: NOW)


def test_after_the_end_nothing_is_taken(place: Place) -> None:
    place.publisher.stop(timeout_s=1)
    with pytest.raises(PublisherStoppedError):
        place.intake.take([value(97.5)])
    assert len(place.told.news([value(97.5)])) == 1
    place.intake.close()
    with pytest.raises(ToldError):
        place.intake.take([value(97.5)])
