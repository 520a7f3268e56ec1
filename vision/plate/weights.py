"""The recogniser's model files, which come inside the wheel of ``rapidocr`` (Apache-2.0).

Only the files are used: the package's own pipeline runs one picture after the other, logs at
import and may download. Sessions are ours, so that threads are counted and crops are batched.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import onnxruntime as ort

from ioc.errors import ConfigError

DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"


def weight_file(name: str) -> Path:
    """Where a model file of ``rapidocr`` lies. The package itself is not imported.

    Raises:
        ConfigError: The package is not installed, or its wheel holds no such file.
    """
    spec = find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("plates: the package rapidocr is missing; pip install 'rapidocr>=3.9,<4'")
    path = Path(next(iter(spec.submodule_search_locations))) / "models" / name
    if not path.is_file():
        raise ConfigError(
            f"{path}: missing; plates need it, and the wheel of rapidocr 3.9 to 3.10 holds it: "
            "pip install --force-reinstall 'rapidocr>=3.9,<4'"
        )
    return path


def open_weights(name: str, threads: int) -> ort.InferenceSession:
    """A CPU session on a model file.

    Args:
        name: File name inside the wheel.
        threads: Threads of the session, at least 1.

    Raises:
        ConfigError: The file is missing or broken.
    """
    path = weight_file(name)
    options = ort.SessionOptions()
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises its own classes, all straight from Exception
        first = str(error).strip().splitlines()[0][:200]
        raise ConfigError(f"{path}: onnxruntime cannot run it: {first}") from None
