"""The catalogue: all law files together, asked for the law of the day of an act.

A law holds from its first day to its last. An amendment that decides a rule and a class anew
replaces all that its law says of the two, from its own first day; one that decides nothing changes
no figure, and is named beside the articles that it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Final

from ioc.clock import VIETNAM
from ioc.errors import ConfigError
from ioc.events import Rule, VehicleClass
from ioc.law.document import Entry, Law, Pair, load_law
from ioc.law.penalty import Combined, Penalty

FOLDER: Final = Path(__file__).parent


class Catalogue:
    """Which penalty the law held ready for an act on its day."""

    def __init__(self, laws: Mapping[str, Law]) -> None:
        """Check that the laws fit together.

        Args:
            laws: What each file says, by the file's name, which errors repeat.

        Raises:
            ConfigError: A number stands there twice, an amendment finds no law, or two documents
                decide the same rule and class for the same day.
        """
        self._laws = _base_laws(laws)
        self._amendments = {law.number: _amendments(law, laws) for law in self._laws}

    @classmethod
    def load(cls, folder: Path | None = None) -> Catalogue:
        """The catalogue of a folder's law files (``*.toml``).

        Args:
            folder: None for the files that come with the system.

        Raises:
            ConfigError: A file is wrong, there is none, or they do not fit together.
        """
        folder = folder or FOLDER
        laws = {str(path): load_law(path) for path in sorted(folder.glob("*.toml"))}
        if not laws:
            raise ConfigError(f"{folder}: no law file (*.toml) in this folder; add one")
        return cls(laws)

    def penalty(
        self, rule: Rule, vehicle: VehicleClass, act_day: date, *, over_kmh: float | None = None
    ) -> Penalty | None:
        """What the law of that day holds ready for an act.

        Args:
            rule: Which rule was broken.
            vehicle: With what.
            act_day: Day of the act in Vietnam; ``day_of_act`` gives it.
            over_kmh: Speed over the limit; only speeding asks for it.

        Returns:
            None before the first law, where the catalogue names no penalty on purpose
            (``absence``), and for speeding below the lowest band or without ``over_kmh``.

        Raises:
            TypeError: ``act_day`` is an instant, whose day depends on the time zone.
        """
        pair = rule, vehicle
        law, deciding, amendments = self._on(pair, act_day)
        if law is None or deciding is None:
            return None
        for entry in deciding.entries(pair):
            if _applies(entry, over_kmh):
                amended = [each for each in amendments if _amended(entry, each, deciding)]
                return _penalty(law, deciding, amended, entry, vehicle)
        return None

    def absence(self, rule: Rule, vehicle: VehicleClass, act_day: date) -> str | None:
        """Why the catalogue names no penalty for a rule and a class on purpose, Vietnamese.

        Returns:
            None where it names one, and where no law was in force.
        """
        deciding = self._on((rule, vehicle), act_day)[1]
        return None if deciding is None else deciding.reason((rule, vehicle))

    @staticmethod
    def combined(penalties: Iterable[Penalty]) -> Combined:
        """Several acts punished at once: a fine for each, points only of the worst.

        So says Điều 50, khoản 1, điểm b, 168/2024/NĐ-CP. Nothing gives nothing.
        """
        each = list(penalties)
        return Combined(
            fine_min=sum(one.fine_min for one in each),
            fine_max=sum(one.fine_max for one in each),
            points=max((one.points for one in each), default=0),
        )

    def _on(self, pair: Pair, day: date) -> tuple[Law | None, Law | None, Sequence[Law]]:
        """The law of a day, the document that decides the pair, the amendments in force."""
        if isinstance(day, datetime):
            raise TypeError("act_day is an instant; take its day in Vietnam with day_of_act()")
        for law in self._laws:
            if law.in_force_from <= day <= (law.in_force_until or date.max):
                amendments = [a for a in self._amendments[law.number] if a.in_force_from <= day]
                documents = [law, *amendments]
                deciding = [each for each in documents if pair in each.decided()]
                if deciding:
                    return law, deciding[-1], amendments
        return None, None, ()


def day_of_act(at: datetime) -> date:
    """The day in Vietnam of an instant.

    Raises:
        ValueError: It has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone, so its day is not known")
    return at.astimezone(VIETNAM).date()


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with the system, read once.

    Raises:
        ConfigError: One of its files is wrong.
    """
    return Catalogue.load()


def _base_laws(laws: Mapping[str, Law]) -> tuple[Law, ...]:
    """Those that amend nothing, the oldest first."""
    names: dict[str, str] = {}
    for name, law in laws.items():
        if other := names.get(law.number):
            raise ConfigError(f"{name}: number: {law.number} is that of {other} too; remove one")
        names[law.number] = name
    base = {name: law for name, law in laws.items() if law.amends is None}
    for name, law in laws.items():
        if law.amends is not None and law.amends not in {each.number for each in base.values()}:
            known = ", ".join(each.number for each in base.values()) or "none"
            raise ConfigError(
                f"{name}: amends: no file of a law {law.amends!r}; the laws here are {known}"
            )
    for (first, one), (second, two) in combinations(base.items(), 2):
        apart = _ends(one) < two.in_force_from or _ends(two) < one.in_force_from
        if not apart and (both := _scope(one, laws) & _scope(two, laws)):
            raise ConfigError(
                f"{second}: in_force_from: decides {_listed(both)} on days on which {first} "
                "does; end one of them with in_force_until"
            )
    return tuple(sorted(base.values(), key=lambda law: law.in_force_from))


def _amendments(law: Law, laws: Mapping[str, Law]) -> tuple[Law, ...]:
    """What amends a law, the oldest first."""
    found = {name: each for name, each in laws.items() if each.amends == law.number}
    for name, each in found.items():
        if not law.in_force_from <= each.in_force_from <= _ends(law):
            raise ConfigError(f"{name}: in_force_from: {law.number} is not in force on that day")
    for (first, one), (second, two) in combinations(found.items(), 2):
        both = one.decided() & two.decided()
        if one.in_force_from == two.in_force_from and both:
            raise ConfigError(
                f"{second}: in_force_from: decides {_listed(both)} from the same day as {first}; "
                "keep it in one of them"
            )
    return tuple(sorted(found.values(), key=lambda each: each.in_force_from))


def _scope(law: Law, laws: Mapping[str, Law]) -> set[Pair]:
    """What a law decides, by itself or through its amendments."""
    amendments = (each for each in laws.values() if each.amends == law.number)
    return law.decided().union(*(each.decided() for each in amendments))


def _ends(law: Law) -> date:
    return law.in_force_until or date.max


def _listed(pairs: set[Pair]) -> str:
    names = sorted("/".join(pair) for pair in pairs)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _applies(entry: Entry, over_kmh: float | None) -> bool:
    if entry.over_kmh is None:
        return True
    return over_kmh is not None and entry.over_kmh.holds(over_kmh)


def _amended(entry: Entry, amendment: Law, deciding: Law) -> bool:
    return amendment is deciding or amendment.touched(entry.article)


def _penalty(
    law: Law, deciding: Law, amended: Sequence[Law], entry: Entry, vehicle: VehicleClass
) -> Penalty:
    class_note = deciding.class_notes.get(vehicle) or law.class_notes.get(vehicle)
    return Penalty(
        rule=entry.rule,
        vehicle=vehicle,
        article=entry.article,
        law=law.number,
        amended_by=tuple(each.number for each in amended),
        fine_min=entry.fine_min,
        fine_max=entry.fine_max,
        points=entry.points,
        points_article=entry.points_article,
        title_vi=entry.title_vi,
        title_en=entry.title_en,
        source=entry.source or deciding.source,
        note=" ".join(note for note in (entry.note, class_note) if note),
    )
