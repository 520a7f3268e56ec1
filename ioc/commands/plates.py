"""``ioc plates``: read number plates in pictures. Nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vision.plate.reading import PlateReading

app = typer.Typer(help="Number plates.", no_args_is_help=True)

REASONS = {
    "too_small": "chữ quá nhỏ / letters too small",
    "unsure": "không đủ chắc chắn / not sure enough",
    "colour": "màu nền không hợp với biển số / the ground's colour does not fit the text",
}
COLOURS = {
    "white": "trắng / white",
    "blue": "xanh / blue",
    "yellow": "vàng / yellow",
    "red": "đỏ / red",
    "unknown": "không rõ màu / colour unknown",
}


@app.callback()
def _group() -> None:
    """Keep ``read`` a command of its own, however few commands there are."""


@app.command()
def read(
    images: Annotated[list[Path], typer.Argument(help="Pictures: photos, or crops of vehicles.")],
    threads: Annotated[int, typer.Option(min=1, help="Inference threads.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Read the plates in pictures; what is not sure is not told as a text."""
    from vision.plate.picture_file import load_picture
    from vision.plate.reader import PlateReader

    # All are opened before the first is read: a wrong name is said at once, not after minutes.
    pictures = [load_picture(path) for path in images]
    reader = PlateReader(threads)
    answers = []
    for path, picture in zip(images, pictures, strict=True):
        readings = reader.read_photos([picture])[0]
        answers.append({"image": str(path), "plates": [_row(reading) for reading in readings]})
        if not as_json:
            _show(path, readings)
    if as_json:
        typer.echo(json.dumps({"images": answers}, ensure_ascii=False))


def _row(reading: PlateReading) -> dict[str, Any]:
    return {
        "text": reading.text,
        "confidence": round(reading.confidence, 4),
        "colour": reading.colour,
        "kind": reading.candidates[0].meaning.kind,
        "lines": reading.lines,
        "box": list(reading.box),
        "height_px": round(reading.height_px, 1),
        "reason": reading.reason or None,
    }


def _show(path: Path, readings: list[PlateReading]) -> None:
    typer.echo(str(path))
    if not readings:
        typer.echo("  không thấy biển số đọc được / no legible plate")
    for reading in readings:
        what = f"{reading.confidence:.3f}  {COLOURS[reading.colour]}  {reading.lines} dòng / lines"
        where = f"[{' '.join(map(str, reading.box))}]"
        if reading.text is not None:
            typer.echo(f"  {reading.text:<14} {what}  {where}")
        else:
            why = REASONS[reading.reason]
            typer.echo(f"  không đọc được / not legible: {why}  {what}  {where}")
