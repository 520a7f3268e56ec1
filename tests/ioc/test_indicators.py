"""The catalogue of indicators: what the province asks for, and what a wrong file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from ioc.errors import ConfigError
from ioc.events import ReadingData
from ioc.indicators import indicator_of, indicators, load_indicators
from ioc.toml_file import MAX_FILE_BYTES

GOOD = """
[[indicator]]
quantity = "gov.satisfaction"
name = { vi = "Mức độ hài lòng", en = "Satisfaction" }
unit = "%"
target = 90
better = "higher"
year = 2025
source = "here"
"""


def test_the_targets_of_2025_are_those_of_the_province() -> None:
    assert {one.quantity: (one.better, one.target, one.unit) for one in indicators()} == {
        "gov.full_online_services": ("higher", 95, "%"),
        "gov.online_files": ("higher", 60, "%"),
        "gov.electronic_results": ("higher", 100, "%"),
        "gov.satisfaction": ("higher", 90, "%"),
        "gov.online_processing_province": ("higher", 90, "%"),
        "gov.online_processing_district": ("higher", 80, "%"),
        "gov.online_processing_commune": ("higher", 60, "%"),
        "gov.vneid_sign_in": ("higher", 100, "%"),
        "gov.late_files": ("lower", 0, "1"),
    }
    assert {one.year for one in indicators()} == {2025}


def test_every_indicator_can_be_a_reading_and_has_both_names() -> None:
    for one in indicators():
        ReadingData(quantity=one.quantity, value=one.target, unit=one.unit)
        assert one.name.vi != one.name.en
        assert one.source


@pytest.mark.parametrize(
    ("quantity", "good", "bad"),
    [("gov.satisfaction", 90.0, 89.99), ("gov.late_files", 0.0, 1.0)],
)
def test_a_target_is_reached_from_its_good_side(quantity: str, good: float, bad: float) -> None:
    one = indicator_of(quantity)
    assert one is not None
    assert one.reached(good)
    assert not one.reached(bad)


def test_what_is_no_indicator_is_none() -> None:
    assert indicator_of("water_level") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"gov.satisfaction"', '"satisfaction"', "indicator.0.quantity: String should match"),
        ('"gov.satisfaction"', '"gov.Satisfaction"', "indicator.0.quantity: String should match"),
        ('unit = "%"', 'unit = "percent"', "indicator.0.unit: Input should be '%' or '1'"),
        ("target = 90", "target = 101", "target 101 is above 100 %"),
        ("target = 90", "target = -1", "indicator.0.target: Input should be greater"),
        ("target = 90", "target = nan", "indicator.0.target: Input should be a finite"),
        ('"higher"', '"more"', "indicator.0.better: Input should be 'higher' or 'lower'"),
        ("year = 2025", 'year = "2025"', "indicator.0.year: Input should be a valid integer"),
        ('source = "here"', "", "indicator.0.source: missing; add it"),
        ('source = "here"', 'sauce = "here"', "unknown key; did you mean 'source'?"),
        (', en = "Satisfaction"', "", "indicator.0.name.en: missing; add it"),
        (GOOD, GOOD + GOOD, "gov.satisfaction stands there twice"),
        (GOOD, "", "indicator: missing; add it"),
        (GOOD, "indicator = 1 = 2", "not TOML"),
        (GOOD, "#" * (MAX_FILE_BYTES + 1), "larger than"),
    ],
)
def test_a_wrong_file_is_told_where_and_how_to_mend_it(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "indicators.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_indicators(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_indicators(tmp_path / "nowhere.toml")
