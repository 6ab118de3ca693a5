# Each target works on a fresh clone with nothing but Python 3.11 or later and make.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: install demo dev test test-system bench lint format lock ci-system

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; name one: make install PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing what requirements.lock names: about a minute."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install
	$(BIN)/icon-assets demo

dev: install
	$(BIN)/icon-assets dev

test: install
	$(BIN)/pytest -m "not system"

# Needs what `make ci-system` installs.
test-system: install
	$(BIN)/pytest -m system

# Less than an hour on two quiet cores; `make bench ONLY="ingest whole"` takes some figures only.
bench: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock
	$(BIN)/python -m benchmarks $(ONLY)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint icon_assets
	$(BIN)/sqlfluff lint --templater jinja dbt_project

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --quiet icon_assets
	$(BIN)/sqlfluff fix --quiet --templater jinja dbt_project

# Needs uv (python3 -m pip install uv); only who changes a dependency runs it.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-header -q -o requirements.lock
	uv pip compile --group bench -c requirements.lock --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-header -q -o requirements-bench.lock

# Debian packages that only the tests of `make test-system` need: a PostgreSQL of the oldest version served, a proxy,
# and a browser with a font.
ci-system:
	@wanted=; \
	ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || wanted="postgresql"; \
	test -x /usr/sbin/nginx || wanted="$$wanted nginx openssl"; \
	test -x /usr/bin/chromium || wanted="$$wanted chromium fonts-liberation"; \
	if test -n "$$wanted" && command -v apt-get > /dev/null; then \
		apt-get install --yes --no-install-recommends $$wanted; \
	fi
