"""How values are written: decimal comma in Vietnamese, units always, instants in Vietnam's time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from console.screens.answer import HUGE, figure, instant
from console.screens.letters import clean
from console.texts import say
from dashboards.screen import Column, Unit, Word
from ioc.clock import VIETNAM

NOTHING: Final = "–"
"""Where there is no value."""

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_BYTES: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIGNS: Final[Mapping[str, str]] = {
    "km/h": "km/h", "%": "%", "m": "m", "mm": "mm", "mm/h": "mm/h", "g/L": "g/L", "ug/m3": "µg/m³",
    "dB": "dB", "ms": "ms",
}  # fmt: skip
"""Units that are the same in both languages."""

_WORDS: Final[Mapping[str, str]] = {
    "veh/h": "screens_unit_veh_h", "fps": "screens_unit_fps", "s": "screens_unit_s",
    "d": "screens_unit_d", "h": "screens_unit_h",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """A value as people read it, its unit apart."""

    text: str
    unit: str = ""

    def __str__(self) -> str:
        glue = "" if self.unit == "%" else "\u00a0"
        return self.text + (glue + self.unit if self.unit else "")


@dataclass(frozen=True, slots=True)
class Look:
    """For whom something is drawn, and when.

    Attributes:
        language: ``vi`` or ``en``.
        now: End of the range that is looked at.
    """

    language: str
    now: datetime

    def word(self, word: Word) -> str:
        """A word of the model in the viewer's language."""
        return word.en if self.language == "en" else word.vi

    def say(self, key: str, /, **values: object) -> str:
        """A text of the console."""
        return say(self.language, key, **values)


def write(value: object, column: Column, look: Look) -> Written:
    """A value of a column."""
    if value is None:
        return Written(NOTHING)
    if column.unit == "time":
        at = instant(value)
        return Written(NOTHING if at is None else clock(at, look))
    if column.unit == "text":
        return Written(text(value, column.words, look))
    return measure(figure(value), column.unit, column.decimals, look)


def text(value: object, words: Mapping[str, Word], look: Look) -> str:
    """A value of text: its word, or what it says itself."""
    if isinstance(value, bool):
        return look.say("screens_yes" if value else "screens_no")
    if (at := instant(value)) is not None:
        return clock(at, look)
    if (number := figure(value)) is not None and str(value) not in words:
        return decimal(number, 0 if number == int(number) else 2, look.language)
    word = words.get(str(value))
    return (look.word(word) if word else clean(value)) or NOTHING


def measure(value: float | None, unit: Unit, decimals: int, look: Look) -> Written:
    """A number with its unit."""
    if value is None:
        return Written(NOTHING)
    if unit == "ratio":
        return Written(decimal(value * 100, decimals, look.language), "%")
    if unit == "level":
        return Written(decimal(value, decimals, look.language) + "/5")
    if unit == "B":
        return _bytes(value, look)
    if unit in ("s", "ms", "h", "d"):
        return _duration(value, unit, decimals, look)
    return Written(decimal(value, decimals, look.language), unit_word(unit, look))


def unit_word(unit: Unit, look: Look) -> str:
    """What stands behind a number."""
    return look.say(_WORDS[unit]) if unit in _WORDS else _SIGNS.get(unit, "")


def title(column: Column, look: Look) -> str:
    """What stands above a column of numbers: its title, and the unit that all have."""
    unit = unit_word(column.unit, look) if column.unit not in ("s", "ms", "h", "d") else ""
    told = look.word(column.title)
    return f"{told} ({unit})" if unit and unit != "%" else told


def decimal(value: float, decimals: int, language: str) -> str:
    """A number with so many digits behind the comma, grouped by thousands."""
    size = abs(value)
    if size >= HUGE:
        return ("−" if value < 0 else "") + "∞"
    if size >= 1e15:
        return f"{value:.1e}".replace("e+", "e").replace("-", "−")
    if size >= 1e9:
        return decimal(value / 1e9, 2, language) + "\u00a0" + say(language, "screens_billion")
    written = f"{size:,.{max(0, min(6, decimals))}f}"
    if language != "en":
        written = written.translate(str.maketrans(",.", ".,"))
    return ("−" if value < 0 and any(sign in "123456789" for sign in written) else "") + written


def clock(at: datetime, look: Look) -> str:
    """An instant in Vietnam: the time, and the day where it is another one."""
    try:
        local, today = at.astimezone(VIETNAM), look.now.astimezone(VIETNAM)
    except OverflowError:
        return NOTHING
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if abs(local - today) < timedelta(days=300):
        return f"{local:%H:%M %d/%m}"
    return f"{local:%d/%m}/{local.year}"


def span(seconds: float, look: Look) -> str:
    """A span of time in words, as the wall's script says it: 3 giây, 12 phút, 5 giờ, 3 ngày."""
    whole = max(0, math.floor(min(seconds, HUGE)))
    for limit, size, key in (
        (100, 1, "wall_seconds"),
        (100 * 60, 60, "wall_minutes"),
        (48 * 3600, 3600, "wall_hours"),
    ):
        if whole < limit:
            return look.say(key, n=whole // size)
    return look.say("wall_days", n=decimal(whole // 86400, 0, look.language))


def _bytes(value: float, look: Look) -> Written:
    size, power = abs(value), 0
    while size >= 1000 and power < len(_BYTES) - 1:
        size /= 1024
        power += 1
    shown = math.copysign(size, value)
    return Written(
        decimal(shown, 0 if power == 0 or size >= 100 else 1, look.language), _BYTES[power]
    )


def _duration(value: float, unit: Unit, decimals: int, look: Look) -> Written:
    """Seconds, hours or days, in the unit that suits the size."""
    scale = {"ms": 0.001, "s": 1.0, "h": _HOUR, "d": _DAY}[unit]
    seconds = abs(value) * scale
    if unit == "ms" and seconds < 10:
        return Written(decimal(value, decimals, look.language), "ms")
    if unit == "d" or seconds >= 2 * _DAY:
        size, key = _DAY, "d"
    elif unit == "h" or seconds >= 100 * _MINUTE:
        size, key = _HOUR, "h"
    elif seconds >= 100:
        size, key = _MINUTE, "min"
    else:
        size, key = 1.0, "s"
    shown = math.copysign(seconds / size, value)
    # 4,3 minutes say no more than 4; 1,5 hours do.
    digits = decimals if size == scale else 1 if size >= _HOUR and abs(shown) < 10 else 0
    return Written(decimal(shown, digits, look.language), look.say(f"screens_unit_{key}"))


def named(record: Mapping[str, Any], column: Column, look: Look) -> object:
    """A value of a row; for ``name_vi`` that of ``name_en`` in English, if it is there."""
    if look.language == "en" and column.name.endswith("_vi"):
        return record.get(column.name.removesuffix("_vi") + "_en", record.get(column.name))
    return record.get(column.name)
