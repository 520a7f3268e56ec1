"""The detector: an onnxruntime session with its buffers, fed one frame at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import onnxruntime as ort

from ioc.errors import ConfigError
from models.contract import Part
from models.registry import Model
from vision.detect.detected import Detected
from vision.detect.detections import Detections, suppress
from vision.detect.letterbox import letterbox
from vision.detect.views import Region, join
from vision.detect.yolox import YoloxDecoder
from vision.source.picture import Image, Picture

PROVIDERS: Final[dict[str, str]] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Short names of onnxruntime's execution providers."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """How detection runs.

    Attributes:
        providers: Execution providers by short name, the wanted one first.
        threads: Threads of the session; 0 is one for each core that this process may use.
        least_score: Boxes below are dropped. Low on purpose: the tracker uses faint boxes to keep
            vehicles that it already knows (ByteTrack), never to start one.
        overlap: Intersection over union above which the lesser of two boxes falls.
    """

    providers: tuple[str, ...] = ("cpu",)
    threads: int = 0
    least_score: float = 0.1
    overlap: float = 0.5


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Detector:
    """Finds road users in pictures. Not for several threads at once: its buffers are shared.

    Attributes:
        model: The model that it runs.
    """

    def __init__(self, model: Model, settings: DetectorSettings | None = None) -> None:
        """Load a model.

        Raises:
            ConfigError: The wanted provider is unknown or did not load, or the graph is broken.
        """
        self.model = model
        self._settings = settings or DetectorSettings()
        # The session's threads take every core; a second pool in OpenCV only fights with them.
        cv2.setNumThreads(1)
        self._session = open_session(model, self._settings)
        self._input = self._session.get_inputs()[0].name
        height, width = model.size
        self._row: Image = np.full((height, width, 3), model.contract.padding, np.uint8)
        self._tensor = np.empty((1, 3, height, width), np.float32)
        self._decoder = YoloxDecoder(model.contract, model.size)
        self._planes = (0, 1, 2) if model.contract.colour == "BGR" else (2, 1, 0)

    @property
    def parts(self) -> frozenset[Part]:
        """What the model marks on vehicles."""
        return frozenset(self.model.contract.parts.values())

    @property
    def one_by_one(self) -> bool:
        """Whether pictures are run one after another, so that waiting for more gains nothing."""
        return True

    def warm_up(self) -> float:
        """Run once on nothing, so that the first frame finds everything allocated; seconds."""
        begun = time.perf_counter()
        self._session.run(None, {self._input: self._tensor})
        return time.perf_counter() - begun

    def detect(
        self,
        pictures: Sequence[Picture],
        regions: Sequence[Sequence[Region]] | None = None,
    ) -> list[Detected]:
        """The road users in some pictures.

        Args:
            pictures: One of each camera.
            regions: For each picture the parts that are looked at on their own, beside the
                whole; none when left out.

        Returns:
            For each picture its boxes in its own pixels, best first, without doubles.
        """
        found = []
        for number, picture in enumerate(pictures):
            looks: list[Region] = [(0, 0, picture.width, picture.height)]
            looks += regions[number] if regions is not None else ()
            views = [self._look(picture, region) for region in looks]
            every = views[0]
            if len(views) > 1:
                every = join(views, looks, picture.width, picture.height)
            found.append(Detected(suppress(every, self._settings.overlap)))
        return found

    def _look(self, picture: Picture, region: Region) -> Detections:
        """Boxes of a region in the region's own pixels, overlapping ones included."""
        lies = letterbox(picture, self._row, self.model.contract.padding, region)
        # Splitting in OpenCV and then widening each plane takes 0.65 ms at 640x640; one strided
        # copy in NumPy takes 1.0, cv2.dnn.blobFromImage 1.1.
        planes = cv2.split(self._row)
        for target, plane in enumerate(self._planes):
            np.copyto(self._tensor[0, target], planes[plane])
        if self.model.contract.scale != 1:
            self._tensor *= self.model.contract.scale
        raw = self._session.run(None, {self._input: self._tensor})[0]
        left, top, right, bottom = region
        return self._decoder.decode(
            np.asarray(raw)[0],
            lies.ratio,
            bottom - top,
            right - left,
            self._settings.least_score,
        )


def open_session(model: Model, settings: DetectorSettings) -> ort.InferenceSession:
    """A session on the first of the configured providers.

    onnxruntime falls back to the CPU without a word that a program could read, and a node that
    should run at 100 frames a second then runs at 5; so the wanted provider must be first in what
    the session really has.

    Raises:
        ConfigError: The provider is unknown, not in this onnxruntime, or did not load.
    """
    wanted = _provider_names(settings.providers)
    available = ort.get_available_providers()
    if wanted[0] not in available:
        short = ", ".join(name for name, full in PROVIDERS.items() if full in available)
        raise ConfigError(
            f"--provider {settings.providers[0]}: this onnxruntime {ort.__version__} has only "
            f"{short}; install the build that has it, or choose one of these"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads or usable_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads that spin while they wait take the cores that decode: of 1080p frames decoded beside
    # it, two cores ran 18 to 26 a second without spinning and 12 to 25 with it, at 1.5 times the
    # processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(
            str(model.path), options, providers=[name for name in wanted if name in available]
        )
    except Exception as error:  # onnxruntime raises its own classes, all straight from Exception
        first = str(error).strip().splitlines()[0][:200]
        raise ConfigError(f"{model.path}: onnxruntime cannot run it: {first}") from None
    loaded = session.get_providers()
    if loaded[0] != wanted[0]:
        raise ConfigError(
            f"--provider {settings.providers[0]}: did not load, onnxruntime fell back to "
            f"{loaded[0]}; check its driver and libraries"
        )
    return session


def _provider_names(short: Sequence[str]) -> list[str]:
    unknown = [name for name in short if name not in PROVIDERS]
    if unknown or not short:
        raise ConfigError(
            f"--provider {', '.join(unknown) or '(none)'}: known are {', '.join(PROVIDERS)}"
        )
    return [PROVIDERS[name] for name in short]
