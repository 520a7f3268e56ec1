"""``ioc demo``: the whole system on this machine."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from ioc.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "": 1.0}


def seconds_of(text: str) -> float:
    """A length of time such as ``90s``, ``2m`` or ``60`` in seconds.

    Raises:
        ConfigError: It is none, or not between 5 s and 24 h.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip())
    if match is None:
        raise ConfigError(f"--for {text!r}: give a length of time such as 90s, 2m or 1h")
    seconds = float(match[1]) * _UNITS[match[2]]
    if not 5 <= seconds <= 86_400:
        raise ConfigError(f"--for {text!r}: give at least 5s and at most 24h")
    return seconds


def demo(
    length: str = typer.Option("90s", "--for", help="How long the devices work: 90s, 2m, 1h."),
    folder: Path | None = typer.Option(
        None, "--dir", help="Keep data and logs here; default a temporary folder."
    ),
    seed: int = typer.Option(1, help="Makes another world of virtual devices."),
) -> None:
    """Run everything on this machine: embedded servers, services, virtual devices, a ledger.

    Four cameras, two signals and twelve sensors publish; one camera loses its network for a while
    and one device sends bad input. Exit code 1 if anything is lost, stored twice or misjudged.
    """
    from ioc.local_process import ServerError

    try:
        balanced = _run(seconds_of(length), folder, seed)
    except ServerError as error:
        typer.echo(f"ioc: {error}", err=True)
        raise typer.Exit(1) from None
    if not balanced:
        raise typer.Exit(1)


def _run(seconds: float, folder: Path | None, seed: int) -> bool:
    """The demo; gives whether its ledger is balanced."""
    from rich.console import Console

    from ioc.settings import TelemetrySettings
    from ioc.telemetry import configure_logs
    from measure.demo import Demo
    from measure.screen import Screen, print_ledger, step

    configure_logs(TelemetrySettings(log_level="error"), "demo")
    console = Console(highlight=False)
    console.print("Hậu Giang IOC: demo on embedded servers\n")
    with Demo(lambda name: step(console, name), folder, seed) as running:
        for name, address in running.addresses().items():
            console.print(f"  {name:<9} {address}", style="dim", soft_wrap=True)
        console.print()
        with Screen(console, running.devices, running.cut_off, seconds) as show:
            running.run(seconds, show)
        console.print("devices are silent; waiting until everything has arrived")
        ledger, waiting = running.account()
        print_ledger(console, ledger, waiting, running.moment().streams)
    if ledger.balanced:
        console.print("balanced: every event is accounted for", style="green")
    else:
        console.print("NOT BALANCED: see the ledger above", style="bold red")
    return ledger.balanced
