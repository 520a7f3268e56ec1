"""The ledger finds what is lost, doubled or misjudged."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ioc.commands import demo as command
from ioc.errors import ConfigError
from ioc.ids import derived_uuid7
from ioc.local_process import ServerError
from measure import demo as running
from measure.closing import print_ledger
from measure.gallery import Gallery
from measure.ledger import Holdings, Ledger, Number, reconcile
from tests.store.samples import START

BOOT = derived_uuid7(START, "boot")


def numbers(*sequences: int) -> set[Number]:
    return {Number(BOOT, sequence) for sequence in sequences}


def holdings(
    stored: tuple[int, ...] = (), reasons: dict[int, str] | None = None, doubled: int = 0
) -> Holdings:
    return Holdings(
        frozenset(numbers(*stored)),
        {Number(BOOT, sequence): reason for sequence, reason in (reasons or {}).items()},
        Counter(),
        doubled,
        {},
    )


def test_all_accounted_for_is_balanced() -> None:
    ledger = reconcile(numbers(0, 1), numbers(2, 3), holdings((0, 1), {2: "schema", 3: "schema"}))
    assert ledger.balanced
    assert (ledger.good, ledger.bad, ledger.stored) == (2, 2, 2)
    assert ledger.set_aside == {"schema": 2}


@pytest.mark.parametrize(
    ("held", "what", "which"),
    [
        (holdings((0,), {2: "schema"}), "lost", {1}),
        (holdings((0, 1)), "lost", {2}),
        (holdings((0,), {1: "schema", 2: "schema"}), "misjudged", {1}),
        (holdings((0, 1, 2)), "misjudged", {2}),
        (holdings((0, 1), {0: "schema", 2: "schema"}), "misjudged", {0}),
    ],
)
def test_what_does_not_balance_is_named(held: Holdings, what: str, which: set[int]) -> None:
    ledger = reconcile(numbers(0, 1), numbers(2), held)
    assert not ledger.balanced
    assert getattr(ledger, what) == numbers(*which)


def test_a_number_with_two_rows_does_not_balance() -> None:
    assert not reconcile(numbers(0), (), holdings((0,), doubled=1)).balanced


def test_the_same_number_of_another_boot_does_not_count() -> None:
    other = {Number(derived_uuid7(START, "other"), 0)}
    assert reconcile(other, (), holdings((0,))).lost == other


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(31, 60)), st.sets(st.integers(0, 60)))
def test_every_number_is_in_exactly_one_account(
    good: set[int], bad: set[int], there: set[int]
) -> None:
    held = holdings(tuple(there & good), dict.fromkeys(there & bad, "schema"))
    ledger = reconcile(numbers(*good), numbers(*bad), held)
    aside = sum(ledger.set_aside.values())
    assert ledger.stored + aside + len(ledger.lost) == len(good) + len(bad)
    assert ledger.balanced == ((good | bad) <= there)


class _Made:
    """A demo that has run, with a ledger of our choice."""

    def __init__(self, ledger: Ledger, *faults: str) -> None:
        self.ledger = ledger
        self.faults = faults
        self.devices: list[Any] = []
        self.cut_off = None

    def __call__(self, *_: Any) -> _Made:
        return self

    def __enter__(self) -> _Made:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def addresses(self) -> dict[str, str]:
        return {}

    def run(self, *_: Any) -> None:
        return None

    def moment(self) -> running.Moment:
        return running.Moment(0, False, None, None)

    def account(self) -> running.Account:
        hung = Gallery(Path("gallery"), faults=list(self.faults))
        return running.Account(self.ledger, 0, (), {}, hung, ())


def demo() -> None:
    command.demo(length="5s", folder=None, seed=1, clips=None, model=None)


def test_the_demo_ends_with_1_when_something_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lossy = reconcile(numbers(0, 1), numbers(2), holdings((0,), {2: "schema"}))
    monkeypatch.setattr(running, "Demo", _Made(lossy))
    with pytest.raises(typer.Exit) as caught:
        demo()
    assert caught.value.exit_code == 1
    assert "NOT BALANCED" in capsys.readouterr().out
    sound = reconcile(numbers(0), (), holdings((0,)))
    monkeypatch.setattr(running, "Demo", _Made(sound))
    demo()
    assert "balanced: every event is accounted for" in capsys.readouterr().out


def test_the_demo_ends_with_1_when_evidence_does_not_verify(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = reconcile(numbers(0), (), holdings((0,)))
    monkeypatch.setattr(running, "Demo", _Made(sound, "clip.mp4: changed"))
    with pytest.raises(typer.Exit) as caught:
        demo()
    assert caught.value.exit_code == 1
    assert "clip.mp4: changed" in capsys.readouterr().out


def test_a_server_that_does_not_come_up_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ServerError("MQTT broker on 127.0.0.1:1883 was not ready in 20 s")

    monkeypatch.setattr(running, "Demo", fail)
    with pytest.raises(typer.Exit) as caught:
        demo()
    assert caught.value.exit_code == 1
    assert capsys.readouterr().err.startswith("ioc: MQTT broker on 127.0.0.1:1883")


def test_the_ledger_that_is_printed_names_every_account() -> None:
    console = Console(record=True, width=100, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    ledger = reconcile(numbers(*range(2000)), numbers(3000), holdings((1,), {3000: "bad_json"}))
    print_ledger(console, ledger, 7, None)
    text = console.export_text()
    for line in ("minted", "2,000", "bad_json", "still in spools", "7", "lost", "1,999"):
        assert line in text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2m", 120), ("1h", 3600), ("60", 60), (" 7.5 s ", 7.5)]
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert command.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "4s", "25h", "-5s", "1d", "ninety", "1e9s"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--for"):
        command.seconds_of(text)
