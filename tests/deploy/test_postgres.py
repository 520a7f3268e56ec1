"""The database of the core, with the files and certificates that an installation has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ioc.settings import DatabaseSettings
from store.check import check
from store.logins import Login, make_login, reader
from store.migrate import migrate
from store.pool import conninfo
from tests.deploy.compose_file import load, read_env
from tests.deploy.core_files import CoreFiles
from tests.deploy.postgres import CONFIG, ProductionPostgres

pytestmark = pytest.mark.service

OWNER = ("ioc_owner", "core/database-owner")


@pytest.fixture(scope="module")
def server(place: Path, core: CoreFiles) -> Iterator[ProductionPostgres]:
    service = load(read_env(core.env_file))["services"]["database"]
    server = ProductionPostgres(place / "postgres", core, service)
    try:
        server.bring_up()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def logins(server: ProductionPostgres, core: CoreFiles) -> ProductionPostgres:
    """With the schema and every login, as the two services that run once make them."""
    owner = server.settings(*OWNER)
    migrate(owner)
    for name, secret, login in (
        ("streams", "database-core", Login("ioc_core", 40)),
        ("console", "database-console", Login("ioc_console", 40)),
        ("grafana", "database-grafana", reader(20, 5)),
    ):
        make_login(owner, name, (core.folder / "secrets/core" / secret).read_text().strip(), login)
    return server


def _ask(settings: DatabaseSettings, query: str) -> Any:
    with psycopg.connect(conninfo(settings, "test"), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_every_service_gets_in_with_its_own_file_over_tls(logins: ProductionPostgres) -> None:
    for role, secret in (
        OWNER,
        ("streams", "core/database-core"),
        ("console", "core/database-console"),
        ("grafana", "grafana/database-grafana"),
    ):
        settings = logins.settings(role, secret)
        [(user, tls, version)] = _ask(
            settings,
            "SELECT current_user, ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        )
        assert (user, tls) == (role, True) and version in ("TLSv1.2", "TLSv1.3")


def test_nobody_gets_in_without_tls_or_password_or_as_superuser(
    logins: ProductionPostgres, core: CoreFiles
) -> None:
    for settings, why in (
        (logins.settings(*OWNER, sslmode="disable"), "no encryption"),
        (logins.settings("ioc_owner", "core/database-core"), "password authentication failed"),
        (logins.settings("grafana", "core/database-owner"), "password authentication failed"),
        (logins.settings("postgres", "database/postgres"), "rejects connection"),
        (logins.settings("nobody_known", "core/database-core"), "password authentication failed"),
    ):
        with pytest.raises(psycopg.OperationalError, match=why):
            psycopg.connect(conninfo(settings, "test"))
    other = conninfo(logins.settings(*OWNER), "test", dbname="postgres")
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(other)
    # A certificate of another authority: the client turns away.
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(
            conninfo(logins.settings(*OWNER, sslrootcert="/etc/ssl/certs/ca-certificates.crt"), "t")
        )


def test_the_settings_are_those_of_the_file(server: ProductionPostgres) -> None:
    # A name that PostgreSQL does not know would have kept it from starting.
    text = (CONFIG / "postgresql.conf").read_text()
    wanted = dict(re.findall(r"^([a-z_.]+) = '?([^'#\n]*?)'?\s*(?:#.*)?$", text, re.MULTILINE))
    assert len(wanted) > 40
    overruled = ("listen_addresses", "shared_preload_libraries")
    with psycopg.connect(server.superuser()) as connection:
        for name, value in wanted.items():
            if name in overruled or name.startswith("tcp_"):  # this connection is no TCP
                continue
            found = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert found is not None
            assert found[0].replace(" ", "").lower() == value.replace(" ", "").lower(), name


def test_what_is_allowed_to_all_is_allowed_to_nobody(logins: ProductionPostgres) -> None:
    grafana = logins.settings("grafana", "grafana/database-grafana")
    assert _ask(grafana, "SELECT count(*) FROM flow_15m") == [(0,)]
    for query in ("SELECT * FROM person", "SELECT plate_text FROM violation"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _ask(grafana, query)
    rights = _ask(
        grafana,
        "SELECT has_database_privilege('ioc', 'TEMP'), has_database_privilege('ioc', 'CREATE'), "
        "has_schema_privilege('public', 'CREATE')",
    )
    assert rights == [(False, False, False)]


def test_the_schema_is_found_good_and_the_owner_is_no_superuser(
    logins: ProductionPostgres,
) -> None:
    owner = logins.settings(*OWNER)
    assert check(owner).good
    rights = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    assert _ask(owner, f"{rights} FROM pg_roles WHERE rolname = current_user") == [
        (False, True, False, False, False)
    ]
    verifiers = "SELECT count(*) FROM pg_roles WHERE rolpassword IS NOT NULL AND rolcanlogin"
    assert _ask(owner, verifiers)[0][0] >= 4


def test_the_init_script_can_be_repeated_and_takes_a_new_password(
    server: ProductionPostgres, core: CoreFiles
) -> None:
    before = server.settings(*OWNER)
    files = [core.folder / "secrets" / reader / "database-owner" for reader in ("database", "core")]
    old = files[0].read_text()
    for file in files:
        file.write_text("another-password-of-the-owner\n")
    server.init_script()
    assert _ask(before, "SELECT 1") == [(1,)]
    for file in files:
        file.write_text(old)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _ask(before, "SELECT 1")
    server.init_script()
    assert _ask(before, "SELECT 1") == [(1,)]


def test_no_password_is_in_the_log(logins: ProductionPostgres, core: CoreFiles) -> None:
    text = logins.log.read_text()
    assert "ready to accept connections" in text
    for path in (core.folder / "secrets").rglob("*"):
        if path.is_file():
            assert path.read_text().strip() not in text, path.name
    with (
        pytest.raises(psycopg.errors.DivisionByZero),
        psycopg.connect(conninfo(logins.settings(*OWNER), "test")) as connection,
    ):
        connection.execute("SELECT 1 / (length(%s::text) - 11)", ("95E1-123.45",))
    assert "division by zero" in logins.log.read_text()
    assert "95E1-123.45" not in logins.log.read_text()


def test_what_was_committed_survives_kill(logins: ProductionPostgres) -> None:
    core = logins.settings("streams", "core/database-core")
    _run = "INSERT INTO core_figure VALUES ('test', 'kept', '', now(), 1, '') RETURNING value"
    assert _ask(core, _run) == [(1.0,)]
    logins.kill()
    logins.start()
    assert _ask(core, "SELECT value FROM core_figure WHERE figure = 'kept'") == [(1.0,)]
