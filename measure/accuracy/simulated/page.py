"""The report of a run as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Final

from ioc.errors import ConfigError
from ioc.events import Rule
from measure.accuracy.simulated.confusion import WORDS
from measure.accuracy.simulated.matching import TOLERANCE_S
from measure.accuracy.simulated.results import ClipResult, RulesReport
from measure.accuracy.simulated.scores import ALL, Share, Tally, rule_of
from vision.evidence.overlay import RULE_NAMES

MOST_PICTURES: Final = 120
"""Thumbnails on a page; each takes some 25 kB."""

BARS: Final[Mapping[str, tuple[float, float]]] = {
    "day": (0.98, 0.95),
    "night": (0.95, 0.90),
    "rain": (0.95, 0.90),
}
"""Slice → precision and recall that every rule is to reach."""

TRUTH_BAR: Final = 0.995
"""The same for both with the true boxes, over all clips."""

SLICES: Final[Mapping[str, tuple[str, str]]] = {
    ALL: ("Tất cả", "All"),
    "day": ("Ban ngày", "Day"),
    "night": ("Ban đêm", "Night"),
    "rain": ("Mưa", "Rain"),
    "dense": ("Đông xe", "Dense"),
    "dusk": ("Chạng vạng", "Dusk"),
    "fog": ("Sương mù", "Fog"),
    "glare": ("Chói nắng", "Glare"),
}


def page(report: RulesReport, command: str, made: str) -> str:
    """The page.

    Args:
        report: The results.
        command: What was called, so that it can be called again.
        made: When, as people read it.
    """
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    parts = [
        _heading("h1", "Độ chính xác của các luật vi phạm", "Accuracy of the violation rules"),
        _settings(report, command, made),
        _rules(report),
        _slices(report),
        _lost(report),
        _causes(report),
        _pictures(report.clips),
        _clips(report.clips),
    ]
    return (
        '<!doctype html>\n<html lang="vi">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Độ chính xác của các luật vi phạm</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{''.join(parts)}</main>\n"
        "</body>\n</html>\n"
    )


def write_page(folder: Path, report: RulesReport, command: str, made: str) -> Path:
    """Write the page into a folder; its path.

    Raises:
        ConfigError: It cannot be written.
    """
    path = folder / "index.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page(report, command, made), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--report {path}: {error.strerror}; choose another folder") from None
    return path


def _settings(report: RulesReport, command: str, made: str) -> str:
    name, digest = report.model
    seeds = sorted({one.judged.watched.clip.seed for one in report.clips})
    boxes = (
        "khung thật, không qua mô hình / true boxes, no model"
        if report.boxes == "truth"
        else f"{name} · SHA-256 {digest}"
    )
    rows = (
        ("Thời điểm đo / Measured", made),
        ("Lệnh / Command", command),
        ("Khung xe / Boxes", boxes),
        ("Hạt giống / Seeds", _ranges(seeds)),
        (
            "Độ dài / Length",
            f"{len(report.clips)} đoạn phim × {report.seconds:g} s = "
            f"{60 * report.hours:.1f} phút camera / camera minutes",
        ),
        (
            "Ghép / Matching",
            f"camera + luật + xe + thời điểm trong {TOLERANCE_S:g} s / "
            "camera + rule + vehicle + time",
        ),
        ("Khoảng tin cậy / Intervals", "95 %, Wilson; F1 qua / through Jaccard; Poisson"),
    )
    listed = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows)
    about = (
        "<p>Cảnh được mô phỏng và dựng hình, với các hạt giống chưa từng dùng để huấn luyện. "
        "Số liệu này không thay cho việc đo trên đường phố thật. "
        '<span class="en">The scenes are simulated and rendered, from seeds that no model was '
        "trained on. These figures do not replace measuring on real streets.</span></p>"
    )
    return f"{about}<dl>{listed}</dl>\n"


def _rules(report: RulesReport) -> str:
    head = (
        ("Luật", "Rule"), ("Vi phạm", "Acts"), ("Đúng", "Right"), ("Sót", "Missed"),
        ("Báo sai", "False"), ("Độ chuẩn xác", "Precision"), ("Độ phủ", "Recall"), ("F1", ""),
        ("Lệch p50 / p95", "Time off, frames"), ("Báo sai/giờ", "False per hour"),
    )  # fmt: skip
    rows = []
    for rule in _rules_of(report):
        tally = report.scores[rule, ALL]
        off = [tally.error(percent) for percent in (50, 95)]
        off_text = " / ".join("–" if o is None else f"{o * report.rate:.2f}" for o in off)
        alarms, low, high = tally.false_per_hour
        bar = TRUTH_BAR if report.boxes == "truth" else None
        rows.append(
            [
                _rule_name(rule),
                str(tally.acts) + _small(f"{tally.doubtful} nghi vấn", tally.doubtful > 0),
                str(tally.right),
                str(tally.missed),
                str(tally.false) + _small(f"{tally.doubles} lặp", tally.doubles > 0),
                _share(tally.precision, bar),
                _share(tally.recall, bar),
                _share(tally.f1),
                off_text,
                f"{alarms:.1f}<small>{low:.1f} – {high:.1f}</small>",
            ]
        )
    words = _words(
        "Vi phạm nghi vấn nằm sát ngưỡng của luật: không tính là sót, cũng không tính là sai.",
        "A doubtful act lies within the margins of a threshold and counts neither way.",
    )
    return _heading("h2", "Từng luật", "Each rule") + words + _table(head, rows)


def _slices(report: RulesReport) -> str:
    parts = [part for part in SLICES if any(key[1] == part for key in report.scores)][1:]
    head = (("Luật", "Rule"), *(SLICES[part] for part in parts))
    rows = []
    for rule in _rules_of(report):
        cells = [_rule_name(rule)]
        for part in parts:
            tally = report.scores.get((rule, part), Tally())
            bars = BARS.get(part, (None, None)) if report.boxes == "model" else (None, None)
            cells.append(_share(tally.precision, bars[0]) + _share(tally.recall, bars[1]))
        rows.append(cells)
    words = _words(
        "Trong mỗi ô: độ chuẩn xác, dưới đó là độ phủ. Mức cần đạt ban ngày 0,98 và 0,95; ban "
        "đêm và khi mưa 0,95 và 0,90.",
        "Each cell: precision, recall below it. To reach: 0.98 and 0.95 by day; 0.95 and 0.90 at "
        "night and in rain.",
    )
    return _heading("h2", "Theo điều kiện", "In slices") + words + _table(head, rows)


def _lost(report: RulesReport) -> str:
    if not report.scores_by_truth:
        return ""
    head = (
        ("Luật", "Rule"),
        ("Sót do mô hình", "Missed by the detector"),
        ("Sót do luật", "Missed by the rules"),
        ("Sai do mô hình", "False by the detector"),
        ("Sai do luật", "False by the rules"),
        ("Chuẩn xác, khung thật", "Precision, true boxes"),
        ("Độ phủ, khung thật", "Recall, true boxes"),
    )
    rows = []
    for rule in _rules_of(report):
        loss, true = report.lost.get(rule), report.scores_by_truth.get((rule, ALL), Tally())
        counts = (0, 0, 0, 0)
        if loss is not None:
            counts = (
                loss.missed_by_detector,
                loss.missed_by_rule,
                loss.false_by_detector,
                loss.false_by_rule,
            )
        shares = [_share(true.precision, TRUTH_BAR), _share(true.recall, TRUTH_BAR)]
        rows.append([_rule_name(rule), *(str(number) for number in counts), *shares])
    words = _words(
        "Cùng những đoạn phim ấy, cùng bộ theo dõi và luật, nhưng với khung thật: sai sót nào "
        "biến mất khi đó là của mô hình.",
        "The same clips, tracker and rules with the true boxes: a mistake that is gone then is "
        "the detector's.",
    )
    return _heading("h2", "Ai làm mất", "Who lost it") + words + _table(head, rows)


def _causes(report: RulesReport) -> str:
    if not report.causes:
        return ""
    kinds = {"missed": ("sót", "missed"), "false": ("báo sai", "false")}
    head = (("Luật", "Rule"), ("Loại", "Kind"), ("Nguyên nhân", "Cause"), ("Số lần", "Times"))
    rows = [
        [_rule_name(rule), _both(*kinds[kind]), _both(*WORDS[cause]), str(number)]
        for (rule, kind, cause), number in sorted(
            report.causes.items(), key=lambda item: (item[0][0], item[0][1], -item[1])
        )
    ]
    return _heading("h2", "Sai ở đâu", "What went wrong") + _table(head, rows)


def _pictures(clips: Sequence[ClipResult]) -> str:
    cards = []
    for one in clips:
        watched = one.judged.watched
        for place, data in sorted(one.pictures.items()):
            mistake = one.judged.mistakes[place]
            rule = rule_of(watched, mistake.verdict)
            vi, en = WORDS[mistake.cause]
            kind = "Sót" if mistake.verdict.kind == "missed" else "Báo sai"
            coded = base64.b64encode(data).decode("ascii")
            cards.append(
                f'<figure><img alt="{escape(vi)}" src="data:image/jpeg;base64,{coded}">'
                f"<figcaption><b>{kind}: {escape(RULE_NAMES[rule].vi)}</b>{escape(vi)} "
                f'<span class="en">{escape(en)}</span><small>{escape(watched.clip.name)}, '
                f"{mistake.at_s:.2f} s; {escape(str(watched.clip.conditions))}</small>"
                f"<small>{escape(mistake.detail)}</small></figcaption></figure>"
            )
    if not cards:
        return ""
    left = len(cards) - MOST_PICTURES
    more = f"<p>… {left}</p>" if left > 0 else ""
    key = (
        '<p class="key"><i class="true"></i>khung thật <span class="en">true box</span>'
        '<i class="track"></i>khung theo dõi <span class="en">track</span></p>'
    )
    title = _heading("h2", "Hình ảnh các sai sót", "Pictures of the mistakes")
    return f'{title}{key}<div class="cards">{"".join(cards[:MOST_PICTURES])}</div>{more}\n'


def _clips(clips: Sequence[ClipResult]) -> str:
    head = (
        ("Đoạn phim", "Clip"), ("Điều kiện", "Conditions"), ("Vi phạm", "Acts"),
        ("Sót", "Missed"), ("Báo sai", "False"),
    )  # fmt: skip
    rows = []
    for one in clips:
        watched, kinds = one.judged.watched, [verdict.kind for verdict in one.judged.verdicts]
        rows.append(
            [
                escape(watched.clip.name),
                escape(str(watched.clip.conditions)),
                str(kinds.count("right") + kinds.count("missed")),
                str(kinds.count("missed")),
                str(kinds.count("false") + kinds.count("double")),
            ]
        )
    return _heading("h2", "Các đoạn phim", "The clips") + _table(head, rows)


def _rules_of(report: RulesReport) -> list[Rule]:
    return [rule for rule in RULE_NAMES if (rule, ALL) in report.scores]


def _rule_name(rule: Rule) -> str:
    label = RULE_NAMES[rule]
    return _both(label.vi, label.en)


def _both(vi: str, en: str) -> str:
    return f'{escape(vi)}<span class="en">{escape(en)}</span>'


def _share(share: Share, bar: float | None = None) -> str:
    """A share with its interval; coloured and marked where there is a bar to reach."""
    if not share.of_:
        return "<div>–</div>"
    state = "" if bar is None else ' class="good"' if share.value >= bar else ' class="bad"'
    ends = f"<small>{share.low:.3f} – {share.high:.3f}</small>"
    return f"<div{state}><b>{share.value:.3f}</b>{ends}</div>"


def _small(text: str, there: bool) -> str:
    return f"<small>{escape(text)}</small>" if there else ""


def _words(vi: str, en: str) -> str:
    return f'<p>{escape(vi)} <span class="en">{escape(en)}</span></p>'


def _heading(level: str, vi: str, en: str) -> str:
    return f"<{level}>{_both(vi, en)}</{level}>\n"


def _table(head: Iterable[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{_both(vi, en)}</th>" for vi, en in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead>\n{body}</table></div>\n'


def _ranges(seeds: Sequence[int]) -> str:
    """``3–7, 9`` for 3, 4, 5, 6, 7, 9."""
    found: list[list[int]] = []
    for seed in seeds:
        if found and seed == found[-1][1] + 1:
            found[-1][1] = seed
        else:
            found.append([seed, seed])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in found)
