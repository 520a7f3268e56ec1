"""Leaves the training's tests out where PyTorch is missing, and says so in the header.

A skip inside the module would count in every suite, also in that of the servers, where CI lets
nothing be skipped.
"""

from __future__ import annotations

from importlib.util import find_spec

HERE = find_spec("torch") is not None

collect_ignore = [] if HERE else ["test_train_torch.py"]


def pytest_report_header() -> str:
    if HERE:
        return "training: with PyTorch"
    return "training: PyTorch is missing, so tests/models/test_train_torch.py is left out"
