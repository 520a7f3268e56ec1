"""A part's ``/metrics`` page as values. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

OURS: Final = ("ioc_", "process_")
"""Beginnings of the names that are read; a page of another maker may have thousands of others."""

MOST_BYTES: Final = 2 * 2**20
"""Our own pages have some 10 KB."""

MOST_LINES: Final = 5_000
"""Of names that are read; ours have some 100, and a line takes 10 µs."""

LABEL_LENGTH: Final = 100

Samples = Mapping[tuple[tuple[str, str], ...], float]
"""Labels, sorted → value."""


class PageError(ValueError):
    """A page that is none, or holds nothing that is known; the message says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a part says of itself at one instant.

    Attributes:
        samples: Name → labels → value; every value is finite.
    """

    samples: Mapping[str, Samples] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether there is any sample of a name."""
        return name in self.samples

    def total(self, name: str) -> float:
        """Sum over all labels of a name; 0 where there is none."""
        return math.fsum(self.samples.get(name, {}).values())

    def by(self, name: str, label: str) -> dict[str, float]:
        """Samples of a name by one of their labels, cut to what may stand in a figure."""
        found: dict[str, float] = {}
        for labels, value in self.samples.get(name, {}).items():
            key = clean(dict(labels).get(label, ""))
            found[key] = found.get(key, 0.0) + value
        return found

    def buckets(self, name: str) -> tuple[tuple[float, float], ...]:
        """Upper bounds and cumulative counts of a histogram, by bound; empty where it is none."""
        counts: dict[float, float] = {}
        for labels, value in self.samples.get(f"{name}_bucket", {}).items():
            try:
                bound = float(dict(labels)["le"])
            except (KeyError, ValueError):
                return ()
            if math.isnan(bound):
                return ()
            counts[bound] = counts.get(bound, 0.0) + value
        return tuple(sorted(counts.items()))


def read_page(text: str) -> Page:
    """Take a page apart.

    Args:
        text: As it came.

    Raises:
        PageError: It is too long, cannot be read, or has nothing of ours and no ``process_…``.
    """
    if len(text) > MOST_BYTES:
        raise PageError(f"more than {MOST_BYTES} characters")
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    try:
        families = text_string_to_metric_families("\n".join(_lines(text)) + "\n")
        for sample in (sample for family in families for sample in family.samples):
            if math.isfinite(sample.value):
                labels = tuple(sorted(sample.labels.items()))
                samples.setdefault(sample.name, {})[labels] = float(sample.value)
    except PageError:
        raise
    except Exception as error:
        # The parser raises whatever it stumbles over: ValueError, IndexError, KeyError …
        raise PageError(f"no metrics page: {type(error).__name__}") from None
    if not samples:
        raise PageError("no metrics page: nothing in it begins with ioc_ or process_")
    return Page(samples)


def clean(text: str) -> str:
    """A label as it may stand in the database: printable, and not longer than 100 characters."""
    kept = "".join(one if one.isprintable() else "?" for one in text[:LABEL_LENGTH])
    return kept.encode("utf-8", "replace").decode()


def _lines(text: str) -> Iterator[str]:
    """The lines of names that are read, without comments: types and help are not needed."""
    count = 0
    for line in text.split("\n"):
        if line.startswith(OURS):
            count += 1
            if count > MOST_LINES:
                raise PageError(f"more than {MOST_LINES} lines of figures")
            yield line
