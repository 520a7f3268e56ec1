from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.contract import InputSize
from models.train.augment import (
    PADDING,
    View,
    decode,
    example,
    random_view,
    relit,
    seen_through,
    whole,
)
from models.train.dataset import Sample, read_dataset
from models.train.feed import Batch, Pictures, batches
from tests.models.rectangles import make
from vision.detect import letterbox

SIZE = InputSize(96, 160)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    folder = make(tmp_path_factory.mktemp("data") / "data", 5, 1, size=(180, 320))
    return read_dataset(folder).train


@given(st.integers(40, 2200), st.integers(40, 4000), st.floats(0.5, 1))
def test_a_picture_lies_as_the_camera_node_lays_it(high: int, wide: int, pressed: float) -> None:
    theirs = letterbox.fit(high, wide, SIZE, flatten=pressed)

    assert whole(high, wide, SIZE, pressed).place == (0, 0, theirs.width, theirs.height)


def drawn(xyxy: list[float]) -> tuple[Sample, np.ndarray]:
    """A white box on black, 400 x 200."""
    picture = np.zeros((200, 400, 3), np.uint8)
    left, top, right, bottom = (round(each) for each in xyxy)
    picture[top:bottom, left:right] = 255
    box = np.asarray(np.array([xyxy]) / np.array([400, 200, 400, 200]), np.float32)
    return Sample("box", b"", np.array([3]), box, np.ones(1, np.float32)), picture


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_a_label_stays_on_its_object_through_any_view(seed: int) -> None:
    sample, picture = drawn([160, 60, 260, 140])
    rng = np.random.default_rng(seed)

    seen = seen_through(sample, picture, random_view(200, 400, SIZE, rng), SIZE)

    white = seen.picture[..., 0] > 190
    if not white.any():
        assert seen.ignored.all()
        return
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    found = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose(seen.xyxy[0], found, atol=1.6)


def test_an_object_that_is_mostly_hidden_cut_or_tiny_counts_neither_way() -> None:
    sample, picture = drawn([100, 50, 200, 150])
    view = whole(200, 400, SIZE)

    def ignored(seen: Sample, through: View = view) -> bool:
        return bool(seen_through(seen, picture, through, SIZE).ignored[0])

    assert not ignored(sample)
    assert ignored(replace(sample, visible=np.array([0.2], np.float32)))
    assert not ignored(replace(sample, visible=np.array([0.3], np.float32)))
    assert ignored(replace(sample, xyxy=np.array([[0.5, 0.5, 0.51, 0.51]], np.float32)))
    assert ignored(sample, View((185, 0, 385, 100), (0, 0, 160, 80)))
    assert not ignored(sample, View((140, 0, 340, 200), (0, 0, 96, 96)))


def test_an_object_outside_the_view_is_not_there() -> None:
    sample, picture = drawn([100, 50, 200, 150])

    seen = seen_through(sample, picture, View((200, 0, 400, 100), (8, 4, 144, 72)), SIZE)

    assert len(seen.class_id) == 0
    assert (seen.picture[:4] == PADDING).all()


def test_light_and_noise_leave_a_picture_a_picture(samples: tuple[Sample, ...]) -> None:
    plain = example(samples[0], SIZE, None).picture
    changed = [relit(plain.copy(), np.random.default_rng(seed)) for seed in range(40)]

    assert all(each.shape == plain.shape and each.dtype == np.uint8 for each in changed)
    away = [np.abs(each.astype(int) - plain).mean() for each in changed]
    assert np.median(away) > 3
    # However it is lit, what was brighter by far is brighter still.
    bright, dark = plain.mean(-1) > 150, plain.mean(-1) < 30
    assert all(each[bright].mean() > each[dark].mean() + 20 for each in changed)


def same(one: Batch, other: Batch) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("pictures", "picture", "class_id", "xyxy", "ignored")
    )


def test_the_same_seed_and_epoch_give_the_same_batches(samples: tuple[Sample, ...]) -> None:
    def made(seed: int, epoch: int, memory: int = 10**9) -> list[Batch]:
        return list(batches(samples, Pictures(memory), SIZE, 2, seed, epoch))

    first = made(4, 1)

    assert len(first) == 2  # the fifth picture waits for an epoch that draws it earlier
    assert all(same(one, other) for one, other in zip(first, made(4, 1, 0), strict=True))
    assert not same(first[0], made(4, 2)[0])
    assert not same(first[0], made(5, 1)[0])


def test_a_picture_looks_different_in_every_epoch(samples: tuple[Sample, ...]) -> None:
    first, second = (
        next(batches(samples[:1], Pictures(0), SIZE, 1, 0, epoch)).pictures for epoch in (0, 1)
    )

    assert not np.array_equal(first, second)


def test_decoded_pictures_are_kept_only_while_they_fit(samples: tuple[Sample, ...]) -> None:
    pictures = Pictures(decode(samples[0]).nbytes + 100)

    assert pictures.of(samples[0]) is pictures.of(samples[0])
    assert pictures.of(samples[1]) is not pictures.of(samples[1])


def test_a_picture_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    from ioc.errors import ConfigError

    nothing = np.empty((0, 4), np.float32)
    broken = Sample("p7", b"\xff\xd8", np.empty(0, np.int64), nothing, nothing[:, 0])
    with pytest.raises(ConfigError, match=r"images/p7.jpg"):
        decode(broken)
