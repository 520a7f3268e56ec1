"""Batches, made ready while the network is busy with the ones before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.contract import InputSize
from models.train.augment import Example, Image, decode, example
from models.train.dataset import FloatArray, Sample

AHEAD: Final = 4
"""Batches that wait at most."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures and what is on them, one after another.

    Attributes:
        pictures: BGR, uint8 [B, H, W, 3].
        picture: Place of each object's picture in the batch, int64 [G].
        class_id: int64 [G].
        xyxy: Pixels, float32 [G, 4].
        ignored: Objects that count neither way, bool [G].
    """

    pictures: Image
    picture: NDArray[np.int64]
    class_id: NDArray[np.int64]
    xyxy: FloatArray
    ignored: NDArray[np.bool_]

    @staticmethod
    def of(examples: Sequence[Example]) -> Batch:
        """One batch of some examples."""
        counts = [len(each.class_id) for each in examples]
        return Batch(
            np.stack([each.picture for each in examples]),
            np.repeat(np.arange(len(examples)), counts),
            np.concatenate([each.class_id for each in examples]),
            np.concatenate([each.xyxy for each in examples]),
            np.concatenate([each.ignored for each in examples]),
        )


class Pictures:
    """Decoded pictures, kept while they fit; the rest are decoded each time, 10 ms at 1080p."""

    def __init__(self, memory: int) -> None:
        """Start with none.

        Args:
            memory: Bytes that may be kept.
        """
        self._left = memory
        self._kept: dict[str, Image] = {}

    def of(self, sample: Sample) -> Image:
        """The picture of a sample. It must not be written to."""
        picture = self._kept.get(sample.name)
        if picture is None:
            picture = decode(sample)
            if picture.nbytes <= self._left:
                self._left -= picture.nbytes
                self._kept[sample.name] = picture
        return picture


def order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the samples in an epoch: the same for the same seed, however it is reached."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def batches(
    samples: Sequence[Sample],
    pictures: Pictures,
    size: InputSize,
    count: int,
    seed: int,
    epoch: int,
) -> Iterator[Batch]:
    """The batches of an epoch; samples that fill no batch wait for the next epoch.

    Each sample draws from a generator of its own, so that threads change nothing.

    Args:
        samples: What is learned from.
        pictures: Decoded ones.
        size: The network's input.
        count: Pictures of a batch.
        seed: Of the training.
        epoch: From 0 on.
    """
    cv2.setNumThreads(1)
    turns = order(len(samples), seed, epoch)
    count = min(count, len(samples))

    def make(places: NDArray[np.int64]) -> Batch:
        made = []
        for place in places.tolist():
            rng = np.random.default_rng((seed, epoch, place))
            made.append(example(samples[place], size, rng, pictures.of(samples[place])))
        return Batch.of(made)

    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future[Batch]] = deque()
        for start in range(0, len(turns) - count + 1, count):
            waiting.append(pool.submit(make, turns[start : start + count]))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
