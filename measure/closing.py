"""What ``ioc demo`` prints in the end: the ledger, how right the rules were, the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ioc.clock import VIETNAM
from measure.gallery import Gallery
from measure.judgement import UNDECIDED_S, Played, RuleScore, Scores
from measure.ledger import Ledger
from measure.screen import WIDE
from measure.services import Metrics
from vision.evidence.overlay import RULE_NAMES

MOST_LINES: Final = 40
"""Violations that are listed; the folder has them all."""


def print_rules(console: Console, scores: Scores, played: Sequence[Played]) -> None:
    """Print how right every rule was, against what truly happened in the clips."""
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    table.add_column("quy tắc / rule", no_wrap=True)
    for name in (
        "thật\nacts", "đúng\nfound", "sót\nmiss", "sai\nfalse", "lệch\np95", "biển\nplates",
    ):  # fmt: skip
        table.add_column(name, justify="right", no_wrap=True)
    total = RuleScore()
    for rule, score in sorted(scores.items(), key=lambda item: list(RULE_NAMES).index(item[0])):
        label = RULE_NAMES[rule]
        table.add_row(f"{label.vi} / {label.en}", *_cells(score))
        total.add(score)
    table.add_section()
    table.add_row("tất cả / all", *_cells(total), style="bold")
    console.print("\nĐộ chính xác của từng quy tắc / accuracy of the rules")
    console.print(table)
    lengths = ", ".join(f"{one.camera.key} {one.seconds:.0f} s" for one in played)
    console.print(
        f"violations as the database has them, against the truth of the rendered clips: {lengths}; "
        f"doubtful acts and those of the last {UNDECIDED_S:g} s are left out "
        f"({total.tally.doubtful}); p95: of the error of the act's time; plates of found acts: "
        "đúng/sai/không đọc, right/wrong/not read",
        style="dim",
        soft_wrap=True,
    )


def _cells(score: RuleScore) -> list[str | Text]:
    tally, plates = score.tally, score.plates
    error = tally.error(95)
    return [
        f"{tally.acts}",
        f"{tally.right}",
        Text(f"{tally.missed}", "yellow" if tally.missed else ""),
        Text(f"{tally.false}", "yellow" if tally.false else ""),
        "-" if error is None else f"{error * 1000:.0f} ms",
        f"{plates['exact']}/{plates['wrong']}/{plates['none']}" if plates.total() else "-",
    ]


def print_evidence(console: Console, gallery: Gallery, keep: str) -> None:
    """Print where the clips are and what was proved of them.

    Args:
        console: Where to.
        gallery: The evidence.
        keep: How long the folder stays, and how to keep more.
    """
    console.print("\nBằng chứng / evidence")
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for name in ("lúc / at", "vi phạm / violation", "biển số / plate", "đoạn hình / clip"):
        table.add_column(name, no_wrap=True)
    wide = console.width >= WIDE
    for one in gallery.exhibits[:MOST_LINES]:
        label = RULE_NAMES[one.report.rule]
        clip = Text("không có / none", "yellow") if one.clip is None else Text(one.clip.name)
        if one.clip is not None and not one.playable:
            clip = Text(f"{one.clip.name} ✕", "bold red")
        table.add_row(
            f"{one.report.act_time.astimezone(VIETNAM):%H:%M:%S}",
            f"{label.vi} / {label.en}" if wide else label.vi,
            one.report.plate or "-",
            clip,
        )
    console.print(table)
    if len(gallery.exhibits) > MOST_LINES:
        console.print(f"… and {len(gallery.exhibits) - MOST_LINES} more", style="dim")
    playable = sum(one.playable for one in gallery.exhibits)
    console.print(
        f"{playable} / {len(gallery.exhibits)} đoạn hình xem được, {gallery.kinds} loại vi phạm / "
        f"clips that play, {gallery.kinds} kinds of violation",
        soft_wrap=True,
    )
    console.print(
        f"{gallery.sets} bộ, {gallery.files} tệp đã kiểm tra: {len(gallery.faults)} lỗi / "
        f"sets and files verified: {len(gallery.faults)} faults",
        style="bold red" if gallery.faults else "",
        soft_wrap=True,
    )
    for fault in gallery.faults:
        console.print(f"  {fault}", style="red", soft_wrap=True)
    console.print(f"thư mục / folder: {gallery.folder}", soft_wrap=True)
    console.print(keep, style="dim", soft_wrap=True)
    console.print(
        "bản che mặt cho người xét duyệt không làm ở đây: 8 đến 13 s của một lõi mỗi bản / "
        "reviewers' copies, with faces hidden, are left out here: 8 to 13 s of a core each",
        style="dim",
        soft_wrap=True,
    )


def print_ledger(console: Console, ledger: Ledger, waiting: int, streams: Metrics | None) -> None:
    """Print the account at the end of a run."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    duplicates = streams.total("ioc_sink_duplicates_total") if streams else 0.0
    table.add_row("đã tạo / minted", f"{ledger.good:,}", "valid events of all devices")
    table.add_row("đã lưu / stored", f"{ledger.stored:,}", "of them in the database")
    table.add_row("trùng / duplicates absorbed", f"{duplicates:,.0f}", "came again, stored once")
    table.add_row("hỏng / bad input sent", f"{ledger.bad:,}", "broken on purpose")
    aside = sum(ledger.set_aside.values())
    table.add_row("để riêng / set aside", f"{aside:,}", "kept with their bytes, by reason:")
    for reason, count in sorted(ledger.set_aside.items()):
        table.add_row(f"    {reason}", f"{count:,}", "")
    table.add_row("chờ trong bộ đệm / still in spools", f"{waiting:,}", "")
    table.add_row("hai lần / stored twice", f"{ledger.doubled:,}", "")
    table.add_row("xử sai / misjudged", f"{len(ledger.misjudged):,}", "good set aside, bad stored")
    table.add_row(
        Text("mất / lost", "bold"),
        Text(f"{len(ledger.lost):,}", "bold green" if not ledger.lost else "bold red"),
        "",
    )
    console.print("\nSổ cái / ledger")
    console.print(table)
    if ledger.rows:
        rows = ", ".join(f"{name} {count:,}" for name, count in ledger.rows.items() if count)
        console.print(f"rows by table: {rows}", style="dim", soft_wrap=True)
