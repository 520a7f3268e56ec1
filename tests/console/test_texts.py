"""Words of the screens: in both languages, with the same values, and every key that is used."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

from console import texts as package
from console.cases import REASONS, Stage, State, Verdict
from console.texts import say, texts
from ioc.events import Phase, PlateColour, Rule, VehicleClass
from store.people import ROLES

FOLDER = Path(package.__file__).parents[1]


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_take_the_same_values() -> None:
    for key, entry in texts().items():
        assert entry["vi"].strip() and entry["en"].strip(), key
        assert names(entry["vi"]) == names(entry["en"]), key


def test_every_key_of_templates_and_code_is_there() -> None:
    known = texts()
    for path in [*FOLDER.glob("templates/*.html"), *FOLDER.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        used = re.findall(r"""\bt\(\s*["']([a-z0-9_]+)["']\s*[,)]""", text)
        used += re.findall(r"""\bsay\(\s*[\w.]+,\s*["']([a-z0-9_]+)["']\s*[,)]""", text)
        used += re.findall(r"""(?:ProblemError|RefusedError)\(\d+,\s*["']([a-z0-9_]+)["']""", text)
        used += re.findall(r"""DecisionError\(["']([a-z0-9_]+)["']""", text)
        for key in used:
            assert key in known, f"{path.name}: {key}"


def test_every_value_of_the_contract_has_a_name() -> None:
    for prefix, values in (
        ("rule", get_args(Rule)),
        ("vehicle", get_args(VehicleClass)),
        ("colour", get_args(PlateColour)),
        ("phase", get_args(Phase)),
        ("reason", REASONS),
        ("state", get_args(State)),
        ("verdict", get_args(Verdict)),
        ("stage", get_args(Stage)),
        ("role", ROLES),
    ):
        for value in values:
            assert say("vi", f"{prefix}_{value}")


def test_a_language_that_nobody_speaks_is_vietnamese() -> None:
    assert say("xx", "logout") == "Đăng xuất"
