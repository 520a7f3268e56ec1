"""Triangles to samples: a z-buffer rasteriser over planes of samples, one sample a pixel each.

A picture has S planes. Each looks at its own point inside every pixel (a rotated grid, which
smooths edges near the horizontal and the vertical better than a square one) and at its own
instant of the exposure, so that four planes smooth edges and blur motion at no further cost.
A plane holds the nearness of what is seen (1 / distance along the axis, per metre; 0 is nothing)
and its triangle's number + 1.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator.camera import NEAREST_M, Lens
from simulator.render.compiled import compiled

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int32]

OFFSETS: Final = np.array([(0.375, 0.125), (0.875, 0.375), (0.125, 0.625), (0.625, 0.875)])
"""Where in a pixel each of four planes looks: one a row and one a column of a 4 x 4 grid."""

TILE: Final = 16
"""Pixels are cleared, copied and mixed in squares of this side, where something was drawn."""


def camera_values(lens: Lens, shrink: int = 1) -> Floats:
    """A lens as the numbers that ``project`` takes, [16].

    Args:
        lens: The lens.
        shrink: The picture is smaller by this factor.
    """
    return np.concatenate(
        [
            lens.position,
            lens.rotation.ravel(),
            [lens.focal_px / shrink, lens.width / 2 / shrink, lens.height / 2 / shrink, lens.k1],
        ]
    )


@compiled
def project(vertices: Singles, pose: Floats, camera: Floats, out: Floats) -> None:
    """See vertices of a body: column, row and nearness; nearness 0 where too near the lens.

    Args:
        vertices: Body frame, metres [V, 3].
        pose: x, y, cosine and sine of its heading, height of its origin.
        camera: From ``camera_values``.
        out: Filled, [V, 3].
    """
    px, py, c, s, pz = pose[0], pose[1], pose[2], pose[3], pose[4]
    for i in range(len(vertices)):
        vx, vy, vz = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        x = px + c * vx - s * vy - camera[0]
        y = py + s * vx + c * vy - camera[1]
        z = pz + vz - camera[2]
        depth = camera[9] * x + camera[10] * y + camera[11] * z
        if depth <= NEAREST_M:
            out[i, 2] = 0.0
            continue
        near = 1.0 / depth
        right = (camera[3] * x + camera[4] * y + camera[5] * z) * near
        down = (camera[6] * x + camera[7] * y + camera[8] * z) * near
        # Far outside the picture the lens' formula would fold points back into it.
        bend = (1.0 + camera[15] * min(right * right + down * down, 1.0)) * camera[12]
        out[i, 0] = right * bend + camera[13]
        out[i, 1] = down * bend + camera[14]
        out[i, 2] = near


@compiled
def facing(
    vertices: Singles,
    triangles: Ints,
    normals: Singles,
    pose: Floats,
    camera: Floats,
    out: NDArray[np.bool_],
) -> None:
    """Which triangles of a body show their outer side to the camera."""
    c, s = pose[2], pose[3]
    x, y = camera[0] - pose[0], camera[1] - pose[1]
    ex, ey, ez = c * x + s * y, c * y - s * x, camera[2] - pose[4]
    for f in range(len(triangles)):
        v = triangles[f, 0]
        out[f] = (
            normals[f, 0] * (ex - vertices[v, 0])
            + normals[f, 1] * (ey - vertices[v, 1])
            + normals[f, 2] * (ez - vertices[v, 2])
        ) > 0.0


@compiled
def look(
    vertices: Singles,
    triangles: Ints,
    normals: Singles,
    poses: Floats,
    camera: Floats,
    points: Floats,
    shown: NDArray[np.bool_],
) -> tuple[float, float, float, float]:
    """See a body in all planes.

    Between the first and the last instant it moves straight, so its points do too.

    Args:
        vertices: Body frame, metres [V, 3].
        triangles: Vertices of each, [F, 3].
        normals: Outward [F, 3].
        poses: In each plane [S, 5], as ``project`` takes them.
        camera: From ``camera_values``.
        points: Filled: column, row and nearness in each plane [S, V, 3].
        shown: Filled: which triangles face the camera [F].

    Returns:
        Left, top, right, bottom of what is before the lens; right < left where nothing is.
    """
    planes = len(points)
    project(vertices, poses[0], camera, points[0])
    project(vertices, poses[planes - 1], camera, points[planes - 1])
    facing(vertices, triangles, normals, poses[planes // 2], camera, shown)
    left = top = math.inf
    right = bottom = -math.inf
    for i in range(len(vertices)):
        if points[0, i, 2] == 0.0 or points[planes - 1, i, 2] == 0.0:
            for s in range(planes):
                points[s, i, 2] = 0.0
            continue
        for s in range(1, planes - 1):
            part = s / (planes - 1)
            for k in range(3):
                first = points[0, i, k]
                points[s, i, k] = first + (points[planes - 1, i, k] - first) * part
        for s in (0, planes - 1):
            left, right = min(left, points[s, i, 0]), max(right, points[s, i, 0])
            top, bottom = min(top, points[s, i, 1]), max(bottom, points[s, i, 1])
    return left, top, right, bottom


@compiled
def _slope(ax: float, ay: float, bx: float, by: float) -> float:
    """Columns a row along an edge; 0 for a level one."""
    return (bx - ax) / (by - ay) if by != ay else 0.0


@compiled
def _span(
    ax: float, ay: float, bx: float, by: float, slope: float, y: float, low: float, high: float
) -> tuple[float, float]:
    """Narrow a row's span to the inner side of an edge."""
    if by > ay:
        high = min(high, ax + slope * (y - ay))
    elif by < ay:
        low = max(low, ax + slope * (y - ay))
    elif (bx - ax) * (y - ay) < 0.0:
        high = low - 1.0
    return low, high


@compiled
def draw(
    points: Floats,
    triangles: Ints,
    base: int,
    shown: NDArray[np.bool_],
    offset_x: float,
    offset_y: float,
    hidden_by: Singles,
    nearness: Singles,
    tags: Ints,
) -> None:
    """Draw a body's triangles into one plane.

    Args:
        points: From ``project``.
        triangles: Vertices of each, [F, 3].
        base: Number of its first triangle among all of the picture.
        shown: Which to draw, from ``facing``.
        offset_x: Where in a pixel the plane looks.
        offset_y: The same, down.
        hidden_by: Nearness of what stands there always [H, W]; 0 is nothing.
        nearness: The plane's, changed in place [H, W].
        tags: Number + 1 of the triangle seen, changed in place [H, W].
    """
    height, width = nearness.shape
    for f in range(len(triangles)):
        if not shown[f]:
            continue
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        na, nb, nc = points[a, 2], points[b, 2], points[c, 2]
        if na == 0.0 or nb == 0.0 or nc == 0.0:
            continue
        ax, ay = points[a, 0] - offset_x, points[a, 1] - offset_y
        bx, by = points[b, 0] - offset_x, points[b, 1] - offset_y
        cx, cy = points[c, 0] - offset_x, points[c, 1] - offset_y
        top = max(math.ceil(min(ay, by, cy)), 0)
        bottom = min(math.floor(max(ay, by, cy)), height - 1)
        left = max(math.ceil(min(ax, bx, cx)), 0)
        right = min(math.floor(max(ax, bx, cx)), width - 1)
        if top > bottom or left > right:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        slope_x = ((nb - na) * (cy - ay) - (nc - na) * (by - ay)) / area
        slope_y = ((nc - na) * (bx - ax) - (nb - na) * (cx - ax)) / area
        if area < 0.0:
            bx, by, cx, cy = cx, cy, bx, by
        ab = _slope(ax, ay, bx, by)
        bc = _slope(bx, by, cx, cy)
        ca = _slope(cx, cy, ax, ay)
        for row in range(top, bottom + 1):
            low, high = float(left), float(right)
            low, high = _span(ax, ay, bx, by, ab, row, low, high)
            low, high = _span(bx, by, cx, cy, bc, row, low, high)
            low, high = _span(cx, cy, ax, ay, ca, row, low, high)
            begin = na + slope_y * (row - ay) - slope_x * ax
            for column in range(math.ceil(low), math.floor(high) + 1):
                near = np.float32(begin + slope_x * column)
                if near > nearness[row, column] and near > hidden_by[row, column]:
                    nearness[row, column] = near
                    tags[row, column] = base + f + 1


@compiled
def stamp(
    points: Floats,
    triangles: Ints,
    shown: NDArray[np.bool_],
    body: int,
    touched: Ints,
    nearness: Singles,
    tags: Ints,
) -> int:
    """Draw a body as one silhouette into a small plane; how many pixels it has by itself.

    Args:
        points: From ``project``.
        triangles: Vertices of each, [F, 3].
        shown: Which to draw.
        body: Its number + 1.
        touched: The last body whose silhouette touched a pixel, changed in place [H, W].
        nearness: The plane's, changed in place [H, W].
        tags: Number + 1 of the body seen, changed in place [H, W].
    """
    height, width = nearness.shape
    count = 0
    for f in range(len(triangles)):
        if not shown[f]:
            continue
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        na, nb, nc = points[a, 2], points[b, 2], points[c, 2]
        if na == 0.0 or nb == 0.0 or nc == 0.0:
            continue
        ax, ay = points[a, 0] - 0.5, points[a, 1] - 0.5
        bx, by = points[b, 0] - 0.5, points[b, 1] - 0.5
        cx, cy = points[c, 0] - 0.5, points[c, 1] - 0.5
        top = max(math.ceil(min(ay, by, cy)), 0)
        bottom = min(math.floor(max(ay, by, cy)), height - 1)
        left = max(math.ceil(min(ax, bx, cx)), 0)
        right = min(math.floor(max(ax, bx, cx)), width - 1)
        if top > bottom or left > right:
            continue
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0:
            continue
        # One nearness for the whole triangle is enough to tell which of two bodies is in front.
        near = np.float32((na + nb + nc) / 3.0)
        if area < 0.0:
            bx, by, cx, cy = cx, cy, bx, by
        ab = _slope(ax, ay, bx, by)
        bc = _slope(bx, by, cx, cy)
        ca = _slope(cx, cy, ax, ay)
        for row in range(top, bottom + 1):
            low, high = float(left), float(right)
            low, high = _span(ax, ay, bx, by, ab, row, low, high)
            low, high = _span(bx, by, cx, cy, bc, row, low, high)
            low, high = _span(cx, cy, ax, ay, ca, row, low, high)
            for column in range(math.ceil(low), math.floor(high) + 1):
                if touched[row, column] != body:
                    touched[row, column] = body
                    count += 1
                if near > nearness[row, column]:
                    nearness[row, column] = near
                    tags[row, column] = body
    return count


@compiled
def texture(
    nearness: Singles,
    tags: Ints,
    box: Ints,
    first: int,
    last: int,
    corners: Floats,
    offsets: Floats,
    image: Singles,
    light: Singles,
    picture: Singles,
) -> None:
    """Put a picture on a rectangle that was drawn plain white, where its samples are seen.

    Args:
        nearness: Planes [S, H, W].
        tags: Planes [S, H, W].
        box: Left, top, right, bottom of where to look, in the picture.
        first: Number of the rectangle's first triangle in the picture.
        last: One after its last.
        corners: Column, row, nearness of left top, right top and left bottom in each plane
            [S, 3, 3].
        offsets: Where in a pixel each plane looks, [S, 2].
        image: Reflectance [h, w, 3].
        light: Light on it, [3].
        picture: Changed in place, [H, W, 3].
    """
    planes = tags.shape[0]
    rows, columns, _ = image.shape
    part = np.float32(1.0 / planes)
    for s in range(planes):
        ax, ay, an = corners[s, 0, 0], corners[s, 0, 1], corners[s, 0, 2]
        bx, by, bn = corners[s, 1, 0], corners[s, 1, 1], corners[s, 1, 2]
        cx, cy, cn = corners[s, 2, 0], corners[s, 2, 1], corners[s, 2, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0 or an == 0.0 or bn == 0.0 or cn == 0.0:
            continue
        for y in range(box[1], box[3]):
            for x in range(box[0], box[2]):
                tag = tags[s, y, x] - 1
                if tag < first or tag >= last or nearness[s, y, x] == 0.0:
                    continue
                px, py = x + offsets[s, 0] - ax, y + offsets[s, 1] - ay
                along = (px * (cy - ay) - py * (cx - ax)) / area
                across = (py * (bx - ax) - px * (by - ay)) / area
                near = an + along * (bn - an) + across * (cn - an)
                u = min(max(along * bn / near, 0.0), 1.0) * columns - 0.5
                v = min(max(across * cn / near, 0.0), 1.0) * rows - 0.5
                u, v = min(max(u, 0.0), columns - 1.0), min(max(v, 0.0), rows - 1.0)
                i, j = int(u), int(v)
                i2, j2 = min(i + 1, columns - 1), min(j + 1, rows - 1)
                fu, fv = np.float32(u - i), np.float32(v - j)
                one = np.float32(1.0)
                for k in range(3):
                    upper = image[j, i, k] * (one - fu) + image[j, i2, k] * fu
                    lower = image[j2, i, k] * (one - fu) + image[j2, i2, k] * fu
                    value = upper * (one - fv) + lower * fv
                    picture[y, x, k] += (value - one) * light[k] * part


@compiled
def flood(
    points: Floats, triangles: Ints, shown: NDArray[np.bool_], value: int, mask: NDArray[np.uint8]
) -> None:
    """Fill triangles in a mask [H, W], whatever is in front.

    Args:
        points: From ``project``.
        triangles: Vertices of each, [F, 3].
        shown: Which to fill.
        value: With what.
        mask: Changed in place.
    """
    height, width = mask.shape
    for f in range(len(triangles)):
        if not shown[f]:
            continue
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        if points[a, 2] == 0.0 or points[b, 2] == 0.0 or points[c, 2] == 0.0:
            continue
        ax, ay = points[a, 0] - 0.5, points[a, 1] - 0.5
        bx, by = points[b, 0] - 0.5, points[b, 1] - 0.5
        cx, cy = points[c, 0] - 0.5, points[c, 1] - 0.5
        top = max(math.ceil(min(ay, by, cy)), 0)
        bottom = min(math.floor(max(ay, by, cy)), height - 1)
        left = max(math.ceil(min(ax, bx, cx)), 0)
        right = min(math.floor(max(ax, bx, cx)), width - 1)
        if top > bottom or left > right:
            continue
        if (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) < 0.0:
            bx, by, cx, cy = cx, cy, bx, by
        ab = _slope(ax, ay, bx, by)
        bc = _slope(bx, by, cx, cy)
        ca = _slope(cx, cy, ax, ay)
        for row in range(top, bottom + 1):
            low, high = float(left), float(right)
            low, high = _span(ax, ay, bx, by, ab, row, low, high)
            low, high = _span(bx, by, cx, cy, bc, row, low, high)
            low, high = _span(cx, cy, ax, ay, ca, row, low, high)
            for column in range(math.ceil(low), math.floor(high) + 1):
                mask[row, column] = value
