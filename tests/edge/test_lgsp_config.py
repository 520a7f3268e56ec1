"""The adapter's file: the delivered one is right, and a wrong one is told where and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.lgsp.config import load_config
from ioc.errors import ConfigError
from ioc.topics import device_path
from tests.servers import ROOT

EXAMPLE = ROOT / "deploy" / "lgsp.example.toml"
GOOD = """
city = "vithanh"
site = "hanh-chinh"
[[source]]
name = "a"
url = "https://lgsp.example/x"
[source.oauth]
token_url = "https://lgsp.example/token"
client_id = "ioc"
client_secret_file = "secret"
[source.mapping]
time = { path = "t" }
[[source.mapping.value]]
quantity = "gov.satisfaction"
path = "v"
[push]
port = 8444
secret_file = "secret"
[push.mapping]
[[push.mapping.value]]
quantity = "gov.late_files"
path = "v"
time = { received = true }
"""


def write(folder: Path, text: str) -> Path:
    (folder / "secret").write_text("một bí mật đủ dài để dùng thử\n", encoding="utf-8")
    path = folder / "lgsp.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_delivered_example_is_right(tmp_path: Path) -> None:
    path = write(tmp_path, EXAMPLE.read_text(encoding="utf-8"))
    for name in ("lgsp.secret", "lgsp-push.secret"):
        (tmp_path / name).write_text("x" * 32)
    config = load_config(path)
    assert config.path == device_path("vithanh", "hanh-chinh", "lgsp")
    told = [value.quantity for value in config.source[0].mapping.value]
    assert len(told) == len(set(told)) == 8
    assert config.push is not None and config.push.path == "/lgsp"


def test_files_are_looked_for_beside_it(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, GOOD))
    assert config.source[0].oauth is not None
    assert config.source[0].oauth.client_secret_file == tmp_path / "secret"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"vithanh"', '"Vị Thanh"', "city: String should match pattern"),
        ('site = "hanh-chinh"', "", "site: missing; add it"),
        ('name = "a"', 'nam = "a"', "source.0.nam: unknown key; did you mean 'name'?"),
        ("https://lgsp.example/x", "http://lgsp.example/x", "travel in the clear; use https://"),
        ("https://lgsp.example/x", "https://u:p@lgsp.example/x", "no user or password"),
        ("https://lgsp.example/x", "ftp://lgsp.example/x", "give an address such as"),
        ("https://lgsp.example/x", "https:///x", "give an address such as"),
        ("https://lgsp.example/x", "https://a:99999/x", "no address"),
        ("https://lgsp.example/token", "http://10.0.0.1/token", "use https://"),
        ('path = "v"\n[push]', 'path = "v["\n[push]', "value.0.path: Value error, not JMESPath"),
        ("gov.satisfaction", "gov.satisfacton", "did you mean 'gov.satisfaction'?"),
        ("gov.satisfaction", "portal.visits", "unit: missing; add the UCUM unit"),
        ('"gov.satisfaction"', '"gov.satisfaction"\nunit = "1"', "measured in '%', not '1'"),
        ('"gov.satisfaction"', '"water_level"\nunit = "cm"', "measured in 'm', not 'cm'"),
        ('time = { path = "t" }', "", "gov.satisfaction: time: missing"),
        ('{ path = "t" }', '{ path = "t", received = true }', "give one of path, answer_path"),
        ('{ path = "t" }', '{ path = "t", zone = "ICT" }', "zone: String should match"),
        ("port = 8444", 'port = 8444\nhost = "0.0.0.0"', "add cert_file and key_file"),
        ("port = 8444", 'port = 8444\ncert_file = "c"', "set both or neither"),
        ("port = 8444", 'port = 8444\nclient_ca_file = "c"', "it is part of TLS"),
        ("port = 8444", 'port = 8444\npath = "lgsp"', "push.path: String should match"),
        ('url = "https://lgsp.example/x"', 'url = "https://a"\ninterval_s = 1', "interval_s: Inp"),
        ('client_secret_file = "secret"', 'client_secret_file = "no"', "no: No such file"),
    ],
)
def test_a_wrong_file_is_told_where_and_how_to_mend_it(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]"])
def test_this_machine_needs_no_tls(host: str, tmp_path: Path) -> None:
    text = GOOD.replace("https://lgsp.example/x", f"http://{host}:8080/x")
    assert load_config(write(tmp_path, text)).source[0].url.startswith("http://")


def test_two_sources_of_one_name_and_none_at_all_are_refused(tmp_path: Path) -> None:
    source = GOOD[GOOD.index("[[source]]") : GOOD.index("[push]")]
    with pytest.raises(ConfigError, match="a stands there twice"):
        load_config(write(tmp_path, GOOD.replace("[push]", f"{source}[push]")))
    with pytest.raises(ConfigError, match="nothing to do"):
        load_config(write(tmp_path, GOOD[: GOOD.index("[[source]]")]))


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "empty"), (b" \n", "empty"), (b"\xff\xfe", "not UTF-8 text")]
)
def test_a_secret_that_is_none_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match=f"source.a.oauth.client_secret_file: .*{told}"):
        load_config(path)
