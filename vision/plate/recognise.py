"""The recogniser of lines: many line images in, probabilities of plate characters out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from ioc.errors import ConfigError
from vision.plate.decode import Probabilities, mixing
from vision.plate.weights import RECOGNISER, open_weights
from vision.source.picture import Image

HEIGHT: Final = 48
"""Rows that the model was trained on."""
STEP: Final = 32
"""Widths are rounded up to this, so that few shapes occur and few pixels are padding."""
WIDEST: Final = 320
MOST: Final = 16
"""Lines in one run: at 160 columns, the model's 18 710 classes are 24 MB for 16 lines."""


class Recogniser:
    """Reads lines. Not for several threads at once: its buffers are shared."""

    def __init__(self, threads: int = 1) -> None:
        """Load the model.

        Raises:
            ConfigError: The model is missing, broken, or does not know a plate's characters.
        """
        self._session = open_weights(RECOGNISER, threads)
        self._input = self._session.get_inputs()[0].name
        listed = self._session.get_modelmeta().custom_metadata_map.get("character", "")
        try:
            # Class 0 is the blank; the space, after all that are listed, is the last.
            self._classes, self._shares = mixing(["", *listed.split("\n"), " "])
        except ValueError as error:
            raise ConfigError(f"{RECOGNISER}: {error}; install rapidocr 3.9 to 3.10") from None
        self._rows: dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}

    def read(self, lines: Sequence[Image]) -> list[Probabilities]:
        """What each line may say.

        Args:
            lines: Level lines of text, BGR uint8 [h, w, 3] of any size above 0.

        Returns:
            Of each line its probabilities, in order.
        """
        widths = [_width(line) for line in lines]
        order = sorted(range(len(lines)), key=lambda index: widths[index])
        found: list[Probabilities] = [np.empty((0, 0), np.float32)] * len(lines)
        while order:
            bucket = -(-widths[order[0]] // STEP) * STEP
            same = [index for index in order if widths[index] <= bucket][:MOST]
            order = order[len(same) :]
            for index, probabilities in zip(same, self._run(lines, widths, same), strict=True):
                found[index] = probabilities
        return found

    def _run(
        self, lines: Sequence[Image], widths: Sequence[int], chosen: Sequence[int]
    ) -> list[Probabilities]:
        bucket = -(-widths[chosen[0]] // STEP) * STEP
        memory = self._rows.get(bucket)
        if memory is None:
            memory = self._rows[bucket] = np.empty((MOST, 3, HEIGHT, bucket), np.float32)
        batch = memory[: len(chosen)]
        batch[...] = 0  # what the model was trained to see as padding
        for row, index in zip(batch, chosen, strict=True):
            width = widths[index]
            line = lines[index]
            shrinks = line.shape[0] > HEIGHT
            way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            level = cv2.resize(line, (width, HEIGHT), interpolation=way)
            np.multiply(level.transpose(2, 0, 1), 1 / 127.5, out=row[:, :, :width])
            row[:, :, :width] -= 1
        raw = np.asarray(self._session.run(None, {self._input: batch})[0])
        # Padding is read as "no character"; its steps stay, they cost next to nothing.
        ours = raw[:, :, self._classes] @ self._shares
        return list(np.minimum(ours, 1.0).astype(np.float32))


def _width(line: Image) -> int:
    rows, columns = line.shape[:2]
    return int(min(max(round(columns * HEIGHT / rows), STEP), WIDEST))
