"""What a training came to: report.json, report.md and the model card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

TEMPLATE: Final = Path(__file__).with_name("CARD.md")


def write_report(report: Mapping[str, Any], out: Path) -> None:
    """Write ``report.json``, ``report.md`` and ``CARD.md`` into a folder."""
    text = json.dumps(report, ensure_ascii=False, indent=1)
    (out / "report.json").write_text(text + "\n", encoding="utf-8")
    (out / "report.md").write_text(report_text(report), encoding="utf-8")
    (out / "CARD.md").write_text(card_text(report), encoding="utf-8")


def report_text(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    training, dataset = report["training"], report["dataset"]
    history = training["history"]
    lines = [
        f"# Training of {report['name']}",
        "",
        f"{training['seconds'] / 60:.1f} minutes on {training['device']}; "
        f"{training['parameters']:,} parameters.",
        "",
        "## Data",
        "",
        f"{dataset['train']} pictures to learn from, {dataset['val']} to judge; "
        f"digest `{dataset['digest']}`; seeds {spans(dataset['seeds'])}.",
        "",
        "## Settings",
        "",
        *_table(("setting", "value"), [(key, value) for key, value in report["settings"].items()]),
        "",
        "## Files",
        "",
        *_files(report),
        "",
        *_quantised(report),
        "",
        "## Classes, float32",
        "",
        *_classes(report),
        "",
        "## Curve",
        "",
        "```",
        *curve([each["ap"] for each in history], [each["loss"] for each in history]),
        "```",
        "",
        *_table(
            ("epoch", "loss", "box", "score", "AP50", "AP", "s"),
            [
                (
                    *(each["epoch"], _three(each["loss"]), _three(each["box"])),
                    *(_three(each["score"]), _three(each["ap50"]), _three(each["ap"])),
                    round(each["seconds"]),
                )
                for each in history
            ],
        ),
        "",
        "## Entries of the manifest",
        "",
        "```toml",
        entries(report),
        "```",
        "",
        "## Environment",
        "",
        *_table(("what", "which"), list(report["environment"].items())),
        "",
    ]
    return "\n".join(lines)


def card_text(report: Mapping[str, Any]) -> str:
    """The model card, from its template.

    The template's fields are ``{name}`` and so on; a field that it lacks is an error here, not a
    blank in the card.
    """
    training, dataset = report["training"], report["dataset"]
    float_file = report["files"]["float32"]
    return TEMPLATE.read_text(encoding="utf-8").format(
        name=report["name"],
        parameters=f"{training['parameters']:,}",
        height=report["settings"]["height"],
        width=report["settings"]["width"],
        names=", ".join(report["classes"]),
        train=dataset["train"],
        val=dataset["val"],
        seeds=spans(dataset["seeds"]),
        digest=dataset["digest"],
        epochs=report["settings"]["epochs"],
        seed=report["settings"]["seed"],
        minutes=f"{training['seconds'] / 60:.0f}",
        device=training["device"],
        ap50=_three(float_file["ap50"]),
        ap=_three(float_file["ap"]),
        working=report["working_score"],
        files="\n".join(_files(report)),
        classes="\n".join(_classes(report)),
        processor=report["environment"]["processor"],
        cores=report["environment"]["cores"],
    )


def entries(report: Mapping[str, Any]) -> str:
    """The models as the manifest has them."""
    names = {"float32": report["name"], "int8": f"{report['name']}-int8"}
    parts = []
    for kind, made in report["files"].items():
        parts.append(
            f"[models.{names[kind]}]\n"
            'contract = "sim-v1"\n'
            f'file = "{made["file"]}"\n'
            f'sha256 = "{made["sha256"]}"\n'
            'licence = "Apache-2.0"\n'
            f'origin = "this project: trained from scratch on rendered scenes, {kind}"'
        )
    return "\n\n".join(parts)


def spans(numbers: Sequence[int]) -> str:
    """Whole numbers, runs of them as first–last: ``1–5, 9``."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)


def curve(ap: Sequence[float], loss: Sequence[float]) -> list[str]:
    """AP and loss of each epoch as bars of text, each against its highest."""
    most_ap, most_loss = max([*ap, 1e-9]), max([*loss, 1e-9])
    return [
        f"{at:>3}  AP {_bar(one / most_ap)} {one:.3f}   loss {_bar(two / most_loss)} {two:.3f}"
        for at, (one, two) in enumerate(zip(ap, loss, strict=True), start=1)
    ]


def _bar(share: float, width: int = 24) -> str:
    return ("█" * round(share * width)).ljust(width)


def _files(report: Mapping[str, Any]) -> list[str]:
    return _table(
        ("file", "kind", "MB", "AP50", "AP", "recall", "IoU", "ms a picture", "SHA-256"),
        [
            (
                *(f"`{made['file']}`", kind, f"{made['bytes'] / 1e6:.2f}", _three(made["ap50"])),
                *(_three(made["ap"]), _three(made["recall"]), _three(made["overlap"])),
                *(f"{made['milliseconds']:.1f}", f"`{made['sha256']}`"),
            )
            for kind, made in report["files"].items()
        ],
    )


def _quantised(report: Mapping[str, Any]) -> list[str]:
    """What int8 costs and gains, said plainly when it is not worth it."""
    full, small = report["files"]["float32"], report["files"]["int8"]
    lost, ratio = full["ap"] - small["ap"], full["milliseconds"] / small["milliseconds"]
    apart = full["difference"]
    verdict = "is worth it" if lost < 0.02 and ratio > 1 else "is NOT worth it on this processor"
    return [
        f"The exported graph lies within {apart['score']:.1e} (scores) and {apart['box']:.1e} "
        "(boxes, in cells) of torch.",
        f"int8: AP {lost:+.3f} lost, {ratio:.2f} times as fast; it {verdict}.",
    ]


def _classes(report: Mapping[str, Any]) -> list[str]:
    return _table(
        ("class", "objects", "AP50", "AP", "recall", "precision", "IoU"),
        [
            (
                *(each["name"], each["objects"]),
                *(_three(each[key]) for key in ("ap50", "ap", "recall", "precision", "overlap")),
            )
            for each in report["files"]["float32"]["classes"]
        ],
    )


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
