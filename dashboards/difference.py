"""How two documents differ, key by key, in lines that a person can read."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_WIDEST: Final = 110
"""Longest value in a line, characters; what is longer is cut in its middle."""

_CONTEXT: Final = 1
"""Lines of a text that are shown around one that changed."""


def differences(found: Any, wanted: Any, *, extra: bool = True) -> list[str]:
    """What must change for ``found`` to become ``wanted``.

    Args:
        found: What is there.
        wanted: What should be.
        extra: Whether keys count that only ``found`` has. A server adds its own.

    Returns:
        ``path: old → new`` for each value, ``- path: old`` and ``+ path: new`` for what is gone or
        came, and changed lines of longer texts. Empty when nothing differs.
    """
    return list(_compared(found, wanted, "", extra))


def _compared(found: Any, wanted: Any, path: str, extra: bool) -> Iterator[str]:
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*found, *wanted}):
            where = f"{path}.{key}" if path else str(key)
            if key not in wanted:
                if extra:
                    yield f"- {where}: {_short(found[key])}"
            elif key not in found:
                yield f"+ {where}: {_short(wanted[key])}"
            else:
                yield from _compared(found[key], wanted[key], where, extra)
    elif isinstance(found, list) and isinstance(wanted, list):
        for place in range(max(len(found), len(wanted))):
            where = f"{path}[{place}]{_named(wanted if place < len(wanted) else found, place)}"
            if place >= len(wanted):
                yield f"- {where}: {_short(found[place])}"
            elif place >= len(found):
                yield f"+ {where}: {_short(wanted[place])}"
            else:
                yield from _compared(found[place], wanted[place], where, extra)
    elif isinstance(found, str) and isinstance(wanted, str) and "\n" in found + wanted:
        if found != wanted:
            yield f"{path}:"
            yield from _lines(found, wanted)
    elif not _same(found, wanted):
        yield f"{path}: {_short(found)} → {_short(wanted)}"


def _same(found: Any, wanted: Any) -> bool:
    # True == 1 in Python, but not in JSON.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _lines(found: str, wanted: str) -> Iterator[str]:
    changed = difflib.unified_diff(found.splitlines(), wanted.splitlines(), n=_CONTEXT, lineterm="")
    for line in list(changed)[2:]:
        yield f"    {line}"


def _named(items: Sequence[Any], place: int) -> str:
    """Title or name of an element, so that nobody has to count."""
    one = items[place]
    if isinstance(one, Mapping):
        for key in ("title", "name", "refId", "role"):
            if isinstance(one.get(key), str) and one[key]:
                return f" {one[key]!r}"
    return ""


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    half = _WIDEST // 2
    return text if len(text) <= _WIDEST else f"{text[:half]} … {text[-half:]}"
