"""Elements of HTML and SVG: whatever goes in as text stays text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

from dashboards.screen import State

SIGNS: Final[dict[State, str]] = {
    "ok": "M5 1.2a3.8 3.8 0 1 0 .01 0z",
    "warn": "M5 .4 9.9 9.2H.1z",
    "alarm": "M.8.8h8.4v8.4H.8z",
    "none": "M5 1.2a3.8 3.8 0 1 0 .01 0z",
}
"""Shapes that differ without any colour: disc, triangle, square, ring. The typeface has none."""

CLOCK: Final = "M5 .7a4.3 4.3 0 1 0 .01 0zM5 2.4V5l2 1.3"


def element(name: str, attributes: dict[str, object], *content: object) -> Markup:
    """One element; attributes that are None are left out, and so are empty contents.

    Args:
        name: Of the element, ours.
        attributes: Their names are ours, their values may be anybody's.
        content: ``Markup`` as it is, anything else as text.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            parts.append(f' {key}="{escape(value)}"')
    parts.append(">")
    parts.extend(escape(part) for part in content if part is not None)
    parts.append(f"</{name}>")
    return Markup("".join(parts))


def join(parts: object) -> Markup:
    """Elements behind one another."""
    return Markup("").join(parts)  # type: ignore[arg-type]


def in_lines(texts: Iterable[str]) -> Markup:
    """Lines below one another; a space between them, for whoever copies or searches."""
    return Markup(" ").join(element("span", {"class": "line"}, text) for text in texts)


def sign(state: State) -> Markup:
    """The sign of a state; its word stands beside it."""
    shape = element("path", {"d": SIGNS[state]})
    return element(
        "svg", {"class": f"sign {state}", "viewBox": "0 0 10 10", "aria-hidden": "true"}, shape
    )


def coordinate(value: float) -> str:
    """A length in a drawing, no longer than the eye can tell."""
    return f"{value:.1f}".removesuffix(".0")


def svg_text(
    told: str, x: float, y: float, size: float, name: str, anchor: str | None = None
) -> Markup:
    """A line of text in a drawing.

    Args:
        told: The text.
        x: Of its anchor.
        y: Of the line that letters stand on.
        size: Of the letters.
        name: Classes.
        anchor: ``middle`` or ``end``; the beginning otherwise.
    """
    attributes: dict[str, object] = {
        "class": name, "x": coordinate(x), "y": coordinate(y), "font-size": coordinate(size),
        "text-anchor": anchor,
    }  # fmt: skip
    return element("text", attributes, told)
