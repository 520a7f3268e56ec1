"""compose.yaml against the specification's schema, and against what it starts."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import typer
from prometheus_client import generate_latest
from prometheus_client.registry import CollectorRegistry
from psycopg.conninfo import conninfo_to_dict

from ingest.counters import BridgeCounters
from ioc.cli import app
from ioc.settings import Settings, load_settings, read_settings
from streams.counters import StreamCounters
from streams.watch import WatchCounters
from tests.deploy.compose_file import COMPOSE, is_ours, load, mounts, read_env, secrets
from tests.deploy.core_files import DEPLOY, CoreFiles
from tests.servers import ROOT

SCHEMA = Path(__file__).parent / "data" / "compose-spec.json"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document(core: CoreFiles) -> Document:
    return load(read_env(core.env_file))


def _services(document: Document) -> dict[str, dict[str, Any]]:
    return dict(document["services"])


def _once(service: Mapping[str, Any]) -> bool:
    return str(service["restart"]).startswith("on-failure")


def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def test_the_file_keeps_to_the_specification(document: Document) -> None:
    assert [error.message for error in _validator().iter_errors(document)] == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("cap_drp", ["ALL"]), ("user", 1883), ("deploy", {"resource": {}}), ("secrets", "postgres")],
)
def test_the_schema_would_find_a_slip(document: Document, key: str, value: Any) -> None:
    services = _services(document) | {
        "mosquitto": {**document["services"]["mosquitto"], key: value}
    }
    assert list(_validator().iter_errors({**document, "services": services}))


def test_without_setup_it_says_what_to_run() -> None:
    with pytest.raises(KeyError):
        load({})
    for name in ("CORE_DIR", "CORE_HOST", "KAFKA_CLUSTER_ID", "IMAGE", "ALERT_EMAIL"):
        assert f"${{{name}:?run setup.sh init}}" in COMPOSE.read_text()


def test_every_image_is_pinned(document: Document) -> None:
    for name, service in _services(document).items():
        tag = service["image"].rpartition(":")[2]
        if is_ours(service):
            assert service["pull_policy"] == "never", name
        else:
            assert re.fullmatch(r"v?\d+\.\d+\.\d+(-pg\d+)?", tag), f"{name}: {service['image']}"
    base = re.findall(r"^FROM (\S+)", (COMPOSE.parent / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim", base[0])
    assert set(base[1:]) == {"base"}
    assert [name for name, service in _services(document).items() if "build" in service] == [
        "migrate"
    ]


def test_every_service_is_bounded_watched_and_has_few_rights(document: Document) -> None:
    for name, service in _services(document).items():
        limits = service["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0 and limits["memory"] and limits["pids"] > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        user, _, group = service["user"].partition(":")
        assert int(user) > 0 and int(group) > 0, name
        options = service["logging"]["options"]
        assert options["max-size"] and int(options["max-file"]) > 0, name
        assert not service.get("privileged") and "network_mode" not in service, name
        assert not any("docker.sock" in volume for volume in service.get("volumes", ())), name
        if _once(service):
            assert "healthcheck" not in service, name
        else:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_only_the_doors_are_open(document: Document) -> None:
    published = {
        name: [port.rsplit(":", 2)[-2:] for port in service["ports"]]
        for name, service in _services(document).items()
        if "ports" in service
    }
    assert published == {
        "mosquitto": [["8883", "8883"]],
        "console": [["443", "8443"]],
        "grafana": [["3000", "3000"]],
        "lgsp": [["8444", "8444"]],
    }
    inside = {name for name, net in document["networks"].items() if net.get("internal")}
    assert inside == {"bus", "kafka", "data", "store", "wall"}
    for name, service in _services(document).items():
        if name not in published:
            assert set(service["networks"]) <= inside, name
    members = {
        net: {name for name, service in _services(document).items() if net in service["networks"]}
        for net in document["networks"]
    }
    assert members["store"] == {"console", "evidence", "watch"}
    assert members["devices"] == {"mosquitto", "lgsp"}
    assert members["people"] == {"console", "grafana"}
    assert "mosquitto" not in members["data"] | members["kafka"]


def test_no_password_stands_in_the_file(document: Document) -> None:
    for name, service in _services(document).items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY", key):
                assert key.endswith("_FILE"), f"{name}: {key}"
                assert value in secrets(document, service), f"{name}: {key}: {value}"
            found = re.search(r"://[^/\s]*?:([^/@\s]+)@", str(value))
            assert found is None, f"{name}: {key}: a password in an address"
    for path in (DEPLOY / "grafana").rglob("*.*"):
        for line in path.read_text().splitlines():
            if re.match(r"\s*(admin_password|secret_key|password)\s*[:=]", line):
                assert "$__file{/run/secrets/" in line, f"{path}: {line}"


def test_each_secret_is_a_file_of_its_reader_alone(document: Document) -> None:
    used = set()
    for name, service in _services(document).items():
        for path in secrets(document, service).values():
            used.add(path)
            found = path.stat()
            assert stat.S_IMODE(found.st_mode) == 0o600, path
            assert len(path.read_text().strip()) == 64, path
            if os.geteuid() == 0:
                assert found.st_uid == int(service["user"].split(":")[0]), f"{name}: {path}"
    assert used == {Path(entry["file"]) for entry in document["secrets"].values()}


def test_every_mounted_file_is_there_and_can_be_read(document: Document) -> None:
    for name, service in _services(document).items():
        user = int(service["user"].split(":")[0])
        for mount in mounts(service):
            where = f"{name}: {mount.source}"
            assert mount.source.exists(), where
            found = mount.source.stat()
            if mount.source.is_relative_to(ROOT):
                assert mount.read_only and found.st_mode & stat.S_IROTH, where
            elif not mount.target.startswith("/watch/") and os.geteuid() == 0:
                public = found.st_mode & stat.S_IXOTH and mount.read_only
                assert found.st_uid == user or public, where
            writable = ("/data", "/var/lib/", "/mosquitto/data", "/screens")
            assert mount.read_only or mount.target.startswith(writable), where
    for path in DEPLOY.rglob("*.sh"):
        assert os.access(path, os.X_OK) or path.name == "authority.sh", path


@pytest.fixture
def settings_of(document: Document, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The settings that one of our services would read."""

    def settings(name: str) -> Settings:
        service = document["services"][name]
        for key, value in service["environment"].items():
            if key.startswith("IOC_"):
                monkeypatch.setenv(key, value)
        monkeypatch.setenv("IOC_CONFIG", str(COMPOSE.parent / "ioc.toml"))
        for key in ("IOC_EVIDENCE__DIR", "IOC_EVIDENCE__KEYS_DIR"):  # of the tests
            monkeypatch.delenv(key, raising=False)
        load_settings.cache_clear()
        found = read_settings()
        for key in service["environment"]:
            monkeypatch.delenv(key, raising=False)
        return found

    yield settings
    load_settings.cache_clear()


def _ours(document: Document) -> list[str]:
    return [name for name, service in _services(document).items() if is_ours(service)]


def test_our_services_understand_their_settings(document: Document, settings_of: Any) -> None:
    roles = {}
    for name in _ours(document):
        service, settings = document["services"][name], settings_of(name)
        url = conninfo_to_dict(settings.database.url)
        if "data" in service["networks"]:
            roles[name] = url["user"]
            assert (url["sslmode"], url["sslrootcert"]) == ("verify-full", "/run/pki/ca.crt"), name
            inside = secrets(document, service)
            assert str(settings.database.password_file) in inside, name
        places = {mount.target: mount.source for mount in mounts(service)}
        wanted = [settings.mqtt.cert_file] if "bus" in service["networks"] else []
        if name == "console":
            wanted += [settings.console.cert_file, settings.console.private_key_file]
        for path in wanted:
            if path is not None and name not in ("watch", "lgsp"):
                assert (places[str(path.parent)] / path.name).exists(), f"{name}: {path}"
    assert roles == {
        "migrate": "ioc_owner",
        "logins": "ioc_owner",
        "streams-1": "streams",
        "streams-2": "streams",
        "watch": "streams",
        "console": "console",
    }
    assert settings_of("console").console.public_url == "https://ioc.test"
    grafana = settings_of("playlist").grafana
    assert str(grafana.password_file) in secrets(document, document["services"]["playlist"])
    assert (grafana.url, str(grafana.ca_file)) == ("https://grafana:3000", "/run/pki/ca.crt")
    instances = {settings_of(name).streams.instance_id for name in ("streams-1", "streams-2")}
    assert instances == {"streams-1", "streams-2"}
    certificates = settings_of("watch").watch.certificates
    public = {m.target: m.source for m in mounts(document["services"]["watch"])}["/run/public"]
    for place in certificates.values():
        if place.startswith("/"):
            assert (public / Path(place).name).exists(), place


def test_our_services_run_commands_that_exist(document: Document) -> None:
    root = typer.main.get_command(app)
    lines = []
    for name in _ours(document):
        command = document["services"][name]["command"]
        lines += (
            [line.split() for line in command[2].splitlines()] if command[0] == "sh" else [command]
        )
    assert len(lines) > 8
    for line in lines:
        assert line[0] == "ioc"
        found: Any = root
        for word in line[1:]:
            commands = getattr(found, "commands", None)
            if commands is None:  # arguments from here on
                break
            assert word in commands, " ".join(line)
            found = commands[word]
        assert not hasattr(found, "commands"), " ".join(line)
        options = {name for parameter in found.params for name in parameter.opts}
        given = {word for word in line if word.startswith("--")}
        assert given <= options, " ".join(line)


def test_who_talks_to_whom_shares_a_network(document: Document, settings_of: Any) -> None:
    services = _services(document)

    def reach(name: str, host: str, port: int) -> None:
        assert set(services[name]["networks"]) & set(services[host]["networks"]), f"{name} → {host}"
        ports = {
            **{"mosquitto": {8883, 8884}, "kafka": {9092}, "database": {5432}},
            **{"evidence": {7070}, "grafana": {3000}, "console": {8443, 9101}},
        }
        assert port in ports.get(host, {9101}), f"{name} → {host}:{port}"

    for name in _ours(document):
        settings, nets = settings_of(name), services[name]["networks"]
        if "bus" in nets and name != "watch":
            reach(name, settings.mqtt.host, settings.mqtt.port)
        if "kafka" in nets:
            host, port = settings.kafka.bootstrap.split(":")
            reach(name, host, int(port))
        if "data" in nets:
            url = urlsplit(settings.database.url)
            reach(name, str(url.hostname), url.port or 0)
    store = urlsplit(services["console"]["environment"]["AWS_ENDPOINT_URL"])
    reach("console", str(store.hostname), store.port or 0)
    watch = settings_of("watch").watch
    for url in map(urlsplit, watch.parts.values()):
        reach("watch", str(url.hostname), url.port or 0)
    for place in watch.certificates.values():
        if not place.startswith("/"):
            reach("watch", place.split(":")[0], int(place.split(":")[1]))
    reach("playlist", "grafana", 3000)
    parts = {name for name in _ours(document) if not _once(services[name])} - {"watch", "lgsp"}
    assert parts <= set(watch.parts)
    source = (DEPLOY / "grafana/provisioning/datasources/ioc.yaml").read_text()
    assert "url: database:5432" in source and "user: grafana" in source
    reach("grafana", "database", 5432)


def test_a_health_check_asks_for_a_figure_that_exists(document: Document) -> None:
    counters = {
        "bridge": BridgeCounters(lambda: 0),
        "streams": StreamCounters(),
        "watch": WatchCounters(),
    }
    asked = 0
    for name, service in _services(document).items():
        test = service.get("healthcheck", {}).get("test", [])
        if len(test) != 5 or "healthy.py" not in test[2]:
            continue
        registry = CollectorRegistry()
        registry.register(counters[name.rstrip("-12")])
        page = generate_latest(registry).decode()
        assert re.search(rf"^{test[4]} ", page, re.MULTILINE), f"{name}: {test[4]}"
        asked += 1
    assert asked == 4


def test_the_image_holds_every_package_and_nothing_else() -> None:
    text = (COMPOSE.parent / "Dockerfile").read_text()
    ignored = (COMPOSE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *sources, _ = [word for word in line.split() if not word.startswith("--")]
        for source in sources:
            assert list(ROOT.glob(source)), source
            assert source in admitted, f"{source}: Dockerfile.dockerignore leaves it out"
            copied.add(source)
    assert copied == admitted
    assert {name for name in copied if (ROOT / name).is_dir()} == set(packages)
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    (entry,) = re.findall(r'^ENTRYPOINT \["([^"]+)"\]$', text, re.MULTILINE)
    # PATH leaves out the folder that it was copied to.
    assert re.search(rf"^COPY --chmod=755 \S+ {re.escape(entry)}$", text, re.MULTILINE), entry
    assert "--uid 10001" in text
