#!/usr/bin/env bash
# The role that owns the tables. The image runs this once, when the data folder is empty; it may be run
# again at any time, which also takes over a new password:
#   docker compose exec database /docker-entrypoint-initdb.d/10-owner.sh
# All other roles are made by `ioc db login` and `ioc db reader`, as this one.
set -euo pipefail
: "${POSTGRES_USER:=postgres}" "${POSTGRES_DB:=ioc}" "${OWNER_PASSWORD_FILE:=/run/secrets/database-owner}"
if [[ ! -r $OWNER_PASSWORD_FILE ]]; then
  echo "10-owner.sh: $OWNER_PASSWORD_FILE cannot be read; see setup.sh init" >&2
  exit 1
fi
# Given by hand, without the variable that the image sets at its first start.
if [[ -z ${PGPASSWORD:-} && -r ${POSTGRES_PASSWORD_FILE:-} ]]; then
  PGPASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
  export PGPASSWORD
fi
export OWNER_PASSWORD_FILE
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set database="$POSTGRES_DB" <<'SQL'
-- The password comes from its file and into no log, also when a statement fails.
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
\set password `cat "$OWNER_PASSWORD_FILE"`

SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ioc_owner') AS missing \gset
\if :missing
  -- It makes the roles of the services. Since PostgreSQL 16 that gives it a say over these alone.
  CREATE ROLE ioc_owner LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS;
\endif
ALTER ROLE ioc_owner PASSWORD :'password';

ALTER DATABASE :"database" OWNER TO ioc_owner;
-- What is allowed to nobody by name is allowed to nobody.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
