"""A rendered clip from the seed to its files, and pictures to train on."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ioc.errors import ConfigError
from ioc.site import load_site
from simulator.clip import ClipFiles, clip_name, make_clip, make_truth, make_world
from simulator.conditions import Conditions
from simulator.dataset import CLASSES, Plan, make_dataset
from simulator.live import LiveFrames, parse_address
from simulator.places import place_of
from simulator.truth.files import read_truth, write_truth

PLACE = place_of("ngabay")
MOUNT = PLACE.mounts[0]
SECONDS = 2.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipFiles:
    folder = tmp_path_factory.mktemp("clip")
    return make_clip(PLACE, MOUNT, 3, SECONDS, folder, Conditions())


def test_every_picture_of_a_clip_has_its_row_in_the_truth(clip: ClipFiles) -> None:
    truth = read_truth(clip.truth)

    with av.open(str(clip.video)) as container:
        pictures = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]

    assert len(pictures) == truth.frames == 25
    assert pictures[0].shape == (MOUNT.lens.height, MOUNT.lens.width, 3)
    assert pictures[0].std() > 10


def test_a_moving_vehicle_is_where_its_box_says(clip: ClipFiles) -> None:
    truth = read_truth(clip.truth)
    with av.open(str(clip.video)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    change = cv2.absdiff(pictures[0], pictures[-1]).astype(float)
    inside = np.zeros(change.shape, np.bool_)
    boxes = truth.boxes
    for frame in (0, truth.frames - 1):
        for left, top, right, bottom in boxes.xyxy[boxes.rows(frame)].round().astype(int):
            inside[max(0, top) : bottom, max(0, left) : right] = True

    assert change[inside].mean() > 5 * change[~inside].mean()


def test_the_same_seed_gives_the_same_bytes_of_truth(clip: ClipFiles, tmp_path: Path) -> None:
    name = clip_name(PLACE, MOUNT, 3)
    world = make_world(PLACE, 3, SECONDS, Conditions())

    write_truth(tmp_path, name, make_truth(world, PLACE, MOUNT), PLACE)

    written = sorted(tmp_path.iterdir())
    assert len(written) >= 4
    for file in written:
        assert file.read_bytes() == (clip.truth.parent / file.name).read_bytes(), file.name


def test_the_site_file_of_a_clip_names_its_video(clip: ClipFiles) -> None:
    site = load_site(clip.site)

    assert site.camera(MOUNT.id).source == clip.video.name
    assert {settings.rule for settings in site.camera(MOUNT.id).rules} == {
        watch.rule for watch in MOUNT.watches
    }


def test_a_clip_without_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a clip of 0\.2 s: give 1 s to 60 min"):
        make_clip(PLACE, MOUNT, 1, 0.2, tmp_path)


def test_training_pictures_are_labelled_in_shares_of_the_picture(tmp_path: Path) -> None:
    plan = Plan(worlds=1, pictures=3, first_seed=100_001, width=640)

    written = make_dataset(tmp_path, plan)

    assert (written.train, written.val) == (3, 0)
    index = json.loads((tmp_path / "dataset.json").read_text())
    assert index["classes"] == list(CLASSES)
    rows = []
    for name in index["split"]["train"]:
        picture = cv2.imread(str(tmp_path / "images" / f"{name}.jpg"))
        assert picture is not None and picture.shape == (360, 640, 3)
        lines = (tmp_path / "labels" / f"{name}.txt").read_text().splitlines()
        rows += [[float(word) for word in line.split()] for line in lines if line]
    table = np.array(rows)
    assert table.shape[1] == 6 and ((table[:, 1:] >= 0) & (table[:, 1:] <= 1)).all()
    assert {CLASSES[int(number)] for number in table[:, 0]} & {"motorcycle", "car"}


def test_models_are_trained_on_seeds_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="train on 100000 to 199999 only"):
        make_dataset(tmp_path, Plan(worlds=2, pictures=1, first_seed=7))


def test_a_live_camera_moves_on_over_pictures_that_it_leaves_out() -> None:
    frames = LiveFrames(parse_address("sim://ngabay/cam-1?seed=2&light=day&weather=clear"))
    try:
        first = next(frames)
        frames.skip(20)
        later = next(frames)
    finally:
        frames.close()

    assert first.shape == later.shape == (MOUNT.lens.height, MOUNT.lens.width, 3)
    assert cv2.absdiff(first, later).mean() > 0.1


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("sim://nowhere/cam-1", "place 'nowhere' is not known; there are vithanh/tran-hung-dao"),
        ("sim://vithanh/cam-9", "vithanh/tran-hung-dao has no camera 'cam-9'; there is cam-1"),
        ("sim://vithanh/cam-1?seed=x", "seed=x: give a whole number below 2147483648"),
        ("sim://vithanh/cam-1?light=noon", "light 'noon': give day, dusk, night"),
        ("sim://vithanh/cam-1?fog=1", "fog: known are seed, density, light, weather"),
    ],
)
def test_a_wrong_address_of_a_live_camera_is_told(address: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said.replace("(", r"\(")):
        parse_address(address)
