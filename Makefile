# Two commands do everything: "make demo" and "make test". Both need git and
# Python 3.11 or newer (name another with PYTHON=...), and nothing but PyPI.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 \
	&& $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	&& { echo $$p; break; }; done || true)
TEST_ENV := .venv-test

.DEFAULT_GOAL := help
.PHONY: help demo test test-env clean check-python

help:
	@echo 'make demo                   run the whole job on a real mini OpenStack'
	@echo 'make demo TRACES=FILE.npz   the same, on a recorded load'
	@echo 'make demo DEMO_ARGS=--keep  the same, and leave the cloud running'
	@echo 'make test                   run every test'
	@echo 'make clean                  stop the mini cloud, remove what was installed'

check-python:
	@if ! '$(PYTHON)' -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
			>/dev/null 2>&1; then \
		echo "error: '$(PYTHON)' is not Python 3.11 to 3.13: make PYTHON=/path/to/python3.12 ..." >&2; \
		exit 1; fi

demo: check-python
	@exec $(PYTHON) tools/demo $(if $(TRACES),--traces '$(TRACES)') $(DEMO_ARGS)

# The environment is made anew when what it is made from has changed.
$(TEST_ENV)/installed: setup.cfg requirements.txt pyproject.toml | check-python
	@echo 'installing the test environment, which takes some minutes (1.8 GB)'
	rm -rf $(TEST_ENV)
	$(PYTHON) -m venv $(TEST_ENV)
	$(TEST_ENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--prefer-binary -c tools/minicloud/constraints.txt -e '.[test,train,bench]'
	touch $@

test-env: $(TEST_ENV)/installed

# The quick ones first.
test: test-env
	$(TEST_ENV)/bin/python -m pytest --durations=10 predictive_watcher/core \
		tests/unit tests/contract tests/functional tests/e2e

clean:
	@if [ -d .minicloud/run ]; then $(PYTHON) tools/minicloud wipe; fi
	rm -rf .minicloud $(TEST_ENV) demo-result.json
