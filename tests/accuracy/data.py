"""Where the real clips and weights lie: they are no part of the project.

``IOC_DATA_DIR`` names the folder; left out, it is ``../shared/data`` beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "IOC_DATA_DIR"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "data")
HERE = (FOLDER / "videos").is_dir() and (FOLDER / "models").is_dir()
REQUIRED = os.environ.get("CI", "").lower() in {"1", "true"}
