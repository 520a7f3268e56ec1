from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ioc.errors import ConfigError
from ioc.site import MAX_FILE_BYTES, load_site, load_sites

LABEL = {"vi": "Ngã tư", "en": "Junction"}


def content() -> dict[str, Any]:
    """A small site without faults."""
    return {
        "city": "vithanh",
        "site": "nga-tu",
        "name": LABEL,
        "city_name": LABEL,
        "position": {"latitude": 9.78, "longitude": 105.47},
        "cameras": [
            {
                "id": "cam-1",
                "name": LABEL,
                "source": "sim://junction",
                "frame": {"width": 640, "height": 480},
                "lanes": [
                    {
                        "id": "lane-1",
                        "polygon": [[0, 0], [100, 0], [100, 400]],
                        "direction": [[50, 400], [50, 0]],
                    }
                ],
                "lines": [{"id": "stop-1", "kind": "stop", "ends": [[0, 90], [100, 90]]}],
                "zones": [{"id": "z", "kind": "junction", "polygon": [[0, 0], [9, 0], [9, 9]]}],
                "rules": [{"rule": "red_light"}],
            }
        ],
        "signals": [{"id": "signal-1", "name": LABEL, "heads": ["head-1"]}],
        "sensors": [{"id": "water-1", "name": LABEL, "quantity": "water_level", "unit": "m"}],
    }


def change(target: Any, path: str, value: Any) -> None:
    *steps, last = path.split(".")
    for step in steps:
        target = target[int(step) if step.isdigit() else step]
    target[int(last) if last.isdigit() else last] = value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nga-tu.yaml"


def refused(path: Path, written: dict[str, Any] | str | bytes) -> str:
    if isinstance(written, bytes):
        path.write_bytes(written)
    else:
        path.write_text(written if isinstance(written, str) else yaml.safe_dump(written))
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    return str(caught.value)


def test_a_good_site_file_is_read(path: Path) -> None:
    path.write_text(yaml.safe_dump(content(), allow_unicode=True), encoding="utf-8")
    site = load_site(path)
    assert site.devices == ("cam-1", "signal-1", "water-1")
    assert site.path("cam-1").source == "/vithanh/nga-tu/cam-1"
    assert site.camera(None).id == site.camera("cam-1").id == "cam-1"
    with pytest.raises(ConfigError, match="no camera 'cam-9'; cameras are cam-1"):
        site.camera("cam-9")


@pytest.mark.parametrize(
    ("key", "value", "where", "mend"),
    [
        ("cameras.0.lanez", [], "cameras.0.lanez", "unknown key; did you mean 'lanes'?"),
        ("sensors.0.alrt", {}, "sensors.0.alrt", "did you mean 'alert'?"),
        ("cameras.0.lanes.0.polygn", [], "cameras.0.lanes.0.polygn", "did you mean 'polygon'?"),
        ("alerts", {"silent_after": 3}, "alerts.silent_after", "mean 'silent_after_s'?"),
        ("position.qqq", 1, "position.qqq", "known keys are latitude, longitude"),
        ("city", "Vị Thanh", "city", "pattern"),
        ("city", "vithanh\n", "city", "pattern"),
        ("ward", 31321, "ward", "valid string, got 31321; put it in quotes"),
        ("position.latitude", 105.47, "position.latitude", "less than or equal to 90, got 105.47"),
        ("position.latitude", float("nan"), "position.latitude", "finite number"),
        ("cameras.0.lines.0.ends.0", [0, float("inf")], "cameras.0.lines.0.ends.0.1", "finite"),
        ("cameras.0.lines.0.lane", "lane-9", "cameras.0", "names lane 'lane-9'; lanes are lane-1"),
        ("cameras.0.lines.0.head", "head-9", "(top level)", "names head 'head-9'; the site's"),
        ("signals.0.heads", ["h", "h"], "(top level)", "h stands there twice"),
        ("cameras.0.lines.0.ends.0", [900, 0], "cameras.0", "outside the frame of 640x480"),
        ("cameras.0.lines.0.ends", [[5, 5], [5, 5]], "cameras.0.lines.0.ends", "the same point"),
        ("cameras.0.lanes.0.polygon", [[0, 0], [1, 1]], "cameras.0.lanes.0.polygon", "at least 3"),
        ("cameras.0.rules", [{"rule": "red_light"}] * 2, "cameras.0", "red_light stands"),
        ("cameras.0.rules.0.rule", "jaywalking", "cameras.0.rules.0.rule", "'red_light'"),
        ("signals.0.id", "cam-1", "(top level)", "cam-1 stands there twice"),
        ("sensors.0.unit", "cm", "sensors.0", "water_level is measured in 'm', not 'cm'"),
        ("sensors.0.alert", {"raise_at": 1, "clear_at": 1}, "sensors.0.alert", "must be below"),
        ("name", {"vi": "Ngã tư"}, "name.en", "missing; add it"),
    ],
)  # fmt: skip
def test_a_fault_names_file_key_and_mend(
    key: str, value: Any, where: str, mend: str, path: Path
) -> None:
    changed = content()
    change(changed, key, value)
    message = refused(path, changed)
    assert message.startswith(f"{path}: {where}: ")
    assert mend in message
    assert len(message.splitlines()) == 1


def test_every_fault_is_told_and_each_is_one_line(path: Path) -> None:
    changed = content()
    change(changed, "cameras.0.lanes.0.free_speed_kmh", 900)
    change(changed, "sensors.0.period_s", 0)
    change(changed, "odd\nkey", 1)
    del changed["city"]
    lines = refused(path, changed).splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{path}: ") for line in lines)


def test_a_long_wrong_value_does_not_fill_the_screen(path: Path) -> None:
    changed = content()
    change(changed, "city", "x" * 100_000)
    assert len(refused(path, changed)) < 500


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("city: [", "not YAML"),
        ("- city\n", "expected keys such as 'city'"),
        ("", "expected keys such as 'city'"),
        (b"city: \xff\n", "not YAML: 'utf-8' codec"),
        ("[" * 50_000, "not YAML"),
        ("expires: 2026-02-30\n", "not YAML: day is out of range"),
        ("city: a\nsite: b\ncity: c\n", "key 'city' stands there twice"),
        ("city: !!python/object/apply:os.system [echo]\n", "not YAML"),
        ("#" * (MAX_FILE_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_site_file_is_refused(written: str | bytes, why: str, path: Path) -> None:
    message = refused(path, written)
    assert message.startswith(f"{path}: ")
    assert why in message
    assert len(message.splitlines()) == 1


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file or directory; give the path"):
        load_site(tmp_path / "none.yaml")


def test_merge_keys_and_anchors_may_be_used(path: Path) -> None:
    path.write_text(
        """
city: vithanh
site: nga-tu
name: &label {vi: Ngã tư, en: Junction}
city_name: {<<: *label, en: City}
position: {latitude: 9.78, longitude: 105.47}
""",
        encoding="utf-8",
    )
    site = load_site(path)
    assert (site.city_name.vi, site.city_name.en, site.name.en) == ("Ngã tư", "City", "Junction")


def test_a_folder_is_read_in_order_and_refuses_the_same_site_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no site file"):
        load_sites(tmp_path)
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content() | {"site": name}))
    assert [site.site for site in load_sites(tmp_path)] == ["a", "b"]
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(content() | {"site": "a"}))
    with pytest.raises(ConfigError, match="vithanh/a stands there twice"):
        load_sites(tmp_path)
