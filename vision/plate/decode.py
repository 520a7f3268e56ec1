"""From a recogniser's probabilities to the lines that a plate may say.

A connectionist temporal classification (CTC) prefix beam search (Graves et al. 2006; Hannun et al.
2014), in which a prefix grows only as the grammar allows. So a shape that two characters share is
decided by its position while reading, with all that the recogniser knew, and not patched later in
its one best guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vision.plate.grammar import Automaton

CHARACTERS: Final = "0123456789ABCDEFGHKLMNPQRSTUVXYZ"
"""All that stands on plates, ``Đ`` as ``D``; Q only on military ones."""

Probabilities = NDArray[np.float32]
"""[T, 1 + len(CHARACTERS)]: of each time step, of no character and of each character."""

SEPARATORS: Final = " -–—_.·•,:'*~"
"""Read as no character: marks are faint, the recogniser drops or doubles them, and where they
stand follows from the rest."""

# Characters that no plate bears at all, as what they are on it.
_SAME: Final[Mapping[str, str]] = {
    "0": "Oo○〇",
    "1": "Iil",
    "D": "ĐÐ",  # its stroke is a pixel high: a clear "MĐ1" is read as "MD1" with probability 1
    **{upper: upper.lower() for upper in "CKMNPSUVXYZEFHLRTA"},
}
LIKE: Final[Mapping[str, str]] = {
    "0": "D",
    "D": "0",
    "Q": "0",
    "U": "0",
    "8": "B",
    "B": "8",
    "5": "S",
    "S": "5",
    "2": "Z",
    "Z": "2",
    "6": "G",
    "G": "6",
    "1": "TL",
    "T": "1",
    "L": "1",
    "4": "A",
    "A": "4",
}
"""Shapes that a position may decide: what was read → what it may be where that cannot stand."""
LIKENESS: Final = 0.5
"""What such a shape counts for. Half: the text is known as a candidate, but no reading stands
on one look that needed help."""


def mixing(characters: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """How a recogniser's classes become ours.

    Args:
        characters: Its classes in order, class 0 being "no character" whatever it is called.

    Returns:
        The classes that matter, int64 [C], and their share in each of ours, float32
        [C, 1 + len(CHARACTERS)].

    Raises:
        ValueError: A class that every plate needs is missing.
    """
    place: dict[str, int] = {}
    for index, character in enumerate(characters):
        if index and character not in place:
            place[character] = index
    missing = [c for c in CHARACTERS if c not in place]
    if missing:
        raise ValueError(f"no class for {' '.join(missing)}")
    shares: dict[tuple[int, int], float] = {(0, 0): 1.0}
    for mark in SEPARATORS:
        if mark in place:
            shares[place[mark], 0] = 1.0
    for column, character in enumerate(CHARACTERS, start=1):
        for same in character + _SAME.get(character, ""):
            if same in place:
                shares[place[same], column] = 1.0
    classes = sorted({source for source, _ in shares})
    row = {source: index for index, source in enumerate(classes)}
    matrix = np.zeros((len(classes), 1 + len(CHARACTERS)), np.float32)
    for (source, column), share in shares.items():
        matrix[row[source], column] = share
    return np.array(classes, np.int64), matrix


@dataclass(frozen=True, slots=True)
class Line:
    """What a line may say.

    Attributes:
        text: Its characters without separators.
        probability: Of exactly this, 0-1; the rest belongs to other lines and to none at all.
    """

    text: str
    probability: float


def decode(
    probabilities: Probabilities,
    grammar: Automaton,
    beam: int = 16,
    best: int = 4,
    least: float = 1e-3,
) -> list[Line]:
    """The most probable lines that the grammar allows, best first.

    Args:
        probabilities: Of each step and character.
        grammar: The lines that are allowed.
        beam: Prefixes kept after each step.
        best: Lines returned at most.
        least: A character less probable than this at a step is not tried there.

    Returns:
        Lines with probabilities; empty where nothing allowed was seen at all.
    """
    # (Text, last character as read) → state in the grammar, and the probabilities that the steps
    # so far ended in a blank or in that character. As read and as meant differ where a position
    # decided, and a character that lasts for two steps is known by how it was read.
    beams: dict[tuple[str, str], tuple[int, float, float]] = {("", ""): (0, 1.0, 0.0)}
    for step in probabilities:
        seen = [(CHARACTERS[k - 1], float(step[k])) for k in np.flatnonzero(step >= least) if k]
        blank = float(step[0])
        grown: dict[tuple[str, str], tuple[int, float, float]] = {}
        for (text, last), (state, with_blank, without) in beams.items():
            repeat = float(step[CHARACTERS.index(last) + 1]) if last else 0.0
            _add(grown, (text, last), state, (with_blank + without) * blank, without * repeat)
            for character, chance in seen:
                # A doubled character needs a blank between.
                before = with_blank if character == last else with_blank + without
                if before <= 0:
                    continue
                after = grammar.step(state, character)
                if after >= 0:
                    _add(grown, (text + character, character), after, 0.0, before * chance)
                    continue
                for meant in LIKE.get(character, ""):
                    after = grammar.step(state, meant)
                    if after >= 0:
                        share = before * chance * LIKENESS
                        _add(grown, (text + meant, character), after, 0.0, share)
        ranked = sorted(grown.items(), key=lambda item: -(item[1][1] + item[1][2]))
        beams = {key: value for key, value in ranked[:beam] if value[1] + value[2] > 1e-12}
    sums: dict[str, float] = defaultdict(float)
    for (text, _), (state, with_blank, without) in beams.items():
        if grammar.ends(state):
            sums[text] += with_blank + without
    ranked_lines = sorted(sums.items(), key=lambda item: -item[1])[:best]
    return [Line(text, min(1.0, share)) for text, share in ranked_lines]


def _add(
    grown: dict[tuple[str, str], tuple[int, float, float]],
    key: tuple[str, str],
    state: int,
    with_blank: float,
    without: float,
) -> None:
    old = grown.get(key)
    if old is not None:
        with_blank, without = with_blank + old[1], without + old[2]
    grown[key] = (state, with_blank, without)
