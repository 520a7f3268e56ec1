"""The wall's words and colours: each word of its scripts is there, each colour can be read."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from console.render import STATIC
from console.texts import texts
from ioc.events import UNITS, Rule
from store.wall import _WORST_FIRST
from streams.alerts import READING_KINDS
from tests.console.test_contrast import colours, contrast


def test_every_word_of_the_scripts_is_there() -> None:
    known = texts()
    source = "".join((STATIC / name).read_text("utf-8") for name in ("wall.js", "wall-tiles.js"))
    used = set(re.findall(r'\bsay\((?:\w+ \? )?"([a-z0-9_]+)"', source))
    used |= set(re.findall(r'\bsay\(\w+ \? "[a-z0-9_]+" : "([a-z0-9_]+)"', source))
    assert len(used) > 30
    missing = {key for key in used if f"wall_{key}" not in known and not key.endswith("_")}
    assert missing == set()
    for key in known:
        if key.startswith("wall_"):
            name = key.removeprefix("wall_")
            made = re.match(r"(level|kind|rule|quantity)_", name)
            template = (STATIC.parent / "templates/wall.html").read_text("utf-8")
            python = (STATIC.parent / "wall.py").read_text("utf-8")
            assert made or name in used or key in template + python, f"{key}: nobody says it"


def test_all_kinds_have_names() -> None:
    known = texts()
    assert {kind for kind, _, _ in READING_KINDS.values()} <= set(_WORST_FIRST)
    for prefix, names in (
        ("rule", get_args(Rule)),
        ("kind", _WORST_FIRST),
        ("quantity", UNITS),
        ("level", [*"012345", "none"]),
    ):
        for name in names:
            assert f"wall_{prefix}_{name}" in known


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read(theme: int) -> None:
    known = colours()
    pairs = [(text, ground) for text in ("warn", "bad") for ground in ("card", "sunk")]
    for text, ground in [*pairs, ("ground", "text"), ("text", "sunk"), ("quiet", "sunk")]:
        ratio = contrast(known[text][theme], known[ground][theme])
        assert ratio >= 4.5, f"{text} on {ground}: {ratio:.2f}"
    # All colours come from there: none of the wall's own could escape this.
    own = (STATIC / "wall.css").read_text("utf-8")
    assert not re.search(r"#[0-9a-f]{3,8}\b(?!-)|rgb|hsl", own.replace("#i-", ""))
