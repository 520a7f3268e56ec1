"""What a model takes and gives, so that another model file is a change of configuration."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ioc.events import VehicleClass
from models.plate_slots import SLOTS, SYMBOLS

Part = Literal["helmet", "no_helmet", "plate", "emergency", "rider", "lamp"]
Three = tuple[float, float, float]

BOX_COLUMNS = 5  # centre x, centre y, width, height, objectness stand before the class scores


class Tensor(NamedTuple):
    """One input or output of a graph. A dimension that is not fixed is None or a name."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: str

    def __str__(self) -> str:
        dims = "x".join("?" if not isinstance(d, int) else str(d) for d in self.shape)
        return f"{self.name} {self.dtype} {dims or 'scalar'}"


class InputSize(NamedTuple):
    """Height and width of the picture that a graph takes, pixels."""

    height: int
    width: int


class Contract(BaseModel):
    """How a graph is fed and how its output is read.

    A pixel value becomes ``(value * scale - mean) / std``, by colour plane.

    ``decoding`` is one of:

    - ``yolox``: one output [N, cells, 5 + classes], raw cells (Ge et al. 2021, arXiv 2107.08430);
    - ``detr``: labels [N, Q], boxes [N, Q, 4] as left, top, right, bottom in pixels of the size
      that ``size_input`` states, scores [N, Q], as RT-DETR and D-FINE are exported with their
      post-processor;
    - ``detr_logits``: boxes [N, Q, 4] as centre, width and height in shares of the picture, and
      logits [N, Q, classes] before the sigmoid, as RF-DETR and Transformers export them;
    - ``softmax``: probabilities [N, classes] of a crop: no detector, but a second look at what
      one marked;
    - ``slots``: the text of a plate's crop, probabilities [N, slots, symbols] as
      ``models.plate_slots`` has them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["detect", "judge", "read"] = Field(
        description="What the model does: find boxes in a picture, judge a crop of one, or read "
        "the plate on a crop."
    )
    decoding: Literal["yolox", "detr", "detr_logits", "softmax", "slots"] = Field(
        description="How boxes are read out of the output."
    )
    layout: Literal["NCHW", "NHWC"] = Field(description="Order of the input's dimensions.")
    dtype: Literal["float32", "uint8"] = Field(
        description="Type of the input; with uint8 the graph normalises by itself."
    )
    colour: Literal["BGR", "RGB"] = Field(description="Order of the colour planes.")
    scale: float = Field(1.0, gt=0, description="Pixel values 0-255 are multiplied by this.")
    mean: Three = Field((0, 0, 0), description="Subtracted after the scale, in the model's order.")
    std: tuple[
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
        Annotated[float, Field(gt=0)],
    ] = Field((1, 1, 1), description="Divided by after the mean, in the model's order.")
    fit: Literal["letterbox", "stretch"] = Field(
        "letterbox", description="Whether a picture keeps its shape or fills the input."
    )
    padding: int = Field(114, ge=0, le=255, description="Grey of the letterbox.")
    strides: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        (), description="yolox: pixels of one grid cell, of each output level in order."
    )
    size_input: str | None = Field(
        None, description="detr: name of the input that takes width and height, int64 [N, 2]."
    )
    outputs: tuple[str, ...] = Field(
        (),
        description="Names of the outputs. detr: labels, boxes, scores; detr_logits: boxes, "
        "logits. By name, for shapes can be alike. yolox has one, whatever its name.",
    )
    class_count: int = Field(gt=0, description="Columns of class scores.")
    classes: dict[int, VehicleClass] = Field(
        {}, description="Column of a class → our class; columns that are not here are not read."
    )
    parts: dict[int, Part] = Field(
        {}, description="Column of a class → what it marks on a vehicle; empty for most models."
    )
    context: float = Field(
        1.0, ge=1, le=4, description="softmax, slots: sides of a crop in sides of the marked box."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.classes and not self.parts and self.decoding != "slots":
            raise ValueError("neither classes nor parts: nothing of the output would be read")
        if both := sorted(set(self.classes) & set(self.parts)):
            raise ValueError(f"columns {both} stand in classes and in parts")
        columns = [*self.classes, *self.parts]
        if outside := sorted(c for c in columns if not 0 <= c < self.class_count):
            raise ValueError(f"columns {outside} are not among 0 to {self.class_count - 1}")
        task = {"softmax": "judge", "slots": "read"}.get(self.decoding, "detect")
        if self.task != task:
            raise ValueError(f"decoding {self.decoding} is of task {task}, not {self.task}")
        named = {"detr": 3, "detr_logits": 2}.get(self.decoding, 0)
        if len(self.outputs) != named:
            raise ValueError(f"decoding {self.decoding} needs the names of {named} outputs")
        if (self.decoding == "yolox") != bool(self.strides):
            raise ValueError("strides are what decoding yolox needs, and no other has")
        if (self.decoding == "detr") != (self.size_input is not None):
            raise ValueError("size_input is what decoding detr needs, and no other has")
        if self.dtype == "uint8" and (self.scale, self.mean, self.std) != (1, (0, 0, 0), (1, 1, 1)):
            raise ValueError("a uint8 input is normalised in the graph: no scale, mean or std")
        return self

    @property
    def plain(self) -> bool:
        """Whether pixel values go in as they are."""
        return (self.scale, self.mean, self.std) == (1, (0, 0, 0), (1, 1, 1))

    def rows(self, size: InputSize) -> int:
        """How many boxes a yolox output has for an input size: one for each grid cell."""
        return sum((size.height // stride) * (size.width // stride) for stride in self.strides)

    def picture_of(self, inputs: tuple[Tensor, ...]) -> Tensor | None:
        """The input that takes the picture."""
        found = [tensor for tensor in inputs if tensor.name != self.size_input]
        return found[0] if len(found) == 1 else None

    def input_size(self, inputs: tuple[Tensor, ...]) -> InputSize | None:
        """The picture size of a graph, or None when its shape is not fixed."""
        picture = self.picture_of(inputs)
        if picture is None or len(picture.shape) != 4:
            return None
        height, width = picture.shape[2:] if self.layout == "NCHW" else picture.shape[1:3]
        if isinstance(height, int) and isinstance(width, int):
            return InputSize(height, width)
        return None

    def batch_of(self, inputs: tuple[Tensor, ...]) -> int | None:
        """How many pictures a graph takes at once; None when any number."""
        picture = self.picture_of(inputs)
        first = picture.shape[0] if picture is not None and picture.shape else 1
        return first if isinstance(first, int) else None

    def faults(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> list[str]:
        """What of a graph does not fit this contract; empty when all of it does.

        Args:
            inputs: The graph's inputs.
            outputs: The graph's outputs.
        """
        found = self._input_faults(inputs)
        size = self.input_size(inputs)
        if size is None:
            return found or ["input has no fixed height and width"]
        if self.strides and (size.height % max(self.strides) or size.width % max(self.strides)):
            found.append(f"input {size.height}x{size.width} is no multiple of {max(self.strides)}")
        elif size.height % 2 or size.width % 2:
            found.append(f"input {size.height}x{size.width} has an odd side")
        return found + self._output_faults(size, outputs)

    def _input_faults(self, inputs: tuple[Tensor, ...]) -> list[str]:
        names = {tensor.name for tensor in inputs}
        if self.size_input is not None and self.size_input not in names:
            return [f"no input {self.size_input}"]
        expected = 1 + (self.size_input is not None)
        picture = self.picture_of(inputs)
        if picture is None:
            return [f"{len(inputs)} inputs, expected {expected}"]
        found = []
        shape, place = ("1x3xHxW", 1) if self.layout == "NCHW" else ("1xHxWx3", 3)
        if len(picture.shape) != 4 or picture.shape[place] != 3:
            found.append(f"input {picture}, expected {shape}")
        elif picture.dtype != f"tensor({_onnx_type(self.dtype)})":
            found.append(f"input {picture}, expected {self.dtype}")
        for tensor in inputs:
            if tensor.name == self.size_input and (
                tensor.dtype != "tensor(int64)" or len(tensor.shape) != 2 or tensor.shape[1] != 2
            ):
                found.append(f"input {tensor}, expected int64 1x2")
        if not found and self.input_size(inputs) is None:
            found.append(f"input {picture} has no fixed height and width")
        return found

    def _output_faults(self, size: InputSize, outputs: tuple[Tensor, ...]) -> list[str]:
        if self.decoding == "yolox":
            columns = BOX_COLUMNS + self.class_count
            expected = f"1x{self.rows(size)}x{columns}"
            if len(outputs) != 1:
                return [f"{len(outputs)} outputs, expected 1 of {expected}"]
            if len(outputs[0].shape) != 3 or outputs[0].shape[1:] != (self.rows(size), columns):
                return [f"output {outputs[0]}, expected {expected}"]
            return []
        if self.decoding in ("softmax", "slots"):
            wanted = (self.class_count,) if self.decoding == "softmax" else (SLOTS, len(SYMBOLS))
            if [tensor.shape[1:] for tensor in outputs] == [wanted]:
                return []
            return [f"no output 1x{'x'.join(map(str, wanted))}"]
        last: tuple[int | None, ...] = (None, 4, None)
        if self.decoding == "detr_logits":
            last = (4, self.class_count)
        found = []
        by_name = {tensor.name: tensor for tensor in outputs}
        for name, columns_of in zip(self.outputs, last, strict=True):
            tensor = by_name.get(name)
            rank = 2 if columns_of is None else 3
            shape = "1xQ" if columns_of is None else f"1xQx{columns_of}"
            if tensor is None:
                found.append(f"no output {name}")
            elif len(tensor.shape) != rank or (
                columns_of is not None
                and isinstance(tensor.shape[2], int)
                and tensor.shape[2] != columns_of
            ):
                found.append(f"output {tensor}, expected {shape}")
        return found


def _onnx_type(dtype: str) -> str:
    return {"float32": "float", "uint8": "uint8"}[dtype]
