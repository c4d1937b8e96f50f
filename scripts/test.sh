#!/usr/bin/env bash
# Installs the package with its test tools into a fresh environment, then checks style, types, imports, docs and runs the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${STORYBOARD_TEST_ENVIRONMENT:-.venv-test}
python3 -m venv --clear "$environment"
bin="$environment/bin"
"$bin/pip" install --quiet --disable-pip-version-check -e ".[dev]"
"$bin/ruff" format --check .
"$bin/ruff" check .
"$bin/mypy"
"$bin/lint-imports"
"$bin/python" scripts/help_page.py --check
"$bin/python" -m pytest "$@"
