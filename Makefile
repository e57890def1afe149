# Each target works on a fresh Debian machine with git, make, python3 (3.11+) and python3-venv:
# what is missing is set up first. CI calls these targets only.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PACKAGES := firmware/wire firmware gateway tools hil

# make run NODES=12 SECONDS=60 SEED=7
NODES   ?= 6
SECONDS ?= 0
SEED    ?= 1
# make crash KILLS=200 SEED=7
KILLS   ?= 200
# make soak DAYS=14 NODES=30 SEED=1 SAMPLE=900 REPORT=3600
DAYS    ?= 14
SAMPLE  ?= 900
REPORT  ?= 3600
# make powercut ROUNDS=2 SEED=7
ROUNDS  ?= 2
# make bench RUNS=5 SCALE=0.1 ONLY=udp-4
RUNS    ?= 3
SCALE   ?= 1

.PHONY: help setup run test check sweep e2e crash powercut soak fuzz install-check lowest-check hil size energy bench bench-air docs clean mosquitto promtool

help: ## Say what each target does
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: $(READY) ## The virtual environment with every package, pinned

$(READY): .ci/constraints.txt .ci/requirements.txt $(addsuffix /pyproject.toml,$(PACKAGES))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "setup: $(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 $@" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory debian-python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c .ci/constraints.txt setuptools wheel
	$(BIN)/pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -r .ci/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation -c .ci/constraints.txt $(addprefix -e ,$(PACKAGES))
	@touch $@

# A Debian package that a target needs: installed when we are root, named in one line when not.
debian-%:
	@if [ "$$(id -u)" = 0 ]; then \
		echo "setup: installing the Debian package $*"; \
		{ apt-get install -y -qq $* || { apt-get update -qq && apt-get install -y -qq $*; }; } >/dev/null; \
	else \
		echo "setup: the Debian package $* is missing; install it: sudo apt-get install $*" >&2; exit 2; \
	fi

mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v mosquitto >/dev/null || $(MAKE) --no-print-directory debian-mosquitto

# Prometheus' own tool for alerts. Its Debian package starts a server on every machine where it is installed,
# so it is only unpacked; that takes no root.
promtool: $(READY)
	@command -v promtool >/dev/null || test -x $(BIN)/promtool || { \
		folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && chmod 755 "$$folder" \
		&& ( cd "$$folder" && { apt-get download -qq prometheus \
			|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get download -qq prometheus; }; } \
			&& dpkg-deb -x prometheus_*.deb . ) >/dev/null 2>&1 \
		&& cp "$$folder/usr/bin/promtool" $(BIN)/promtool; \
	} || { echo "setup: promtool is missing; it is in the Debian package prometheus: sudo apt-get install prometheus" >&2; exit 2; }

run: $(READY) ## A street of virtual nodes, real gateway (NODES=6 SECONDS=60)
	@$(BIN)/lyhord-rig street --nodes $(NODES) --seconds $(SECONDS) --seed $(SEED)

test: check mosquitto promtool ## Everything that must hold (some 12 minutes on two cores)
	@$(BIN)/pytest -q -n 6 --dist worksteal -p no:pytest_embedded tests
	@$(BIN)/pytest -q hil/tests

check: $(READY) ## Lint and type-check
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

sweep: $(READY) mosquitto ## Every case of the kinds of which test runs a sample
	@$(BIN)/pytest -q -n 4 --dist worksteal -p no:pytest_embedded -m sweep tests

e2e: $(READY) mosquitto ## Only the end-to-end scenarios: kills, outages, cut power (SEED=7)
	@$(BIN)/pytest -q -n 4 -p no:pytest_embedded tests/e2e

crash: $(READY) mosquitto ## Gateway killed, disk full, store damaged … (KILLS=200 ONLY=kills)
	@$(BIN)/python -m tests.crash --kills $(KILLS) $(if $(ONLY),--only $(ONLY)) $(if $(filter command line environment,$(origin SEED)),--seed $(SEED))

soak: NODES := $(if $(filter command line environment,$(origin NODES)),$(NODES),30)
soak: $(READY) ## A town for weeks of virtual time (DAYS=14 NODES=30 SAMPLE=900)
	@$(BIN)/python -m tests.soak --days $(DAYS) --nodes $(NODES) --seed $(SEED) --sample-period $(SAMPLE) --report-period $(REPORT)

fuzz: $(READY) ## Search for inputs that break a parser (SECONDS=60 over all)
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
		|| $(BIN)/pip install --quiet --disable-pip-version-check -c .ci/constraints.txt --only-binary :all: atheris \
		|| { echo "fuzz: atheris cannot be installed for $$($(BIN)/python --version); try PYTHON=python3.11" >&2; exit 2; }
	@$(BIN)/python -m tests.fuzz $(if $(filter-out 0,$(SECONDS)),--seconds $(SECONDS))

powercut: $(READY) ## Cut the power at every change of a flash (ROUNDS=2 SEED=7)
	@$(BIN)/python -m tests.powercut --rounds $(ROUNDS) $(if $(filter command line environment,$(origin SEED)),--seed $(SEED))

install-check: $(READY) ## docs/operate.md to the letter in a fresh Debian (root, network)
	@command -v debootstrap >/dev/null || $(MAKE) --no-print-directory debian-debootstrap
	@$(BIN)/python -m tests.install

lowest-check: $(READY) ## Our wheels with the oldest libraries they allow (network)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check -c .ci/constraints.txt uv
	@$(BIN)/python -m tests.packages.lowest

hil: $(READY) ## The bench suite on a virtual board, or a real one (PORT=/dev/…)
	@$(BIN)/pytest -q hil/tests $(if $(PORT),--port $(PORT)) $(if $(MICROPYTHON),--micropython $(MICROPYTHON))

size: $(READY) ## Bytes of the node's image per module, free heap after a cycle
	@$(BIN)/lyhord-rig size

energy: $(READY) ## Charge per report and battery life, with every assumption
	@$(BIN)/lyhord-rig energy

bench: $(READY) mosquitto ## The gateway's speed and memory (RUNS=3 SCALE=1 ONLY=udp-4 JSON=1)
	@$(BIN)/python -m tests.bench --runs $(RUNS) --scale $(SCALE) $(addprefix --only ,$(ONLY)) $(if $(JSON),--json)

bench-air: $(READY) ## Bytes and ms on the air per sample, beside SenML, LPP and others
	@$(BIN)/lyhord-rig bench-air

docs: $(READY) ## The tables of docs and node, made from those of the wire
	@$(BIN)/python -m docs.generate

clean: ## Remove what was built and set up
	rm -rf $(VENV) .cache build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +
