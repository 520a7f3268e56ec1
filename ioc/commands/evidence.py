"""``ioc evidence``: custody of recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ioc.errors import ConfigError

if TYPE_CHECKING:
    from ioc.identity import DeviceKey, Trust

app = typer.Typer(help="Custody of evidence: check it, enrol its keys.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command()
def verify(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="A manifest, a folder of a set, or a store."),
    ],
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="PEM file of a trusted key, or a folder of them; again for more. Left out, the "
            "keys of this node (evidence.keys_dir)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find every flipped bit, missing file and foreign signature; one line for each.

    Exit code 0 when all is as it was signed, 1 when not, 2 for wrong use.
    """
    from vision.evidence.verify import verify as check

    trust = _trust(key or [])
    reports = [check(path, trust) for path in paths]
    faults = [fault for report in reports for fault in report.faults]
    sets, files = sum(r.sets for r in reports), sum(r.files for r in reports)
    if as_json:
        found = [{"file": str(fault.file), "what": fault.what} for fault in faults]
        document = {"ok": not faults, "sets": sets, "files": files, "faults": found}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        for fault in faults:
            typer.echo(str(fault))
        verdict = f"{len(faults)} faults" if faults else "nguyên vẹn (intact)"
        typer.echo(f"{sets} sets, {files} files: {verdict}", err=bool(faults))
    if faults:
        raise typer.Exit(1)


@app.command("key")
def show_key(
    device: Annotated[
        str | None,
        typer.Option(help="city/site/device; its key is made when there is none yet."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the public keys of this node's devices, to enrol them at the core."""
    from ioc.identity import SUFFIX, DeviceKey, device_of, key_file
    from ioc.settings import load_settings
    from ioc.topics import TopicError, parse_key

    folder = load_settings().evidence.keys_dir
    found: list[tuple[str, DeviceKey]] = []
    if device is not None:
        try:
            path = parse_key(device)
        except TopicError as error:
            raise ConfigError(f"--device: {error}") from None
        found.append((path.key, DeviceKey.load_or_create(key_file(folder, path))))
    else:
        for file in sorted(folder.glob("*" + SUFFIX)):
            owner = device_of(file.stem)
            if owner is not None:
                found.append((owner.key, DeviceKey.load(file)))
        if not found:
            raise ConfigError(
                f"{folder}: no device key yet; give --device city/site/device to make one"
            )
    if as_json:
        keys = [{"device": d, "id": k.id, "public_pem": k.public_pem()} for d, k in found]
        typer.echo(json.dumps({"keys": keys}))
        return
    for name, one in found:
        typer.echo(f"# {name}  key {one.id}")
        typer.echo(one.public_pem(), nl=False)


def _trust(paths: list[Path]) -> Trust:
    from ioc.identity import Trust
    from ioc.settings import load_settings

    if paths:
        return Trust.merged([Trust.load(path) for path in paths])
    folder = load_settings().evidence.keys_dir
    if not folder.is_dir():
        raise ConfigError(
            "evidence verify: whose signature is right? give --key PUB.pem, or a folder of keys "
            f"(there is no {folder} of this node)"
        )
    return Trust.load(folder)
