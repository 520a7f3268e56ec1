"""Writes a tiny ONNX file by hand: one picture in, one constant out.

Only the few fields of the format (onnx.proto) that onnxruntime needs; so no package for it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FLOAT = 1


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor_type = _number(1, FLOAT) + _bytes(2, dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor_type))


def constant_model(path: Path, picture: tuple[int, ...], output: NDArray[np.float32]) -> Path:
    """A graph that gives ``output`` whatever the picture."""
    tensor = b"".join(_number(1, size) for size in output.shape)
    tensor += _number(2, FLOAT) + _bytes(8, "boxes") + _bytes(9, output.tobytes())
    node = _bytes(1, "boxes") + _bytes(2, "output") + _bytes(4, "Identity")
    graph = _bytes(1, node) + _bytes(2, "tiny") + _bytes(5, tensor)
    graph += _bytes(11, _value("images", picture)) + _bytes(12, _value("output", output.shape))
    model = _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))
    path.write_bytes(model)
    return path
