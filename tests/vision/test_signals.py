from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ioc.events import Phase
from vision.signals import KEEP_S, MOST_HEADS, Origin, SignalHistory, SignalState


def history(*states: tuple[float, Phase, Origin]) -> SignalHistory:
    made = SignalHistory()
    for since, phase, origin in states:
        made.record("head-1", SignalState(phase, since, origin))
    return made


def phase(of: SignalHistory, at_s: float) -> Phase | None:
    state = of.at("head-1", at_s)
    return None if state is None else state.phase


def test_nothing_said_is_nothing_known() -> None:
    assert SignalHistory().at("head-1", 5) is None
    assert history((3, "red", "controller")).at("head-1", 2.9) is None
    assert history((3, "red", "controller")).at("head-2", 4) is None


def test_the_controllers_word_wins_and_the_picture_fills_its_gaps() -> None:
    of = history(
        (0, "red", "controller"), (5, "green", "image"), (8, "unknown", "controller"),
        (9, "yellow", "controller"),
    )  # fmt: skip

    assert [phase(of, t) for t in (1, 6, 8.5, 9)] == ["red", "red", "green", "yellow"]


def test_repeats_and_late_words_change_nothing() -> None:
    of = history((0, "red", "controller"), (4, "red", "controller"), (3, "green", "controller"))

    assert of.at("head-1", 5) == SignalState("green", 3, "controller")
    of = history((4, "red", "controller"), (3, "green", "controller"))
    assert of.at("head-1", 5) == SignalState("red", 4, "controller")


def test_a_dead_controllers_last_word_is_not_believed_for_ever() -> None:
    of = history((0, "red", "controller"))

    assert phase(of, KEEP_S) == "red"
    assert phase(of, KEEP_S + 1) is None


def test_a_steady_phase_is_one_without_a_break() -> None:
    of = history((0, "red", "image"), (5, "unknown", "image"), (5.2, "red", "image"))

    assert of.steady("head-1", 1, 4.9) == SignalState("red", 0, "image")
    assert of.steady("head-1", 4, 6) is None
    assert of.steady("head-1", 6, 9) == SignalState("red", 5.2, "image")


@given(st.lists(st.sampled_from(["red", "green", "unknown"]), min_size=2, max_size=40))
def test_a_steady_phase_has_one_beginning(phases: list[Phase]) -> None:
    of = history(*[(float(second), name, "image") for second, name in enumerate(phases)])

    steady = of.steady("head-1", 0, len(phases) - 1)

    assert (steady is not None) == (len(set(phases)) == 1)


def test_memory_is_bounded() -> None:
    of = SignalHistory()
    for number in range(5000):
        of.record("head-1", SignalState("red" if number % 2 else "off", number * 0.01, "image"))
        of.record(f"head-{number}", SignalState("red", 0, "image"))

    assert sum(len(kept) for _, kept in of.all()) < 2000
    assert len({head for head, _ in of.all()}) == MOST_HEADS
