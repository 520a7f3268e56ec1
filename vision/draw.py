"""A camera's scene painted on a picture, so that an installer sees what the site file says.

Header and legend stand outside of the picture. Colours are those of Okabe and Ito, which all kinds
of colour vision tell apart; shape and pattern say the same again.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ioc.camera import Camera, Line
from vision.calibrate import Ground
from vision.label import Labels, extent, write
from vision.scene import Points, RoadLine, Scene, build_scene, inside

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

LEAST_WIDTH: Final = 1280
MOST_ENLARGED: Final = 4.0
"""A small picture is enlarged until names can be read beside each other on it."""

GRID_M: Final = 5.0
MOST_GRID_LINES: Final = 40
"""With more, the grid is made coarser."""

# Blue, green, red, as OpenCV has them.
_WHITE: Final[Colour] = (255, 255, 255)
_BLACK: Final[Colour] = (0, 0, 0)
_PANEL: Final[Colour] = (38, 33, 30)
_SKY: Final[Colour] = (233, 180, 86)
_GREEN: Final[Colour] = (115, 158, 0)
_YELLOW: Final[Colour] = (66, 228, 240)
_ORANGE: Final[Colour] = (0, 159, 230)
_VERMILION: Final[Colour] = (0, 94, 213)
_PURPLE: Final[Colour] = (167, 121, 204)
_GREY: Final[Colour] = (170, 170, 170)

_LINES: Final[dict[str, tuple[Colour, str, str]]] = {
    "count": (_YELLOW, "Vạch đếm", "Count line"),
    "stop": (_VERMILION, "Vạch dừng", "Stop line"),
    "exit": (_PURPLE, "Vạch ra khỏi giao lộ", "Exit line"),
}
_ZONES: Final[dict[str, tuple[Colour, str, str, str]]] = {
    "junction": (_GREY, "/", "Lòng giao lộ", "Junction"),
    "no_parking": (_ORANGE, "x", "Cấm dừng, đỗ", "No parking"),
    "no_entry": (_VERMILION, "\\", "Cấm vào", "No entry"),
    "privacy": (_BLACK, "", "Vùng riêng tư, che kín", "Privacy, masked"),
}
_TURNS: Final[dict[str, str]] = {
    "left": "cấm rẽ trái", "right": "cấm rẽ phải", "straight": "cấm đi thẳng",
    "u_turn": "cấm quay đầu",
}  # fmt: skip


def paint(picture: Image, camera: Camera, place: str) -> Image:
    """A picture with everything that the site file says of its camera.

    Args:
        picture: BGR, [H, W, 3].
        camera: What the site file says; its coordinates are stretched to the picture.
        place: Name of the site.

    Returns:
        A new picture, larger: the header stands above, the legend below.

    Raises:
        ConfigError: The calibration's points fix no plane.
    """
    height, width = picture.shape[:2]
    enlarged = float(np.clip(LEAST_WIDTH / width, 1.0, MOST_ENLARGED))
    size = (round(width * enlarged), round(height * enlarged))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    canvas: Image = np.array(large, np.uint8)
    scene = build_scene(camera, *size)
    unit = size[0] / LEAST_WIDTH
    _Painter(canvas, camera, scene, unit).all()
    header = _header(camera, scene, place, (width, height), size[0], unit)
    legend = _legend(camera, scene, size[0], unit)
    return np.vstack((header, canvas, legend))


class _Painter:
    """Paints one scene, areas first, then lines, then names."""

    def __init__(self, canvas: Image, camera: Camera, scene: Scene, unit: float) -> None:
        self._canvas = canvas
        self._camera = camera
        self._scene = scene
        self._unit = unit
        self._thick = max(1, round(2 * unit))
        self._labels = Labels(scene.width, scene.height, max(13, round(16 * unit)))

    def all(self) -> None:
        """Paint it."""
        for lane in self._scene.lanes:
            self._fill(lane.polygon, _SKY, 0.2)
        for zone in self._scene.zones:
            colour, pattern, name, _ = _ZONES[zone.kind]
            self._fill(zone.polygon, colour, 1.0 if zone.kind == "privacy" else 0.12)
            self._hatch(zone.polygon, colour, pattern)
            self._outline(zone.polygon, colour if zone.kind != "privacy" else _GREY)
            hours = ", ".join(f"{part.start:%H:%M}-{part.end:%H:%M}" for part in zone.hours)
            text = f"{zone.id}: {name}{' ' + hours if hours else ''}"
            self._labels.add(text, _middle(zone.polygon), colour)
        if self._scene.ground is not None:
            self._grid(self._scene.ground)
        self._lanes()
        self._tiles()
        for line, drawn in self._lines():
            self._line(line, drawn)
        self._turns()
        self._lamps()
        if self._scene.ground is not None:
            self._points(self._scene.ground)
        self._labels.place(self._canvas)

    def _fill(self, polygon: Points, colour: Colour, share: float) -> None:
        layer = self._canvas.copy()
        cv2.fillPoly(layer, [_whole(polygon)], colour)
        cv2.addWeighted(layer, share, self._canvas, 1 - share, 0, dst=self._canvas)

    def _outline(self, polygon: Points, colour: Colour) -> None:
        corners = [_whole(polygon)]
        cv2.polylines(self._canvas, corners, True, _BLACK, self._thick + 2, cv2.LINE_AA)
        cv2.polylines(self._canvas, corners, True, colour, self._thick, cv2.LINE_AA)

    def _hatch(self, polygon: Points, colour: Colour, pattern: str) -> None:
        """Slanted lines in an area: one way, the other, or both."""
        height, width = self._scene.height, self._scene.width
        mask = np.zeros((height, width), np.uint8)
        cv2.fillPoly(mask, [_whole(polygon)], 255)
        lines = np.zeros_like(mask)
        step = max(8, round(18 * self._unit))
        for at in range(-height, width, step):
            if pattern in ("/", "x"):
                cv2.line(lines, (at, height), (at + height, 0), 255, 1, cv2.LINE_AA)
            if pattern in ("\\", "x"):
                cv2.line(lines, (at, 0), (at + height, height), 255, 1, cv2.LINE_AA)
        drawn = (lines > 100) & (mask > 0)
        self._canvas[drawn] = (0.35 * self._canvas[drawn] + 0.65 * np.array(colour)).astype(
            np.uint8
        )

    def _stroke(self, start: Points, end: Points, colour: Colour, wide: int) -> None:
        cv2.line(self._canvas, _at(start), _at(end), _BLACK, wide + 2, cv2.LINE_AA)
        cv2.line(self._canvas, _at(start), _at(end), colour, wide, cv2.LINE_AA)

    def _dashed(self, start: Points, end: Points, colour: Colour, wide: int) -> None:
        length = float(np.hypot(*(end - start)))
        count = max(1, round(length / (16 * self._unit)))
        for at in range(count):
            part = (
                start + (end - start) * (at / count),
                start + (end - start) * ((at + 0.6) / count),
            )
            self._stroke(*part, colour, wide)

    def _arrow(self, start: Points, end: Points, colour: Colour, wide: int) -> None:
        tip = min(0.4, 14 * self._unit / max(1.0, float(np.hypot(*(end - start)))))
        ends = _at(start), _at(end)
        cv2.arrowedLine(self._canvas, *ends, _BLACK, wide + 2, cv2.LINE_AA, 0, tip)
        cv2.arrowedLine(self._canvas, *ends, colour, wide, cv2.LINE_AA, 0, tip)

    def _lanes(self) -> None:
        factor = self._factor()
        for lane, told in zip(self._scene.lanes, self._camera.lanes, strict=True):
            self._outline(lane.polygon, _SKY)
            start, end = np.array(told.direction) * factor
            self._arrow(start, end, _WHITE, self._thick + 1)
            name = f"{lane.id}: {told.name.vi}" if told.name else lane.id
            if lane.limit_kmh:
                name += f" ({lane.limit_kmh:g} km/h)"
            self._labels.add(name, start + 0.3 * (end - start), _SKY)

    def _lines(self) -> list[tuple[Line, RoadLine]]:
        """Each line as the site file has it and as the rules see it."""
        scene = self._scene
        drawn = {line.id: line for line in (*scene.lines, *scene.exits, *scene.stops)}
        return [(line, drawn[line.id]) for line in self._camera.lines if line.id in drawn]

    def _line(self, told: Line, line: RoadLine) -> None:
        colour = _LINES[told.kind][0]
        end = line.start + line.span
        wide = self._thick + (3 if told.kind == "stop" else 1)
        (self._dashed if told.kind == "exit" else self._stroke)(line.start, end, colour, wide)
        tick = 22 * self._unit * line.normal
        for share in (0.25, 0.75):
            foot = line.start + share * line.span
            for side in (line.only,) if line.only else (1, -1):
                self._arrow(foot, foot + side * tick, colour, self._thick)
        name = f"{line.id} ← {line.head}" if line.head else line.id
        self._labels.add(name, line.start + 0.5 * line.span, colour)

    def _turns(self) -> None:
        exits = {line.id: line for line in self._scene.exits}
        for turn in self._camera.forbidden_turns:
            told = next(lane for lane in self._camera.lanes if lane.id == turn.lane)
            tail, start = np.array(told.direction) * self._factor()
            line = exits[turn.exit]
            end = line.start + line.span / 2
            # A quadratic Bézier curve that leaves along the lane.
            way = (start - tail) / max(float(np.hypot(*(start - tail))), 1e-9)
            bend = start + way * 0.5 * float(np.hypot(*(end - start)))
            share = np.linspace(0, 1, 25)[:, None]
            curve = (1 - share) ** 2 * start + 2 * share * (1 - share) * bend + share**2 * end
            for at in range(0, 22, 2):
                self._stroke(curve[at], curve[at + 1], _VERMILION, self._thick)
            self._arrow(curve[22], curve[24], _VERMILION, self._thick)
            cross, half = curve[12], 8 * self._unit
            for slope in (np.array([1.0, 1.0]), np.array([1.0, -1.0])):
                self._stroke(
                    cross - half * slope, cross + half * slope, _VERMILION, self._thick + 1
                )
            self._labels.add(f"{turn.id}: {_TURNS[turn.kind]}", cross, _VERMILION)

    def _lamps(self) -> None:
        for lamp in self._scene.lamps:
            left, top, right, bottom = lamp.box
            corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
            self._outline(corners.astype(np.float64), _WHITE)
            upright = bottom - top >= right - left
            for at in range(1, len(lamp.order)):
                share = at / len(lamp.order)
                if upright:
                    y = top + share * (bottom - top)
                    self._stroke(np.array([left, y]), np.array([right, y]), _WHITE, 1)
                else:
                    x = left + share * (right - left)
                    self._stroke(np.array([x, top]), np.array([x, bottom]), _WHITE, 1)
            side = np.array([right, (top + bottom) / 2])
            self._labels.add(f"đèn {lamp.head}", side, _WHITE, beside=4)

    def _tiles(self) -> None:
        factor = self._factor()
        for number, tile in enumerate(self._camera.tiles, 1):
            (left, top), (right, bottom) = np.array(tile.box) * factor
            corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
            for at in range(4):
                self._dashed(corners[at], corners[(at + 1) % 4], _GREEN, self._thick)
            every = f", 1/{tile.every}" if tile.every > 1 else ""
            self._labels.add(f"ô nhìn gần {number}{every}", corners[0], _GREEN)

    def _grid(self, ground: Ground) -> None:
        """Lines of whole metres in the surveyed area, with their coordinates at its border."""
        low, high = ground.hull.min(axis=0), ground.hull.max(axis=0)
        step = GRID_M
        while float((high - low).max()) / step > MOST_GRID_LINES:
            step *= 2
        layer = self._canvas.copy()
        small = max(11, round(12 * self._unit))
        for axis, letter in ((0, "Đ"), (1, "B")):
            other = 1 - axis
            for value in (
                np.arange(np.ceil(low[axis] / step), np.floor(high[axis] / step) + 1) * step
            ):
                spots = np.empty((200, 2))
                spots[:, axis] = value
                spots[:, other] = np.linspace(low[other], high[other], 200)
                pixels = ground.to_image(spots[ground.covers_ground(spots)])
                pixels = pixels[np.isfinite(pixels).all(axis=1)]
                if len(pixels) < 2:
                    continue
                cv2.polylines(layer, [_whole(pixels)], False, _BLACK, self._thick + 1, cv2.LINE_AA)
                cv2.polylines(layer, [_whole(pixels)], False, _WHITE, 1, cv2.LINE_AA)
                seen = pixels[inside(pixels, self._frame(small))]
                if len(seen):
                    lowest = seen[int(np.argmax(seen[:, 1]))]
                    self._labels.add(f"{letter} {value:g} m", lowest, _WHITE, small, weak=True)
        cv2.addWeighted(layer, 0.55, self._canvas, 0.45, 0, dst=self._canvas)

    def _points(self, ground: Ground) -> None:
        radius = max(4, round(6 * self._unit))
        for at, (place, off) in enumerate(
            zip(ground.image, ground.residuals.metres.tolist(), strict=True), 1
        ):
            x, y = _at(place)
            cv2.circle(self._canvas, (x, y), radius, _BLACK, self._thick + 2, cv2.LINE_AA)
            cv2.circle(self._canvas, (x, y), radius, _WHITE, self._thick, cv2.LINE_AA)
            cv2.circle(self._canvas, (x, y), 1, _WHITE, -1)
            self._labels.add(f"{at}: {off:.2f} m", place, _WHITE, beside=radius + self._thick)

    def _factor(self) -> Points:
        stated = self._camera.frame
        return np.array([self._scene.width / stated.width, self._scene.height / stated.height])

    def _frame(self, margin: float) -> Points:
        far_x, far_y = self._scene.width - margin, self._scene.height - margin
        return np.array([(margin, margin), (far_x, margin), (far_x, far_y), (margin, far_y)])


def _header(
    camera: Camera, scene: Scene, place: str, size: tuple[int, int], width: int, unit: float
) -> Image:
    large, small = round(24 * unit), max(12, round(16 * unit))
    stated = f"{camera.frame.width}x{camera.frame.height}"
    facts = f"{camera.id} · ảnh {size[0]}x{size[1]}, tọa độ vẽ trên {stated}"
    if scene.ground is None:
        facts += " · chưa hiệu chuẩn / no calibration"
    else:
        ground = scene.ground
        facts += (
            f" · hiệu chuẩn {ground.id}, sai số {ground.residuals.rms_m:.2f} m, "
            f"hạn {ground.expires:%d/%m/%Y}"
        )
    bar = np.full((large + small + round(30 * unit), width, 3), _PANEL, np.uint8)
    pad = round(12 * unit)
    write(bar, f"{place} – {camera.name.vi}", (pad, pad), large, width - 2 * pad, _WHITE)
    write(bar, facts, (pad, pad + large + pad // 2), small, width - 2 * pad, _GREY)
    return bar


def _legend(camera: Camera, scene: Scene, width: int, unit: float) -> Image:
    """What is drawn, each with its colour and name; only what occurs."""
    entries: list[tuple[Colour, str, str]] = []
    if camera.lanes:
        entries.append((_SKY, "lane", "Làn, mũi tên: chiều được đi / Lane, permitted way"))
    for kind, (colour, vi, en) in _LINES.items():
        if any(line.kind == kind for line in camera.lines):
            entries.append((colour, kind, f"{vi} / {en}"))
    for kind, (colour, _, vi, en) in _ZONES.items():
        if any(zone.kind == kind for zone in camera.zones):
            entries.append((colour, kind, f"{vi} / {en}"))
    if camera.forbidden_turns:
        entries.append((_VERMILION, "turn", "Hướng rẽ bị cấm / Forbidden turn"))
    if camera.lamps:
        entries.append((_WHITE, "lamp", "Đèn tín hiệu / Signal head"))
    if camera.tiles:
        entries.append((_GREEN, "tile", "Ô nhìn gần / Detector tile"))
    if scene.ground is not None:
        entries.append((_WHITE, "grid", "Lưới mét: Đ đông, B bắc / Metres east, north"))
        entries.append((_WHITE, "point", "Điểm đo và sai số / Surveyed point, error"))
    size = max(13, round(15 * unit))
    pad, swatch = round(12 * unit), round(34 * unit)
    widest = max((extent(text, size)[0] for _, _, text in entries), default=0)
    columns = max(1, (width - pad) // (widest + swatch + 3 * pad))
    rows = -(-len(entries) // columns)
    tall = round(size * 1.7)
    panel = np.full((rows * tall + 2 * pad if rows else 1, width, 3), _PANEL, np.uint8)
    for number, (colour, kind, text) in enumerate(entries):
        x = pad + (number % columns) * ((width - pad) // columns)
        y = pad + (number // columns) * tall
        _swatch(panel, kind, colour, (x, y, x + swatch, y + size), unit)
        write(panel, text, (x + swatch + pad, y), size, width, _WHITE)
    return panel


def _swatch(
    panel: Image, kind: str, colour: Colour, box: tuple[int, int, int, int], unit: float
) -> None:
    left, top, right, bottom = box
    middle, wide = (top + bottom) // 2, max(1, round(2 * unit))
    if kind in ("count", "stop"):
        thick = wide + (3 if kind == "stop" else 1)
        cv2.line(panel, (left, middle), (right, middle), colour, thick, cv2.LINE_AA)
    elif kind in ("exit", "turn"):
        for at in range(3):
            x = left + at * (right - left) // 3
            cv2.line(panel, (x, middle), (x + (right - left) // 5, middle), colour, wide + 1)
        if kind == "turn":
            centre = ((left + right) // 2, middle)
            cv2.drawMarker(panel, centre, colour, cv2.MARKER_TILTED_CROSS, bottom - top, wide)
    elif kind == "grid":
        for share in (0.2, 0.5, 0.8):
            x = round(left + share * (right - left))
            cv2.line(panel, (x, top), (x, bottom), colour, 1, cv2.LINE_AA)
        cv2.line(panel, (left, middle), (right, middle), colour, 1, cv2.LINE_AA)
    elif kind == "point":
        cv2.circle(panel, ((left + right) // 2, middle), (bottom - top) // 2, colour, wide)
    else:
        pattern = _ZONES[kind][1] if kind in _ZONES else ""
        if kind in ("privacy", "lane"):
            shade = tuple(round(0.5 * c + 0.5 * p) for c, p in zip(colour, _PANEL, strict=True))
            cv2.rectangle(panel, (left, top), (right, bottom), shade, -1)
        inner = panel[top:bottom, left:right]
        tall = bottom - top
        for x in range(-tall, right - left, max(5, round(7 * unit))):
            if pattern in ("/", "x"):
                cv2.line(inner, (x, tall), (x + tall, 0), colour, 1, cv2.LINE_AA)
            if pattern in ("\\", "x"):
                cv2.line(inner, (x, 0), (x + tall, tall), colour, 1, cv2.LINE_AA)
        edge = colour if kind != "privacy" else _GREY
        cv2.rectangle(panel, (left, top), (right, bottom), edge, wide)


def _whole(points: Points) -> NDArray[np.int32]:
    return np.asarray(np.round(np.clip(points, -20_000, 20_000)), dtype=np.int32).reshape(-1, 1, 2)


def _at(point: Points) -> tuple[int, int]:
    x, y = np.clip(np.round(point), -20_000, 20_000).astype(int).tolist()
    return x, y


def _middle(polygon: Points) -> Points:
    return np.asarray((polygon.min(axis=0) + polygon.max(axis=0)) / 2)
