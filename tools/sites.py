"""Write the simulated cameras into the site files, from their places. Exit code 1: it was needed.

The cameras of `simulator/places` stand in `deploy/sites` between two lines of comment, with the
pixels that their metres give, so that wall, alerts and nodes agree on the lanes. `make clips`
runs this after a place was changed; a test (tests/ioc/test_delivered_sites.py) says when it was
forgotten.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from simulator.place import Place
from simulator.places import PLACES
from simulator.truth.site_file import site_of

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "sites"
BEGIN = "  # Worked out from simulator/places by tools/sites.py; change it there.\n"
END = "  # End of what tools/sites.py writes.\n"


class _Dumper(yaml.SafeDumper):
    """Points, names and other small things on one line, as a person writes them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists are set in, as in the rest of the files."""
        super().increase_indent(flow, False)


def _small(value: Any) -> bool:
    """Whether something fits on a line: no mapping that holds more than values."""
    if isinstance(value, dict):
        return len(value) < 7 and all(not isinstance(one, dict) for one in value.values())
    return not isinstance(value, list) or all(not isinstance(one, dict) for one in value)


_Dumper.add_representer(
    dict,
    lambda dumper, value: dumper.represent_mapping(
        "tag:yaml.org,2002:map", value.items(), flow_style=_small(value)
    ),
)
_Dumper.add_representer(
    list,
    lambda dumper, value: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", value, flow_style=_small(value)
    ),
)


def cameras_text(place: Place) -> str:
    """The simulated cameras of a place as part of a site file."""
    cameras = [one.model_dump(mode="json", exclude_defaults=True) for one in site_of(place).cameras]
    text = yaml.dump(cameras, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=200)
    return "".join(f"  {line}\n" for line in text.splitlines())


def with_cameras(text: str, place: Place) -> str:
    """A site file with its simulated cameras as they are now.

    Raises:
        ValueError: The two lines of comment are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{place.id}: no lines {BEGIN.strip()!r} and {END.strip()!r}")
    return f"{before}{BEGIN}{cameras_text(place)}{END}{after}"


def main() -> int:
    """Bring the files up to date."""
    changed = 0
    for place in PLACES.values():
        path = FOLDER / f"{place.city}-{place.site}.yaml"
        text = path.read_text(encoding="utf-8")
        wanted = with_cameras(text, place)
        if wanted != text:
            path.write_text(wanted, encoding="utf-8")
            print(f"{path}: written anew")
            changed = 1
    return changed


if __name__ == "__main__":
    sys.exit(main())
