from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from ioc.errors import ConfigError
from ioc.law import Catalogue
from ioc.toml_file import MAX_FILE_BYTES

DAY = date(2026, 11, 22)


def law(number: str, body: str, *, since: str = "2025-01-01", head: str = "") -> str:
    return f'''
number = "{number}"
title_vi = "Nghị định"
title_en = "Decree"
in_force_from = {since}
source = "here"
{head}
{body}
'''


def fine(
    rule: str = "red_light",
    vehicle: str = "car",
    *,
    amount: int = 1_000_000,
    band: str = "",
    more: str = "points = 0",
) -> str:
    return f'''
[[penalties]]
rule = "{rule}"
vehicles = ["{vehicle}"]
{f"over_kmh = {{ {band} }}" if band else ""}
article = "Điều 6, khoản 9, điểm b"
fine_min = {amount}
fine_max = {2 * amount}
title_vi = "Hành vi"
title_en = "Act"
{more}
'''


def none(rule: str = "no_helmet", vehicle: str = "car") -> str:
    return f'[[none]]\nrules = ["{rule}"]\nvehicles = ["{vehicle}"]\nreason = "Không có."\n'


def load(folder: Path, *texts: str) -> Catalogue:
    for number, text in enumerate(texts):
        (folder / f"law-{number}.toml").write_text(text, encoding="utf-8")
    return Catalogue.load(folder)


def refused(folder: Path, *texts: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, *texts)
    return str(caught.value)


def amendment(body: str = "", *, since: str = "2026-01-01", number: str = "2/2026/NĐ-CP") -> str:
    return law(number, body, since=since, head='amends = "1/2025/NĐ-CP"')


BASE = law("1/2025/NĐ-CP", fine() + none())


def bands(*written: str) -> str:
    return law("1/2025/NĐ-CP", "".join(fine("speeding", band=band) for band in written))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BASE.replace("title_en", "titel_en", 1), "did you mean 'title_en'?"),
        (BASE.replace("fine_min", "fine_mim"), "penalties.0.fine_mim: unknown key; did you mean"),
        (BASE.replace('source = "here"', ""), "source: missing; add it"),
        (BASE.replace("red_light", "red_ligth"), "penalties.0.rule"),
        (BASE.replace('vehicles = ["car"]', "vehicles = []", 1), "penalties.0.vehicles"),
        (BASE.replace('["car"]', '["car", "car"]', 1), "car stands there twice"),
        (BASE.replace("= 1000000", "= 1000000.5"), "penalties.0.fine_min"),
        (BASE.replace("= 1000000", "= 1000500"), "multiple of 1000"),
        (BASE.replace("= 1000000", "= 9000000"), "fine_min is above fine_max"),
        (BASE.replace("Điều 6, khoản", "Điều 6 khoản"), "penalties.0.article"),
        (BASE.replace("points = 0", "points = 13"), "penalties.0.points"),
        (BASE.replace("points = 0", "points = 2"), "points and points_article go together"),
        (BASE.replace("1/2025/NĐ-CP", "một"), "number"),
        (BASE.replace("2025-01-01", '"2025-01-01"'), "in_force_from"),
        (BASE.replace("2025-01-01", "2025-01-01T00:00:00"), "in_force_from"),
        (BASE.replace("2025-01-01", "2025-02-30"), "not TOML"),
        (law("1/2025/NĐ-CP", ""), "only an amendment may have none"),
        (law("1/2025/NĐ-CP", fine() + fine()), "red_light/car: 2 penalties; keep one"),
        (law("1/2025/NĐ-CP", fine() + none("red_light")), "red_light/car: decided twice"),
        (law("1/2025/NĐ-CP", fine() + none() + none()), "no_helmet/car: decided twice"),
        (law("1/2025/NĐ-CP", fine(band="above = 5")), "over_kmh belongs to speeding"),
        (law("1/2025/NĐ-CP", fine("speeding")), "over_kmh belongs to speeding"),
        (law("1/2025/NĐ-CP", fine(), head="in_force_until = 2024-12-31"), "comes before"),
        (bands("at_least = 5, above = 5"), "either at_least or above"),
        (bands("below = 5"), "either at_least or above"),
        (bands("above = 5, at_most = 9, below = 9"), "only one of at_most and below"),
        (bands("above = 9, below = 5"), "ends before it begins"),
        (bands("at_least = nan"), "penalties.0.over_kmh.at_least"),
        (bands("at_least = 5, at_most = 10", "at_least = 10"), "bands overlap at 10 km/h"),
        (bands("at_least = 5, below = 12", "at_least = 10"), "bands overlap at 10 km/h"),
        (bands("at_least = 5", "at_least = 5"), "bands overlap at 5 km/h"),
        (bands("above = 5", "at_least = 10, below = 20"), "bands overlap at 10 km/h"),
        (bands("at_least = 5, below = 10", "above = 10"), "no band at 10 km/h"),
        (bands("at_least = 5, below = 10", "at_least = 11"), "no band at 10 km/h"),
        (bands("at_least = 5, below = 10"), "no band above 10 km/h"),
        (BASE + '[[touches]]\narticles = ["Điều 6"]\nby = "Điều 1"\nchange = "x"', "add amends"),
    ],
)
def test_a_wrong_file_is_refused_with_its_mend(tmp_path: Path, text: str, said: str) -> None:
    message = refused(tmp_path, text)
    assert str(tmp_path / "law-0.toml") in message
    assert said in message


def test_bands_may_be_written_in_any_order(tmp_path: Path) -> None:
    written = ("above = 20", "at_least = 5, below = 10", "at_least = 10, at_most = 20")
    found = load(tmp_path, bands(*written))
    assert found.penalty("speeding", "car", DAY, over_kmh=10) is not None


def test_two_laws_for_the_same_day_are_refused(tmp_path: Path) -> None:
    later = law("2/2027/NĐ-CP", fine(), since="2027-01-01")
    message = refused(tmp_path, BASE, later)
    assert f"{tmp_path / 'law-1.toml'}: in_force_from: decides red_light/car" in message
    assert "end one of them with in_force_until" in message


def test_a_law_hands_over_to_the_next_from_one_day_to_the_other(tmp_path: Path) -> None:
    old = law("1/2025/NĐ-CP", fine(), head="in_force_until = 2026-12-31")
    new = law("2/2027/NĐ-CP", fine(amount=3_000_000), since="2027-01-01")
    found = load(tmp_path, new, old)
    last = found.penalty("red_light", "car", date(2026, 12, 31))
    first = found.penalty("red_light", "car", date(2027, 1, 1))
    assert last is not None
    assert first is not None
    assert (last.law, last.fine_min) == ("1/2025/NĐ-CP", 1_000_000)
    assert (first.law, first.fine_min) == ("2/2027/NĐ-CP", 3_000_000)


def test_laws_side_by_side_may_share_days_but_no_rule_and_class(tmp_path: Path) -> None:
    beside = law("2/2027/NĐ-CP", fine(vehicle="bicycle"), since="2027-01-01")
    found = load(tmp_path, BASE, beside)
    day = date(2027, 1, 1)
    assert found.penalty("red_light", "car", day) is not None
    assert found.penalty("red_light", "bicycle", day) is not None
    assert found.penalty("red_light", "bicycle", day - timedelta(days=1)) is None
    reaching = amendment(fine(vehicle="bicycle"))
    assert "decides red_light/bicycle" in refused(tmp_path, BASE, beside, reaching)


def test_an_amendment_replaces_what_it_decides_from_its_first_day(tmp_path: Path) -> None:
    found = load(tmp_path, BASE, amendment(fine(amount=5_000_000) + fine("no_helmet")))
    before = found.penalty("red_light", "car", date(2025, 12, 31))
    after = found.penalty("red_light", "car", date(2026, 1, 1))
    assert before is not None
    assert after is not None
    assert (before.fine_min, before.amended_by) == (1_000_000, ())
    assert (after.fine_min, after.amended_by) == (5_000_000, ("2/2026/NĐ-CP",))
    assert after.law == "1/2025/NĐ-CP"
    assert found.absence("no_helmet", "car", date(2025, 12, 31)) == "Không có."
    assert found.absence("no_helmet", "car", date(2026, 1, 1)) is None


def test_an_amendment_may_take_a_penalty_away(tmp_path: Path) -> None:
    found = load(tmp_path, BASE, amendment(none("red_light")))
    assert found.penalty("red_light", "car", date(2025, 12, 31)) is not None
    assert found.penalty("red_light", "car", date(2026, 1, 1)) is None
    assert found.absence("red_light", "car", date(2026, 1, 1)) == "Không có."


def test_an_amendment_may_change_nothing(tmp_path: Path) -> None:
    found = load(tmp_path, BASE, amendment())
    penalty = found.penalty("red_light", "car", DAY)
    assert penalty is not None
    assert penalty.amended_by == ()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((BASE, BASE), "number: 1/2025/NĐ-CP is that of"),
        ((amendment(), BASE.replace("1/2025", "7/2025")), "the laws here are 7/2025"),
        ((BASE, amendment(since="2024-06-01")), "1/2025/NĐ-CP is not in force on that day"),
        (
            (BASE, amendment(fine()), amendment(fine(), number="3/2026/NĐ-CP")),
            "decides red_light/car from the same day as",
        ),
        (
            (BASE, amendment().replace("source", "in_force_until = 2026-02-01\nsource")),
            "an amendment ends with its law",
        ),
    ],
)
def test_laws_that_do_not_fit_together_are_refused(
    tmp_path: Path, texts: tuple[str, ...], said: str
) -> None:
    assert said in refused(tmp_path, *texts)


def test_a_folder_without_laws_is_refused(tmp_path: Path) -> None:
    assert "no law file" in refused(tmp_path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "law.toml"
    path.write_bytes(b"number = \xff")
    assert "not TOML" in refused(tmp_path)
    path.write_text("#" * (MAX_FILE_BYTES + 1))
    assert "is it a law file?" in refused(tmp_path)
    path.unlink()
    path.mkdir()
    assert "give the path of a law file" in refused(tmp_path)
