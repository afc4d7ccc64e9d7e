# Two commands are all you need: `make run` and `make test`.
# Each makes the virtual environment .venv and installs what it uses.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
# What the tests drive besides Python: command:Debian package.
NEEDS := chromium-headless-shell:chromium-headless-shell prometheus:prometheus promtool:prometheus influxd:influxdb \
  systemd-analyze:systemd adduser:adduser deb-systemd-invoke:init-system-helpers nginx:nginx mosquitto:mosquitto redis-server:redis-server

.DEFAULT_GOAL := help
.PHONY: help run test needs check lint format unit coverage fuzz test-dates test-lowest test-homeassistant docs picture bench soak deb zipapp release lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: $(VENV)/.run ## try it: a simulated house on http://localhost:8675/
	$(BIN)/powerwall-proxy serve --demo

test: ## everything: lint, types, import rules, all tests
	@# While one waits for the network, the other computes.
	$(MAKE) --no-print-directory --jobs=2 needs lint
	$(MAKE) --no-print-directory unit

needs: $(VENV)/bin/pip
	.ci/packages $(NEEDS)

# What needs a browser, servers, or a Debian to build packages on.
HEAVY := tests/browser tests/stack tests/homeassistant $(addprefix tests/packaging/test_,debian.py release.py zipapp.py)
check: $(VENV)/.test ## the same without browser, servers and packages
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory unit TESTS='$(addprefix --ignore=,$(HEAVY)) tests'

lint: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/words.py

# What takes longest comes first, so that nothing long is left to one process at the end.
LONG := $(addprefix tests/,packaging/ stack/ browser/ hostile/ spec/ commands/ openc2/ drivers/)
TESTS := $(LONG) $(filter-out $(LONG) tests/homeassistant/ %__pycache__/,$(wildcard tests/*/))
unit: $(VENV)/.test
	$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

coverage: $(VENV)/.test ## all tests, and which lines and branches they run; takes twice as long
	$(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered $(TESTS)

fuzz: $(VENV)/.test ## explore with other generated cases than `make test`; prints how to repeat what fails
	$(BIN)/python -m pytest -q -n auto --hypothesis-profile=fuzz $$(grep -rlE '^ *@given|RuleBasedStateMachine' tests)

# A year's first day, a day that few years have, both changes of the site's clock, and beyond 32 bits of seconds.
DATES := 2027-01-01T00:00:00 2028-02-29T12:00:00 2027-03-14T01:59:30 2027-11-07T01:59:30 2038-01-20T00:00:00
DATED := $(addprefix tests/,cloud drivers history server spec state)
test-dates: $(VENV)/.test ## the tests of what is kept and counted by time, at other dates (40 minutes)
	.ci/packages faketime:faketime
	set -e; for date in $(DATES); do echo "$$date"; TZ=America/Los_Angeles DONT_FAKE_MONOTONIC=1 \
		faketime "$${date/T/ }" $(BIN)/python -m pytest -q -n auto --dist loadfile $(DATED); done

# "==LOWEST" "<LIMIT", of the line "aiohttp>=LOWEST,<LIMIT".
AIOHTTP := $(shell sed -nE 's/.*"aiohttp>=([0-9.]+),(<[0-9]+)".*/"==\1" "\2"/p' pyproject.toml)
test-lowest: $(VENV)/.test ## the tests of the server with the lowest aiohttp that pyproject.toml allows, and the newest
	set -e; for version in $(AIOHTTP); do \
		$(BIN)/python -m pip install --quiet --no-deps --upgrade --target $(VENV)/aiohttp "aiohttp$$version"; \
		found=$$(PYTHONPATH=$(VENV)/aiohttp $(BIN)/python -c 'import aiohttp; print(aiohttp.__version__)'); \
		[ "$$found" != "$$tested" ] || continue; tested=$$found; echo "aiohttp $$found"; \
		PYTHONPATH=$(VENV)/aiohttp $(BIN)/python -m pytest -q -n auto --dist loadfile tests/server tests/hostile; done

test-homeassistant: $(VENV)/.test ## the entities in a real Home Assistant, the newest that a Python here can install (10 minutes)
	.ci/packages mosquitto:mosquitto g++:g++
	.ci/homeassistant .homeassistant
	HOMEASSISTANT=$(CURDIR)/.homeassistant $(BIN)/python -m pytest -q tests/homeassistant

format: $(VENV)/.test ## write the code as the linter wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.test ## update the tables of the documents and the examples of /docs
	$(BIN)/python .ci/tables.py
	$(BIN)/python .ci/examples.py
	$(BIN)/python .ci/addon.py

picture: $(VENV)/.test ## update the README's picture of the power flow
	.ci/packages chromium:chromium
	$(BIN)/python .ci/picture.py

bench: $(VENV)/.test ## measure against nginx, pypowerwall-server and bare servers (25 minutes)
	.ci/packages nginx:nginx wrk:wrk chromium:chromium mosquitto:mosquitto
	python3 -m venv .bench-peer && { .bench-peer/bin/pip install --quiet pypowerwall-server || true; }
	$(BIN)/python -m bench

soak: $(VENV)/.test ## live through a simulated week with every kind of trouble (half an hour, less on a fast machine)
	$(BIN)/python -m bench.soak

zipapp: $(VENV)/.build ## build dist/powerwall-proxy.pyz, which runs with Python 3.11 or newer and nothing else
	$(BIN)/python .ci/zipapp.py

deb: $(VENV)/.build ## build the Debian packages for amd64 and arm64
	.ci/packages dpkg-deb:dpkg
	$(BIN)/python .ci/deb.py

TAG :=
release: $(VENV)/.build ## build all that a release consists of into dist, with checksums and a bill of materials
	.ci/packages dpkg-deb:dpkg
	$(BIN)/python .ci/release.py $(if $(TAG),--tag $(TAG))

lock: $(VENV)/.test ## update the pinned versions of dependencies
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --upgrade --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra mdns --extra mqtt --extra redis \
		--no-header pyproject.toml --output-file deploy/requirements.lock

clean: ## remove what these commands made
	rm -rf $(VENV) .bench-peer .homeassistant dist build .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

# Install this program and an extra in the environment.
install = echo "pip installs this program into $(VENV), with all that it needs"; \
	$(BIN)/python -m pip install --quiet --editable '.$(1)' || \
	{ echo "pip could not install what this needs, for the reason above. It needs a network." >&2; exit 1; }

$(VENV)/bin/pip:
	.ci/venv $(VENV)

$(VENV)/.run: pyproject.toml .ci/venv | $(VENV)/bin/pip
	@$(call install)
	@touch $@

$(VENV)/.build: pyproject.toml .ci/venv | $(VENV)/bin/pip
	@$(call install,[build])
	@touch $(VENV)/.run $@

$(VENV)/.test: pyproject.toml .ci/venv | $(VENV)/bin/pip
	@$(call install,[test])
	@touch $(VENV)/.run $(VENV)/.build $@
