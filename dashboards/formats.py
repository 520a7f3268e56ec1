"""How Grafana writes a value: its unit, its words, its colour.

Grey is normal. Colour stands only on what is abnormal, and never without a sign and a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.models import dashboard as model

from dashboards.screen import STATES, Column, State, Unit, Word

UNITS: Final[Mapping[Unit, str]] = {
    "": "none",
    "count": "locale",  # 12.345 as the browser's language writes it; "short" would say 12.3 K
    "km/h": "velocitykmh",
    "veh/h": "suffix: xe/h",
    "%": "percent",
    "m": "suffix: m",  # "lengthm" writes 451 mm beside 1.04 m
    "mm": "suffix: mm",
    "mm/h": "suffix: mm/h",
    "g/L": "suffix: g/L",
    "ug/m3": "conμgm3",
    "dB": "dB",
    "s": "dthms",  # 00:56:13, where "s" says "56 min" and "1 hour"
    "ms": "suffix: ms",
    "d": "suffix: ngày",
    "h": "suffix: giờ",
    "B": "bytes",
    "ratio": "percentunit",
    "fps": "suffix: hình/s",
    "time": "time:HH:mm DD/MM",
    "level": "none",
    "text": "string",
}
"""Grafana's name of each unit; its own words for days and hours are English, ours are not."""

AXIS_UNITS: Final[Mapping[Unit, str]] = {"s": "suffix: s"}
"""Units of lines that are others than those of a number: tenths of a second count there."""

WRITTEN: Final[Mapping[Unit, str]] = {"veh/h": "xe/h", "ug/m3": "µg/m³", "ratio": "%"}
"""Units as people write them, where that is not the name itself."""

NORMAL: Final = "text"
"""The theme's own colour of letters."""

QUIET: Final = "#8e8e99"
"""Grey of bars, of limits and of what has no data; 4.6 : 1 on Grafana's dark background."""

COLOURS: Final[Mapping[State, str]] = {
    "ok": NORMAL,
    "warn": "orange",
    "alarm": "red",
    "none": QUIET,
}
BACKGROUNDS: Final[Mapping[State, str]] = {
    "ok": "transparent",
    "warn": "dark-orange",
    "alarm": "dark-red",
    "none": "transparent",
}
"""The same behind a cell of a table; Grafana chooses black or white letters by it."""

STALE_SIGN: Final = STATES["warn"][0]
FRESH_SIGN: Final = STATES["ok"][0]
EMPTY: Final = "—"
"""Stands where there is no value."""


def state_words(colours: Mapping[State, str]) -> list[model.ValueMapping]:
    """A state as its sign and its Vietnamese word, coloured when it is abnormal."""
    return [
        model.ValueMap(
            {
                name: model.ValueMappingResult(
                    # No break where Grafana would put the second word under the first.
                    text=f"{sign} {word.vi}".replace(" ", "\u00a0"),
                    color=colours[name],
                    index=place,
                )
                for place, (name, (sign, word)) in enumerate(STATES.items())
            }
        )
    ]


def words(known: Mapping[str, Word]) -> list[model.ValueMapping]:
    """Codes of a column as their Vietnamese words; what is no code stays as it is."""
    return [
        model.ValueMap(
            {
                code: model.ValueMappingResult(text=word.vi, index=place)
                for place, (code, word) in enumerate(known.items())
            }
        )
    ]


def signed(known: Mapping[str, Word]) -> Mapping[str, Word]:
    """The same codes, and each behind the sign of old data and of no data too."""
    marks = ("", f"{STALE_SIGN} ", f"{STATES['none'][0]} ")
    return {
        f"{mark}{code}": Word(vi=f"{mark}{word.vi}", en=f"{mark}{word.en}")
        for mark in marks
        for code, word in known.items()
    }


def age_words() -> list[model.ValueMapping]:
    """Colour of an age that ``targets.rows`` wrote: its text stays, stale ones are orange."""
    return [_coloured(f"^{STALE_SIGN}", COLOURS["warn"], 0), _coloured("^○", QUIET, 1)]


def _coloured(pattern: str, colour: str, place: int) -> model.RegexMap:
    return model.RegexMap(
        model.DashboardRegexMapOptions(
            pattern=f"/{pattern}/", result=model.ValueMappingResult(color=colour, index=place)
        )
    )


def is_text(column: Column) -> bool:
    """Whether a column holds no number."""
    return column.unit in ("text", "time")


def properties(values: Mapping[str, object]) -> list[model.DynamicConfigValue]:
    """Settings of one field, by their ids."""
    return [model.DynamicConfigValue(id_val=name, value=value) for name, value in values.items()]
