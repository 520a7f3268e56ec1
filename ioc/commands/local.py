"""``ioc local``: the embedded servers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Embedded servers on this machine.", no_args_is_help=True)

_Dir = Annotated[
    Path | None,
    typer.Option("--dir", help="Folder of the stack; default: one for each user, under /tmp."),
]


@app.command()
def up(folder: _Dir = None) -> None:
    """Run MQTT, Kafka and PostgreSQL until Ctrl-C; prints their addresses and variables to set."""
    import shlex
    import signal
    import threading

    from ioc.local import LocalStack, default_folder
    from ioc.local_process import ServerError

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    stack = LocalStack(folder or default_folder())
    try:
        stack.start()
    except ServerError as error:
        typer.echo(f"ioc: {error}", err=True)
        raise typer.Exit(1) from None
    with stack:
        for name, address in stack.addresses().items():
            typer.echo(f"# {name}: {address}")
        for name, value in stack.settings_env().items():
            typer.echo(f"export {name}={shlex.quote(value)}")
        typer.echo("# Running; Ctrl-C ends it.")
        while not ended.wait(1.0):
            dead = [server for server in stack.servers() if not server.running]
            if dead:
                for server in dead:
                    tail = "\n".join(server.log_tail())
                    typer.echo(f"ioc: {server.name} ended; {server.log}:\n{tail}", err=True)
                raise typer.Exit(1)


@app.command()
def status(folder: _Dir = None) -> None:
    """Say whether a stack runs and whether each server answers; exit code 1 if not."""
    from ioc.local import default_folder, stack_state

    where = folder or default_folder()
    state = stack_state(where)
    if state is None:
        typer.echo(f"no stack runs in {where}")
        raise typer.Exit(1)
    for name, address in state["addresses"].items():
        silent = "  does not answer" if name in state["silent"] else ""
        typer.echo(f"{name}: {address}{silent}")
    typer.echo(f"program: {state['pid']}")
    if state["silent"]:
        raise typer.Exit(1)


@app.command()
def down(folder: _Dir = None) -> None:
    """End the stack that 'ioc local up' runs in that folder, and wait until it is gone."""
    import os
    import signal
    import time

    from ioc.local import default_folder, stack_state

    where = folder or default_folder()
    state = stack_state(where)
    if state is None:
        typer.echo(f"no stack runs in {where}")
        return
    os.kill(int(state["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + 40
    while stack_state(where) is not None:
        if time.monotonic() > deadline:
            typer.echo(f"ioc: program {state['pid']} does not end", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
    typer.echo(f"ended the stack in {where}")
