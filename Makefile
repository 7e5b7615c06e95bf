# Two commands do everything on a fresh machine: `make demo` and `make test`.
PY ?= python3
BIN := .venv/bin
# Without its compiled files the suite pays for compiling in each of its processes.
unexport PYTHONDONTWRITEBYTECODE
READY := .venv/.ready

.PHONY: demo test bench chaos attack fuzz simulate simulate-mutants year check sbom format install lock clean

$(READY): requirements/dev.txt pyproject.toml
	$(PY) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(READY)

install: $(READY)

demo: $(READY)
	$(BIN)/adapter demo $(if $(KEEP),--keep)

# Three at once on two cores: a third of the tests wait for processes and clocks.
test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist worksteal

# Measures; the figures of docs/performance.md. ARGS="--only orders" for one of them.
bench: $(READY)
	$(BIN)/python -m tests.bench $(ARGS)

# Replicas on PostgreSQL under random trouble. ARGS="--minutes 20 --seed 7"
chaos: $(READY)
	$(BIN)/python -m tests.replicas.chaos $(ARGS)

# Attacks on the real daemon over loopback, and whether it held. ONLY="endless" for those whose name has the word.
attack: $(READY)
	$(BIN)/python -m tests.attack $(if $(ONLY),"$(ONLY)")

# Ten thousand odd rows, webhooks, mappings and settings each. ARGS="100000 2" for so many, and another seed.
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(ARGS)

# A simulated month of twenty cases for each seed; the last line says how many seeds passed.
SEEDS ?= 20
FIRST_SEED ?= 1
CASES ?= 20
DAYS ?= 30
simulate: $(READY)
	$(BIN)/python -m tests.simulation $(SEEDS) $(FIRST_SEED) $(CASES) $(DAYS) $(if $(TRACE),--trace)

# Takes out one protection at a time, and shows that the simulation finds it missing.
simulate-mutants: $(READY)
	$(BIN)/python -m tests.simulation.mutants

# A simulated year of a town of 300, whose follow-up is counted a second time from the vendors' histories.
PERSONS ?= 300
YEAR_DAYS ?= 365
year: $(READY)
	$(BIN)/python -m tests.simulation.year $(PERSONS) $(YEAR_DAYS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/check_tree.py

# What the adapter is made of, as CycloneDX JSON: every pinned package with its hashes. Asks nobody.
sbom: $(READY)
	mkdir -p var
	$(BIN)/python -W ignore -m cyclonedx_py requirements requirements/run.txt --pyproject pyproject.toml \
	  --output-reproducible -o var/sbom.json

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Needs uv; writes the hash-pinned files anew after a change of dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-find-links --no-emit-index-url --generate-hashes \
	  --no-annotate --no-header -q -o requirements/run.txt
	uv pip compile pyproject.toml --extra dev -c requirements/run.txt --universal --python-version 3.11 --no-emit-find-links --no-emit-index-url \
	  --generate-hashes --no-annotate --no-header -q -o requirements/dev.txt
	echo 'hatchling==1.33.0' | uv pip compile - -c requirements/dev.txt --universal --python-version 3.11 --no-emit-find-links \
	  --no-emit-index-url --generate-hashes --no-annotate --no-header -q -o requirements/build.txt

clean:
	rm -rf .venv var
