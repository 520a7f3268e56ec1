from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft7Validator, Draft202012Validator
from typer.testing import CliRunner

from ioc import topics
from ioc.cli import app
from ioc.contract import as_json, as_yaml, asyncapi, event_schema, site_schema
from ioc.decode import Reason
from ioc.events import EVENT_CLASSES, Envelope, encode
from ioc.ids import derived_uuid7
from ioc.topics import SUBSCRIPTIONS, TAILS, device_path
from simulator.devices.poison import FAULT_LABELS, good_document, poison_cases
from store.rows import Alert
from tests.strategies import NOW, events

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(event_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
PATH = device_path("vithanh", "nga-tu", "cam-1")
BOOT = derived_uuid7(NOW, "boot")


@pytest.mark.parametrize("command", ["jsonschema", "asyncapi", "site-schema"])
def test_the_committed_document_is_what_the_code_says(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(app, ["contract", command, "--check"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", ["jsonschema", "asyncapi", "site-schema"])
def test_out_check_and_standard_output_agree(command: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "document"
    run = CliRunner()
    missing = run.invoke(app, ["contract", command, "--check", "--out", str(path)])
    assert missing.exit_code == 1
    assert f"mend: ioc contract {command} --out {path}" in missing.output
    assert run.invoke(app, ["contract", command, "--out", str(path)]).exit_code == 0
    assert run.invoke(app, ["contract", command, "--check", "--out", str(path)]).exit_code == 0
    assert run.invoke(app, ["contract", command]).output == path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8") + " ")
    differs = run.invoke(app, ["contract", command, "--check", "--out", str(path)])
    assert differs.exit_code == 1
    assert "differs from the code; mend: ioc contract" in differs.output


# --- JSON Schema --------------------------------------------------------------------------------


def test_the_schemas_are_schemas() -> None:
    for schema in (event_schema(), site_schema()):
        Draft202012Validator.check_schema(schema)


@given(events())
@settings(max_examples=60, deadline=None)
def test_every_event_that_we_encode_is_valid(event: Envelope) -> None:
    VALIDATOR.validate(json.loads(encode(event)))


UNKNOWABLE = ("frames", "February", "hour 24", "time is a word", "act_time", "duplicate")
"""What JSON Schema can not say: the order of two numbers, the calendar, repeated keys."""


def test_what_decode_refuses_is_invalid_where_a_schema_can_know() -> None:
    checked = 0
    cases = poison_cases(len(FAULT_LABELS), 3, path=PATH, bootid=BOOT, now=NOW)
    for case in cases:
        knowable = {Reason.SCHEMA, Reason.UNKNOWN_TYPE, Reason.UNKNOWN_VERSION, Reason.UNIT}
        if not case.reasons <= knowable or any(word in case.label for word in UNKNOWABLE):
            continue
        try:
            document = json.loads(case.payload)
        except (ValueError, RecursionError):
            continue
        assert not VALIDATOR.is_valid(document), case.label
        checked += 1
    assert checked > 100


@pytest.mark.parametrize("tail", TAILS)
def test_the_documents_that_faults_are_put_into_are_valid(tail: str) -> None:
    VALIDATOR.validate(good_document(tail, path=PATH, bootid=BOOT, sequence=1, now=NOW))


def test_the_site_files_are_valid() -> None:
    validator = Draft202012Validator(site_schema())
    paths = sorted((ROOT / "deploy" / "sites").glob("*.yaml"))
    assert paths
    for path in paths:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        validator.validate(json.loads(json.dumps(content, default=str)))


# --- AsyncAPI -----------------------------------------------------------------------------------

DOCUMENT = asyncapi(Alert)


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_every_reference_leads_somewhere() -> None:
    found = set(refs(DOCUMENT))
    assert len(found) > 30
    for ref in found:
        node: Any = DOCUMENT
        for step in ref.removeprefix("#/").split("/"):
            node = node[step]


def test_every_topic_has_a_channel_and_an_operation() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    up = {filter_.replace("+/+/+", "{city}/{site}/{device}") for filter_ in SUBSCRIPTIONS}
    down = {"ioc/v1/{city}/{site}/{device}/cmd/receipt"}
    assert addresses == up | down | set(topics.KAFKA_TOPICS)
    used = {op["channel"]["$ref"].rpartition("/")[2] for op in DOCUMENT["operations"].values()}
    assert used == set(DOCUMENT["channels"])


def test_only_states_are_retained_and_all_of_mqtt_is_qos_1() -> None:
    retained = set()
    for operation in DOCUMENT["operations"].values():
        binding = operation.get("bindings", {}).get("mqtt")
        if binding is None:
            continue
        assert binding["qos"] == 1
        if binding["retain"]:
            retained.add(operation["channel"]["$ref"].rpartition(".")[2])
    assert retained == {"status", "signal"}


def test_every_event_is_a_message_with_its_type() -> None:
    messages = DOCUMENT["components"]["messages"]
    for event in EVENT_CLASSES:
        schema = DOCUMENT["components"]["schemas"][event.__name__]
        assert [messages[event.__name__]["name"]] == schema["properties"]["type"]["enum"]


def test_yaml_and_json_say_the_same() -> None:
    assert yaml.safe_load(as_yaml(DOCUMENT)) == json.loads(as_json(DOCUMENT))
    assert "&id" not in as_yaml(DOCUMENT)


@pytest.mark.service
def test_the_document_is_valid_asyncapi(tmp_path: Path) -> None:
    """Against the schema that the AsyncAPI project publishes (npm, Apache-2.0)."""
    subprocess.run(
        ["npm", "pack", "--silent", "@asyncapi/specs@6.11.1"],
        cwd=tmp_path,
        env=os.environ,
        check=True,
        timeout=120,
        capture_output=True,
    )
    [package] = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/schemas/{DOCUMENT['asyncapi']}.json")
        assert member is not None
        official = json.load(member)
    validator = Draft7Validator(official)
    assert [error.message for error in validator.iter_errors(DOCUMENT)] == []
    broken = json.loads(json.dumps(DOCUMENT))
    broken["operations"]["send.receipt"]["bindings"]["mqtt"]["qos"] = 3
    assert not validator.is_valid(broken)
