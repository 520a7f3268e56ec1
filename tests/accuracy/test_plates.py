"""Real plates: what is read, and above all what is never told wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from measure.accuracy.plates import (
    Report,
    TruePlate,
    aligned,
    bare,
    distance,
    figures,
    load_truth,
    match,
    run,
)


@pytest.fixture(scope="module")
def report(data_folder: Path) -> Report:
    return run(data_folder, lambda text: None, threads=2)


@pytest.mark.slow
def test_legible_plates_are_exact_and_no_wrong_one_is_told(report: Report) -> None:
    value = {figure.name: figure.value for figure in figures(report)}
    assert value["plates.exact"] >= 0.95
    assert value["plates.clean.exact"] == 1
    assert value["plates.wrong_confident"] == 0
    assert report.strangers == []


@pytest.mark.slow
def test_spoilt_plates_are_rather_rejected_than_told_wrongly(report: Report) -> None:
    value = {figure.name: figure.value for figure in figures(report)}
    assert value["plates.degraded.wrong_confident"] <= 0.01
    assert value["plates.degraded.turned.exact"] >= 0.9
    assert value["plates.degraded.sheared.exact"] >= 0.9
    assert value["plates.degraded.18px.exact"] >= 0.9


@pytest.mark.slow
def test_of_plates_too_small_none_is_told_wrongly(report: Report) -> None:
    assert len(report.junction) == 120
    value = {figure.name: figure.value for figure in figures(report)}
    assert value["plates.junction.wrong_confident"] == 0


def test_all_plates_of_the_truth_are_asked_for(data_folder: Path) -> None:
    truths = load_truth(data_folder / "plates")
    assert len(truths) == 26
    assert {truth.slice for truth in truths} == {"clean", "blurred", "uncertain"}
    accepted = next(truth for truth in truths if truth.accepted)
    assert accepted.fits("67FB2113")
    assert not accepted.fits("67-F8 2118")


def test_a_plate_without_a_reading_stays_without() -> None:
    truth = TruePlate("a.jpg", "78-H1 046.52", (), 2, "clean")
    pairs, left = match([truth], [])
    assert pairs == [(truth, None)]
    assert left == []


def test_edits_are_counted_character_by_character() -> None:
    assert bare("78-H1 046.52") == "78H104652"
    assert aligned("51A", "51A") == [("5", "5"), ("1", "1"), ("A", "A")]
    assert aligned("1234", "124") == [("1", "1"), ("2", "2"), ("3", ""), ("4", "4")]
    assert aligned("", "7") == [("", "7")]
    assert distance("67F8", "67FB") == 1
