# Two commands do everything on a fresh machine: `make demo` and `make test`.
PY ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test check format install lock clean

$(READY): requirements/dev.txt pyproject.toml
	$(PY) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $(READY)

install: $(READY)

demo: $(READY)
	$(BIN)/adapter demo $(if $(KEEP),--keep)

test: $(READY)
	$(BIN)/python -m pytest -n 2

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python tests/check_tree.py

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
