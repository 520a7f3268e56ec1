"""Tells riders from people on foot."""

from __future__ import annotations

from typing import Final

import numpy as np

from vision.detect.detections import BODY, CLASS_ID, BoolArray, Detections

SURE: Final = 0.25
"""A two-wheeler below this is no reason to take a person from the road."""


def on_foot(found: Detections) -> Detections:
    """All boxes but those of people who sit on a two-wheeler that was found too.

    Detectors trained on COCO box rider and motorbike apart, and a rider who stays a pedestrian is
    counted as one in every lane. A person rides when the middle of its box is over the
    two-wheeler, its feet end between the two-wheeler's upper part and a little below its wheels,
    and its head is above the two-wheeler's middle; somebody who stands behind or in front of it
    ends elsewhere. The two-wheeler's own box stays as it is: on the junction of the accuracy data
    a box around both fitted the hand-drawn ones worse (motorbikes found: 0.675 instead of 0.694).

    Args:
        found: Boxes without doubles.
    """
    person = np.flatnonzero(found.class_id == CLASS_ID["pedestrian"])
    wheels = np.flatnonzero((BODY[found.class_id] == 1) & (found.score >= SURE))
    if not len(person) or not len(wheels):
        return found
    rider, bike = found.xyxy[person][:, None, :], found.xyxy[wheels][None, :, :]
    height = bike[..., 3] - bike[..., 1]
    middle = (rider[..., 0] + rider[..., 2]) / 2
    rides = (middle >= bike[..., 0]) & (middle <= bike[..., 2])
    rides &= rider[..., 3] >= bike[..., 1] + 0.2 * height
    rides &= rider[..., 3] <= bike[..., 3] + 0.15 * height
    rides &= rider[..., 1] <= bike[..., 1] + 0.4 * height
    rides &= rider[..., 3] - rider[..., 1] <= 2.2 * height
    stays: BoolArray = np.ones(len(found), np.bool_)
    stays[person[rides.any(axis=1)]] = False
    return found.select(stays)
