"""The detector: pictures of all cameras in, road users out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2

from ioc.errors import ConfigError
from ioc.telemetry import logger
from models.contract import Part
from models.registry import Model, resolve
from vision.detect.decoder import decoder_of
from vision.detect.detected import Detected
from vision.detect.detections import BODY, standing
from vision.detect.inference import BoundInference, HostInference, Inference, known_outputs
from vision.detect.letterbox import letterbox
from vision.detect.providers import (
    GPU,
    DetectorSettings,
    batches_of,
    check_provider,
    open_session,
    plan_of,
    usable_cores,
)
from vision.detect.riders import on_foot
from vision.detect.second_look import SecondLook
from vision.detect.uint8 import as_uint8
from vision.detect.views import Region, join
from vision.source.picture import Picture

MOST: Final = 600
"""Boxes of one look before doubles fall. A dense junction gives 50 motorbikes of ten boxes each."""

__all__ = ["Detector", "DetectorSettings", "open_session", "usable_cores"]


class Detector:
    """Finds road users in pictures. Not for several threads at once: its buffers are shared.

    Attributes:
        model: The model that it runs.
    """

    def __init__(self, model: Model, settings: DetectorSettings | None = None) -> None:
        """Load a model.

        Raises:
            ConfigError: The wanted provider is unknown or did not load, the graph is broken, or
                the model that takes the second look is not there.
        """
        self.model = model
        self._settings = settings or DetectorSettings()
        # The session's threads take every core; a second pool in OpenCV only fights with them.
        cv2.setNumThreads(1)
        self._decoder = decoder_of(model.contract, model.size)
        self._stretch = model.contract.fit == "stretch"
        self._graphs = check_provider(self._settings) in GPU and known_outputs(model) is not None
        self._second = None if model.second_look is None else SecondLook(resolve(model.second_look))
        self._inference = self._start()

    @property
    def parts(self) -> frozenset[Part]:
        """What the model marks on vehicles."""
        return frozenset(self.model.contract.parts.values())

    @property
    def one_by_one(self) -> bool:
        """Whether pictures are run one after another, so that waiting for more gains nothing."""
        return self._inference.sizes[-1] == 1

    def warm_up(self) -> dict[int, float]:
        """Run every batch size, so that the first frame finds engines built and graphs captured.

        Returns:
            Batch size → seconds of one run of it, warm.

        Raises:
            ConfigError: The provider does not load again after CUDA graphs failed.
        """
        try:
            return self._warm()
        except Exception as error:  # onnxruntime raises its own classes, straight from Exception
            if not self._graphs:
                raise
            self._tell(error)
            self._inference = self._start()
            return self._warm()

    def detect(
        self,
        pictures: Sequence[Picture],
        regions: Sequence[Sequence[Region]] | None = None,
        flatten: Sequence[float] | None = None,
    ) -> list[Detected]:
        """The road users in some pictures.

        Args:
            pictures: One of each camera.
            regions: For each picture the parts that are looked at on their own, beside the
                whole; none when left out.
            flatten: For each picture the share of its height that it is pressed to before the
                model sees it, above 0 to 1; 1 when left out. Seen from straight above, cars look
                longer than in the pictures that detectors learn from.

        Returns:
            For each picture its boxes in its own pixels, best first, without doubles.
        """
        views: list[list[Region]] = [[(0, 0, each.width, each.height)] for each in pictures]
        for number, more in enumerate(regions or ()):
            views[number] += more
        looks = [
            (picture, region, share)
            for picture, of_it, share in zip(
                pictures, views, flatten or [1.0] * len(pictures), strict=True
            )
            for region in of_it
        ]
        found = iter(self._look(looks))
        return [
            self._merged(picture, of_it, [next(found) for _ in of_it])
            for picture, of_it in zip(pictures, views, strict=True)
        ]

    def _look(self, looks: Sequence[tuple[Picture, Region, float]]) -> list[Detected]:
        """What each look sees, in the pixels of its region."""
        found = []
        inference, contract = self._inference, self.model.contract
        most = inference.sizes[-1]
        for start in range(0, len(looks), most):
            part = looks[start : start + most]
            lies = [
                letterbox(
                    *(picture, inference.rows[row], contract.padding),
                    *(region, self._stretch, share),
                )
                for row, (picture, region, share) in enumerate(part)
            ]
            for at, outputs in zip(lies, inference.run(len(part)), strict=True):
                raw = self._decoder.decode(outputs, at, self._settings.least_score)
                found.append(self._alone(raw))
        return found

    def _merged(
        self, picture: Picture, regions: Sequence[Region], views: Sequence[Detected]
    ) -> Detected:
        found = views[0]
        if len(views) > 1:
            found = join(views, regions, picture.width, picture.height, self._settings.overlap)
        parts = found.parts
        if self._second is not None:
            parts = self._second.judge(picture, parts)
        return Detected(on_foot(found.vehicles), parts)

    def _alone(self, found: Detected) -> Detected:
        """What one look saw, the surest first, without doubles.

        A DETR sees nothing twice in one look, and would lose vehicles that stand close.
        """
        overlap = self._settings.overlap if self.model.contract.decoding == "yolox" else 1.0
        users, parts = found.vehicles, found.parts
        body = BODY[users.class_id]
        users = users.select(standing(users.xyxy, users.score, body, overlap, MOST))
        parts = parts.select(standing(parts.xyxy, parts.score, parts.part_id, overlap, MOST))
        return Detected(users, parts)

    def _start(self) -> Inference:
        """The model on its provider."""
        model, settings = self.model, self._settings
        sizes = batches_of(model, settings)
        if settings.providers[0] not in GPU:
            return HostInference(open_session(model, settings), model, sizes)
        picture = model.contract.picture_of(model.inputs)
        assert picture is not None
        plan = plan_of(model, settings)
        plan = replace(
            plan,
            graph=as_uint8(model, settings.cache_dir),
            shapes={**plan.shapes, picture.name: (*model.size, 3)},
            graphs=self._graphs,
        )
        try:
            session = open_session(model, settings, plan)
        except ConfigError as error:
            # Not every node has a kernel on the GPU: then nothing can be captured, but it runs.
            if not self._graphs:
                raise
            session = open_session(model, settings, replace(plan, graphs=False))
            self._tell(error)
        return BoundInference(session, model, sizes, "cuda", self._graphs)

    def _tell(self, error: Exception) -> None:
        line = str(error).strip().splitlines()[0][:200]
        logger("vision.detect").warning("no CUDA graphs", model=self.model.name, error=line)
        self._graphs = False

    def _warm(self) -> dict[int, float]:
        seconds = {}
        for size in self._inference.sizes:
            # Capturing takes two plain runs and one that is recorded; the fourth is a replay.
            for _ in range(3 if self._graphs else 1):
                self._inference.run(size)
            begun = time.perf_counter()
            self._inference.run(size)
            seconds[size] = time.perf_counter() - begun
        return seconds
