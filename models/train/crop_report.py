"""The cards of the two models that look at crops: what they are, and what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

WARNING: Final = """> **Trained on rendered scenes**, for the demo, the tests and the benchmarks.
>
> **Được huấn luyện trên cảnh dựng bằng máy tính**, không dùng trên đường phố thật.
"""


def write_heads(report: dict[str, Any], path: Path) -> None:
    """Write the card of the second look at heads.

    Args:
        report: As ``train_heads`` gives it.
        path: The file.
    """
    rows = "".join(
        f"| {band['from_px']:.0f} | {band['heads']} | {band['right']:.3f} "
        f"| {band['bare_found']:.3f} | {band['false_bare']:.3f} |\n"
        for band in report["bands"]
    )
    path.write_text(
        f"""# {report["name"]}

{WARNING}
Judges crops of heads that the detector marked, cut from the whole picture: no head, helmet, bare
(contract `sim-heads`). Licence: Apache-2.0. {report["bytes"] / 1e6:.2f} MB, SHA-256
`{report["sha256"]}`.

{report["crops"]["train"]} crops to learn from and {report["crops"]["val"]} to judge, of the
detector's dataset, digest `{report["dataset"][:12]}`; {report["epochs"]} epochs, seed
{report["seed"]}, {report["seconds"] / 60:.0f} minutes on the CPU:
`ioc models train-heads --data DATASET --out DIR`.

On the crops that judge, by the longer side of the head in a picture 1280 wide:

| from px | heads | told right | bare ones found | helmets told as bare |
| --- | --- | --- | --- | --- |
{rows}""",
        encoding="utf-8",
    )


def write_plates(report: dict[str, Any], path: Path) -> None:
    """Write the card of the reader of small plates.

    Args:
        report: As ``train_plates`` gives it.
        path: The file.
    """
    views = report["views"]
    begun = ", begun with an earlier file of it" if report["start"] else ""
    path.write_text(
        f"""# {report["name"]}

{WARNING}
Reads a whole plate from a crop: how many lines, five characters of the series, five of the number
(contract `sim-plates`). Licence: Apache-2.0. {report["bytes"] / 1e6:.2f} MB, SHA-256
`{report["sha256"]}`.

{report["plates"]["train"]} flat plates to learn from, seen anew each time from aside, far off,
moving and in bad light, and {report["plates"]["val"]} others to judge; {report["steps"]} batches of
64{begun}, seed {report["seed"]}, {report["seconds"] / 60:.0f} minutes on the CPU:
`ioc sim plates --out PLATES`, then `ioc models train-plates --data PLATES --out DIR`.

On the plates that judge, seen as badly (plates of 12 to 44 pixels, of which the lowest can hardly
be read): characters right {views["characters"]:.3f}, whole plates {views["exact"]:.3f}; told with
0.85 or more {views["sure"]:.3f} of them, wrong {views["sure_and_wrong"]:.4f}.
""",
        encoding="utf-8",
    )
