"""Pictures from files, for commands and measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ioc.errors import ConfigError
from vision.source.picture import Image

MOST_BYTES: Final = 64 << 20


def load_picture(path: Path) -> Image:
    """A picture file as BGR, uint8 [h, w, 3].

    Raises:
        ConfigError: The file is missing, no picture, or too large.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: over {MOST_BYTES >> 20} MB; give a single picture")
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR) if raw else None
    except cv2.error:  # a picture of more than 2^30 pixels
        picture = None
    if picture is None:
        raise ConfigError(f"{path}: no picture that can be decoded; give a JPEG or PNG file")
    return np.asarray(picture, np.uint8)
