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
        None,
        "--dir",
        help="Keep data, logs and evidence here. Left out, all is temporary but the clips of the "
        "violations, which stay until the next demo.",
    ),
    seed: int = typer.Option(1, help="Makes another world of virtual devices."),
    clips: Path | None = typer.Option(
        None, help="Clips of 'ioc sim video' that the cameras see; left out, those that come with."
    ),
    model: str | None = typer.Option(
        None, help="The cameras' detector, by name or path; left out, our own."
    ),
) -> None:
    """Run everything on this machine: servers, services, camera nodes, devices, a ledger.

    Two camera nodes watch rendered junctions with the real vision path and keep evidence; two
    more cameras, the signals, thirteen sensors and the province's indicators are virtual. One node
    loses its network for a while, one device sends bad input. In the end: is every event there,
    how right were the rules, and does all evidence verify and play? Exit code 1 if anything is
    lost, stored twice or misjudged, or if evidence does not verify; what a rule missed is told and
    is no failure.
    """
    from ioc.local_process import ServerError

    try:
        sound = _run(seconds_of(length), folder, seed, clips, model)
    except ServerError as error:
        typer.echo(f"ioc: {error}", err=True)
        raise typer.Exit(1) from None
    if not sound:
        raise typer.Exit(1)


def _run(
    seconds: float, folder: Path | None, seed: int, clips: Path | None, model: str | None
) -> bool:
    """The demo; gives whether all is accounted for and proved."""
    from rich.console import Console

    from ioc.settings import TelemetrySettings
    from ioc.telemetry import configure_logs
    from measure.closing import print_evidence, print_ledger, print_rules
    from measure.demo import Demo, Plan
    from measure.footage import CLIPS
    from measure.screen import Screen, step
    from models.registry import OWN_DETECTOR

    configure_logs(TelemetrySettings(log_level="error"), "demo")
    console = Console(highlight=False)
    plan = Plan(folder, seed, clips or CLIPS, model or OWN_DETECTOR)
    console.print("Hậu Giang IOC: demo on embedded servers\n")
    with Demo(lambda name: step(console, name), plan) as running:
        for name, address in running.addresses().items():
            console.print(f"  {name:<9} {address}", style="dim", soft_wrap=True)
        console.print()
        with Screen(console, running.devices, running.cut_off, seconds) as show:
            running.run(seconds, show)
        console.print("devices are silent; waiting until everything has arrived")
        account = running.account()
        print_ledger(console, account.ledger, account.waiting, running.moment().streams)
        print_rules(console, account.scores, account.played)
        print_evidence(console, account.gallery, _keep(folder))
    for fault in account.faults:
        console.print(fault, style="bold red", soft_wrap=True)
    if account.ledger.balanced:
        console.print("balanced: every event is accounted for", style="green")
    else:
        console.print("NOT BALANCED: see the ledger above", style="bold red")
    return account.sound


def _keep(folder: Path | None) -> str:
    """How long the clips stay, in words."""
    if folder is not None:
        return "mọi thứ được giữ ở đó / everything is kept there, with the originals in evidence/"
    return (
        "giữ đến lần chạy sau; --dir THƯ_MỤC giữ tất cả / kept until the next demo; "
        "--dir FOLDER keeps everything"
    )
