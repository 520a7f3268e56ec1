"""What the demo prints in the end fits a terminal and says what matters."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import get_args
from uuid import UUID

from rich.console import Console

from ioc.events import Rule
from measure.accuracy.simulated.scores import Tally
from measure.closing import MOST_LINES, print_evidence, print_rules
from measure.gallery import Exhibit, Gallery
from measure.judgement import Played, Reported, RuleScore
from simulator.conditions import Conditions
from simulator.truth.record import START, Record
from tests.vision.evidence.sets import PATH


def printed(width: int = 80) -> Console:
    return Console(record=True, width=width, file=Path("/dev/null").open("w"))


def test_every_rule_has_its_row_and_nothing_is_cut_off_at_80_columns() -> None:
    scores = {
        rule: RuleScore(
            Tally(right=12, missed=3, false=10, off_s=[0.08, 0.32]),
            Counter({"exact": 10, "wrong": 2}),
        )
        for rule in get_args(Rule)
    }
    truth = Record(
        place="ngabay/hung-vuong", camera="cam-1", seed=1,
        conditions=Conditions("day", "clear", "normal"), rate=12.5, frames=750, width=1920,
        height=1080, start=START, heads=(), changes=(), vehicles=(), acts=(), intents=(),
        passages=(), counts=(), plates=(),
    )  # fmt: skip
    console = printed()
    print_rules(console, scores, [Played(PATH, truth, (), START, 60.0)])
    text = console.export_text()
    assert "…" not in text
    for part in ("Dừng, đỗ sai quy định / Illegal parking", "15", "320 ms", "10/2/0", "135"):
        assert part in text
    assert f"{PATH.key} 60 s" in text


def report(number: int) -> Reported:
    plate = "95-B1 123.45" if number else None
    return Reported(UUID(int=number), PATH, "no_helmet", "motorcycle", START, None, plate, ())


def test_a_clip_that_does_not_play_and_a_fault_stand_out(tmp_path: Path) -> None:
    exhibits = [
        Exhibit(report(0), tmp_path / "01-no_helmet.mp4", 4),
        Exhibit(report(1), tmp_path / "02-no_helmet.mp4", 0),
        Exhibit(report(2), None, 0),
    ]
    console = printed()
    print_evidence(console, Gallery(tmp_path, exhibits, 2, 9, ["changed: x"]), "kept for ever")
    text = console.export_text()
    assert "02-no_helmet.mp4 ✕" in text and "01-no_helmet.mp4 ✕" not in text
    assert "1 / 3 đoạn hình xem được, 1 loại vi phạm" in text
    assert "2 bộ, 9 tệp đã kiểm tra: 1 lỗi" in text and "changed: x" in text
    assert str(tmp_path) in text and "kept for ever" in text


def test_a_long_list_says_how_many_are_left_out(tmp_path: Path) -> None:
    exhibits = [Exhibit(report(number), None, 0) for number in range(MOST_LINES + 5)]
    console = printed()
    print_evidence(console, Gallery(tmp_path, exhibits), "")
    assert "… and 5 more" in console.export_text()
