"""What a model takes and gives, so that another model file is a change of configuration."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ioc.events import VehicleClass

Part = Literal["helmet", "no_helmet", "plate", "emergency"]

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
    """How a graph is fed and how its output is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["detect"] = Field(description="What the model does.")
    decoding: Literal["yolox"] = Field(description="How boxes are read out of the output.")
    layout: Literal["NCHW"] = Field(description="Order of the input's dimensions.")
    dtype: Literal["float32"] = Field(description="Type of the input.")
    colour: Literal["BGR", "RGB"] = Field(description="Order of the colour planes.")
    scale: float = Field(1.0, gt=0, description="Pixel values 0-255 are multiplied by this.")
    padding: int = Field(114, ge=0, le=255, description="Grey of the letterbox.")
    strides: tuple[Annotated[int, Field(gt=0)], ...] = Field(
        min_length=1, description="Pixels of one grid cell, of each output level in order."
    )
    class_count: int = Field(gt=0, description="Classes the model was trained on.")
    classes: dict[int, VehicleClass] = Field(
        min_length=1, description="Column of a class → our class; the others are not read."
    )
    parts: dict[int, Part] = Field(
        {}, description="Column of a class → what it marks on a vehicle; empty for most models."
    )

    def rows(self, size: InputSize) -> int:
        """How many boxes the output has for an input size: one for each grid cell."""
        return sum((size.height // stride) * (size.width // stride) for stride in self.strides)

    def input_size(self, inputs: tuple[Tensor, ...]) -> InputSize | None:
        """The picture size of a graph, or None when its shape is not fixed."""
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            return None
        height, width = inputs[0].shape[2:]
        if isinstance(height, int) and isinstance(width, int):
            return InputSize(height, width)
        return None

    def faults(self, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> list[str]:
        """What of a graph does not fit this contract; empty when all of it does.

        Args:
            inputs: The graph's inputs.
            outputs: The graph's outputs.
        """
        found = []
        if len(inputs) != 1:
            found.append(f"{len(inputs)} inputs, expected 1")
        elif len(inputs[0].shape) != 4 or inputs[0].shape[1] != 3:
            found.append(f"input {inputs[0]}, expected 1x3xHxW")
        elif inputs[0].dtype != f"tensor({_onnx_type(self.dtype)})":
            found.append(f"input {inputs[0]}, expected {self.dtype}")
        size = self.input_size(inputs)
        if size is None:
            if not found:
                found.append(f"input {inputs[0]} has no fixed height and width")
            return found
        coarsest = max(self.strides)
        if size.height % coarsest or size.width % coarsest:
            found.append(f"input {size.height}x{size.width} is no multiple of {coarsest}")
        columns = BOX_COLUMNS + self.class_count
        expected = f"1x{self.rows(size)}x{columns}"
        if len(outputs) != 1:
            found.append(f"{len(outputs)} outputs, expected 1 of {expected}")
        elif len(outputs[0].shape) != 3 or outputs[0].shape[1:] != (self.rows(size), columns):
            found.append(f"output {outputs[0]}, expected {expected}")
        return found


def _onnx_type(dtype: str) -> str:
    return {"float32": "float"}[dtype]
