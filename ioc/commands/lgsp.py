"""``ioc lgsp``: indicators of the province's data-sharing platform as readings of a device."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from edge.lgsp.config import LgspConfig
    from edge.lgsp.mapping import Found
    from ioc.settings import Settings

app = typer.Typer(
    help="Indicators of the province's data-sharing platform (LGSP).", no_args_is_help=True
)

ConfigFile = Annotated[
    Path, typer.Argument(metavar="CONFIG.toml", help="As deploy/lgsp.example.toml.")
]


@app.command()
def run(config_file: ConfigFile) -> None:
    """Ask the sources, listen for what is pushed, publish what is new until SIGTERM or Ctrl-C.

    Settings: sections mqtt, edge and telemetry of ioc.toml, or IOC_* variables; past_days and
    future_minutes of the section ingest say which times the core takes.
    """
    from edge.lgsp.adapter import Adapter
    from edge.lgsp.config import load_config
    from ioc.service import run_until_signal
    from ioc.settings import load_settings

    config = load_config(config_file)
    settings = load_settings()
    run_until_signal("lgsp", lambda: Adapter(config, settings))


@app.command()
def check(
    config_file: ConfigFile,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Ask each source once, and print what would be published.

    Exit code 1 when a source gives no answer, or a value cannot be understood or is not there.
    """
    from edge.lgsp.adapter import secrets_in
    from edge.lgsp.config import load_config
    from ioc.settings import load_settings

    config = load_config(config_file)
    if config.push is not None:
        secrets_in(config.push)
    looks = asyncio.run(_look_at_all(config, load_settings()))
    if as_json:
        typer.echo(json.dumps({"device": config.path.key, "sources": [_plain(x) for x in looks]}))
    else:
        _print(config, looks)
    if any(not look.sound for look in looks):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a source says, or why it says nothing."""

    source: str
    found: Found | None
    why: str = ""

    @property
    def sound(self) -> bool:
        return self.found is not None and not (self.found.faults or self.found.missing)


async def _look_at_all(config: LgspConfig, settings: Settings) -> list[_Look]:
    from edge.lgsp.adapter import look
    from edge.lgsp.web import WebError
    from ioc.decode import ContractError

    async def one(name: str) -> _Look:
        try:
            return _Look(name, await look(config, settings, name))
        except WebError as error:
            return _Look(name, None, error.why)
        except ContractError as error:
            return _Look(name, None, f"the answer cannot be read: {error.detail}")

    return list(await asyncio.gather(*(one(source.name) for source in config.source)))


def _plain(look: _Look) -> dict[str, Any]:
    found = look.found
    if found is None:
        return {"source": look.source, "error": look.why}
    return {
        "source": look.source,
        "values": [
            {
                "quantity": value.quantity,
                "value": value.value,
                "unit": value.unit,
                "time": value.time.isoformat().replace("+00:00", "Z"),
            }
            for value in found.values
        ],
        "faults": [{"field": fault.field, "detail": fault.detail} for fault in found.faults],
        "missing": list(found.missing),
    }


def _print(config: LgspConfig, looks: list[_Look]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ioc.clock import VIETNAM
    from ioc.indicators import indicator_of

    console = Console(highlight=False)
    console.print(f"{config.path.key}: {len(looks)} sources", soft_wrap=True)
    for look in looks:
        if look.found is None:
            console.print(f"{look.source}: {look.why}", markup=False, soft_wrap=True)
            continue
        table = Table("quantity", "value", "unit", "time (+07:00)", "target", title=look.source)
        for value in look.found.values:
            known = indicator_of(value.quantity)
            target = ""
            if known is not None:
                sign = "≥" if known.better == "higher" else "≤"
                reached = "reached" if known.reached(value.value) else "not reached"
                target = f"{sign} {known.target:g}: {reached}"
            at = value.time.astimezone(VIETNAM)
            table.add_row(
                *(value.quantity, f"{value.value:g}", value.unit, f"{at:%Y-%m-%d %H:%M:%S}"), target
            )
        console.print(table)
        for fault in look.found.faults:
            console.print(f"  {fault.field}: {fault.detail}", markup=False, soft_wrap=True)
        for quantity in look.found.missing:
            console.print(f"  {quantity}: no value in the answer", markup=False, soft_wrap=True)
    if config.push is not None:
        scheme = "http" if config.push.cert_file is None else "https"
        address = f"{scheme}://{config.push.host}:{config.push.port}{config.push.path}"
        console.print(f"webhook: POST {address}", soft_wrap=True)
