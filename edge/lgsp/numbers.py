"""Numbers and times as Vietnamese offices write them. Pure: text in, values out, or a misfit."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any, Final

from ioc.foreign_json import MisfitError, json_text, offset_of

MAX_TEXT: Final = 64

_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-"})
_NUMBER: Final = {
    ",": re.compile(r"[+-]?(?:[0-9]{1,3}(?:([. ])[0-9]{3}(?:\1[0-9]{3})*)?|[0-9]+)(?:,[0-9]+)?"),
    ".": re.compile(r"[+-]?(?:[0-9]{1,3}(?:([, ])[0-9]{3}(?:\1[0-9]{3})*)?|[0-9]+)(?:\.[0-9]+)?"),
}
_GROUPS: Final = {",": ". ", ".": ", "}
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DMY: Final = re.compile(
    r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})"
    r"(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?"
)


def number_of(value: Any, *, decimal: str, percent: bool, scale: float | None = None) -> float:
    """The number that a value tells.

    Text is read strictly: with a decimal comma ``1.234,5`` is 1234.5 and ``97.5`` is refused,
    because nobody can tell whether 97.5 or 975 was meant.

    Args:
        value: From the answer: a number, or text with one and perhaps a percent sign.
        decimal: The decimal sign of text, ``,`` or ``.``; the other one and a space part groups
            of three digits.
        percent: Whether the unit is percent, so that a percent sign may stand there.
        scale: What a number is multiplied with.

    Raises:
        MisfitError: It tells none; the field is ``value``.
    """
    if isinstance(value, str):
        number = _of_text(value, decimal, percent, scale)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise MisfitError("value", f"{json_text(value)[:80]} is not a number")
    else:
        number = _finite(value)
    return number if scale is None else _finite(round(number * scale, 9))


def is_missing(value: Any, markers: tuple[str, ...]) -> bool:
    """Whether a value says that there is none."""
    return value is None or (isinstance(value, str) and value.strip() in markers)


def local_date(value: Any, form: str, zone: str) -> datetime:
    """The instant of a date as people write it, in UTC; a day alone is its beginning.

    Args:
        value: From the answer.
        form: ``date`` for 2025-11-21, ``dmy`` for 21/11/2025 with or without a time of day.
        zone: Offset from UTC that the date is told in.

    Raises:
        MisfitError: It is none; the field is ``time``.
    """
    text = value.strip() if isinstance(value, str) and len(value) <= MAX_TEXT else ""
    match = (_DATE if form == "date" else _DMY).fullmatch(text)
    try:
        if match is None:
            example = "2025-11-21" if form == "date" else "21/11/2025 or 21/11/2025 08:30"
            raise ValueError(f"expected {example}")
        if form == "date":
            local = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC)
        else:
            hour, minute, second = (int(match[part] or 0) for part in (5, 6, 7))
            local = datetime(
                *(int(match[4]), int(match[3]), int(match[1])),
                *(hour, minute, second),
                tzinfo=UTC,
            )
        return local - offset_of(zone)
    except (ValueError, OverflowError) as error:
        shown = json_text(value)[:80]
        raise MisfitError("time", f"{shown!r} is not a time ({form}): {error}") from None


def _of_text(value: str, decimal: str, percent: bool, scale: float | None) -> float:
    text = value.translate(_SPACES).strip() if len(value) <= MAX_TEXT else ""
    shown = repr(value[:80])
    if text.endswith("%"):
        if not percent or scale is not None:
            why = "the unit is not percent" if not percent else "scale is set too"
            raise MisfitError("value", f"{shown} has a percent sign, and {why}")
        text = text[:-1].rstrip()
    if not _NUMBER[decimal].fullmatch(text):
        raise MisfitError(
            "value", f"{shown} is not a number with the decimal sign {decimal!r}; see decimal"
        )
    for sign in _GROUPS[decimal]:
        text = text.replace(sign, "")
    return _finite(float(text.replace(",", ".")))


def _finite(number: float) -> float:
    try:
        found = float(number)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise MisfitError("value", "the number is too large")
    return found
