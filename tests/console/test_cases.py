"""How a case is decided: the rules of who may say what, whatever people do."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cases import (
    DECIDED,
    REASONS,
    Decision,
    DecisionError,
    Said,
    Stage,
    State,
    check,
    masked,
    outcome,
    plate_of,
    same_plate,
    stage_for,
)
from store.people import Role

ANN, BEN, COR = UUID(int=1), UUID(int=2), UUID(int=3)
CONFIRM = Decision("confirm", plate="65A 123.45")
REJECT = Decision("reject", reason="unclear_image")
MORE = Decision("more", note="thiếu đoạn hình")


def play(*turns: tuple[UUID, Decision], drawn: bool = False, role: Role = "supervisor") -> State:
    """What a case becomes after some have spoken in this order."""
    state: State = "pending"
    said: list[Said] = []
    for person, decision in turns:
        stage: Stage = stage_for(state, said, person, role)
        state = outcome(stage, decision, said, drawn)
        said.append(Said(stage, person, decision.verdict, decision.plate))
    return state


def test_two_different_people_confirm() -> None:
    assert play((ANN, CONFIRM)) == "second"
    assert play((ANN, CONFIRM), (BEN, CONFIRM)) == "confirmed"


def test_nobody_speaks_twice() -> None:
    with pytest.raises(DecisionError, match="case_yours_before"):
        play((ANN, CONFIRM), (ANN, CONFIRM))
    with pytest.raises(DecisionError, match="case_yours_before"):
        play((ANN, CONFIRM), (BEN, REJECT), (ANN, CONFIRM))


def test_one_may_reject_but_a_share_is_seen_again() -> None:
    assert play((ANN, REJECT)) == "rejected"
    assert play((ANN, REJECT), drawn=True) == "blind"
    assert play((ANN, REJECT), (BEN, REJECT), drawn=True) == "rejected"
    assert play((ANN, REJECT), (BEN, CONFIRM), drawn=True) == "disputed"


def test_a_supervisor_ends_a_dispute_and_nobody_else() -> None:
    assert play((ANN, CONFIRM), (BEN, REJECT)) == "disputed"
    assert play((ANN, CONFIRM), (BEN, REJECT), (COR, CONFIRM)) == "confirmed"
    assert play((ANN, CONFIRM), (BEN, REJECT), (COR, REJECT)) == "rejected"
    with pytest.raises(DecisionError, match="case_for_supervisor"):
        play((ANN, CONFIRM), (BEN, REJECT), (COR, CONFIRM), role="reviewer")


def test_two_plates_are_no_agreement() -> None:
    other = Decision("confirm", plate="65A 123.46")
    assert play((ANN, CONFIRM), (BEN, other)) == "disputed"
    assert play((ANN, CONFIRM), (BEN, Decision("confirm", plate="65A-12345"))) == "confirmed"


def test_who_wants_more_stops_the_case() -> None:
    assert play((ANN, MORE)) == "needs_more"
    assert play((ANN, CONFIRM), (BEN, MORE)) == "needs_more"
    with pytest.raises(DecisionError, match="case_needs_more"):
        play((ANN, MORE), (BEN, CONFIRM))


decisions = st.one_of(
    st.sampled_from(["65A 123.45", "65A 123.46"]).map(
        lambda plate: Decision("confirm", plate=plate)
    ),
    st.just(REJECT),
    st.just(MORE),
)


@given(
    turns=st.lists(st.tuples(st.integers(1, 4).map(lambda n: UUID(int=n)), decisions), max_size=8),
    roles=st.lists(st.sampled_from(["reviewer", "supervisor"]), min_size=8, max_size=8),
    drawn=st.booleans(),
)
def test_nothing_is_confirmed_without_two(
    turns: list[tuple[UUID, Decision]], roles: list[Role], drawn: bool
) -> None:
    state: State = "pending"
    said: list[Said] = []
    for (person, decision), role in zip(turns, roles, strict=False):
        try:
            stage = stage_for(state, said, person, role)
        except DecisionError:
            continue
        assert state not in DECIDED
        assert person not in {one.person for one in said}
        state = outcome(stage, decision, said, drawn)
        said.append(Said(stage, person, decision.verdict, decision.plate))
        if state == "confirmed":
            assert len({one.person for one in said if one.verdict == "confirm"}) >= 2
        if state == "rejected":
            assert said[-1].verdict == "reject"


@pytest.mark.parametrize(
    ("decision", "vehicle", "why"),
    [
        (Decision("reject"), "car", "decision_reason"),
        (Decision("confirm", reason="duplicate", plate="65A 1"), "car", "decision_reason"),
        (Decision("reject", reason="other"), "car", "decision_note"),
        (Decision("reject", reason="other", note="  "), "car", "decision_note"),
        (Decision("more"), "car", "decision_note"),
        (Decision("more", note="x" * 2001), "car", "decision_note_long"),
        (Decision("confirm"), "motorcycle", "decision_plate"),
    ],
)
def test_a_decision_says_all_that_it_must(decision: Decision, vehicle: str, why: str) -> None:
    with pytest.raises(DecisionError, match=f"^{why}$"):
        check(decision, vehicle)


def test_good_decisions_pass() -> None:
    check(CONFIRM, "car")
    check(Decision("confirm"), "bicycle")
    for reason in REASONS:
        check(Decision("reject", reason=reason, note="vì cây che"), "car")


@pytest.mark.parametrize(
    ("typed", "plate"),
    [
        (" 65a  123.45 ", "65A 123.45"),
        ("95-p7 7707", "95-P7 7707"),
        ("81-AA 048.92", "81-AA 048.92"),
        ("65-MĐ1 123.45", "65-MĐ1 123.45"),
        ("", None),
        ("   ", None),
    ],
)
def test_plates_as_people_type_them(typed: str, plate: str | None) -> None:
    assert plate_of(typed) == plate


@pytest.mark.parametrize(
    "typed", ["<script>", "ABC", "65A'; DROP", "65A 123.45 678901", "65A--1", "-65A", "６５A"]
)
def test_what_is_no_plate_is_refused(typed: str) -> None:
    with pytest.raises(DecisionError, match="plate_shape"):
        plate_of(typed)


def test_a_plate_is_the_same_however_it_is_punctuated() -> None:
    assert same_plate("65A 123.45", "65A-12345")
    assert not same_plate("65A 123.45", "65A 123.46")
    assert same_plate(None, None) and not same_plate(None, "65A 1")


@given(st.text("0123456789ABCĐ-. ", max_size=16))
def test_a_masked_plate_hides_its_number(plate: str) -> None:
    shown = masked(plate)
    assert len(shown) == len(plate)
    _, space, number = plate.partition(" ")
    if space:
        assert not any(one.isalnum() for one in shown[len(plate) - len(number) :])


def test_province_and_series_stay() -> None:
    assert masked("65-B1 123.45") == "65-B1 •••.••"
    assert masked("65A12345") == "65A•••••"
    assert masked(None) == ""
