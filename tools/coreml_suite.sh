#!/usr/bin/env bash
# A sample of coremltools' own tests, with this repository's binary in the place of Core ML.
#
#   tools/coreml_suite.sh [TEST FILE OR FOLDER, relative to coremltools]...
#
# The plugin that sends predictions to `anemone predict --serve` lies beside the repository, in
# ../shared/tools/coreml-suite; where it is not, nothing is run and the exit code is 77.
# ANEMONE: the binary. PYTHON: an interpreter with tools/requirements-dev.txt.
# ANEMONE_SAMPLE: how many tests are drawn (400). ANEMONE_SEED: which (0).
set -euo pipefail
cd "$(dirname "$0")/.."

plugin=$PWD/../shared/tools/coreml-suite
python=${PYTHON:-.venv/bin/python}
anemone=${ANEMONE:-${CARGO_TARGET_DIR:-$PWD/target}/release/anemone}

skipped() {
  printf '!! SKIPPED: tools/coreml_suite.sh: %s\n' "$*"
  exit 77
}

[ -d "$plugin" ] || skipped "there is no ../shared/tools/coreml-suite"
[ -x "$anemone" ] || skipped "there is no binary $anemone; cargo build --release makes it"
"$python" -c 'import pytest, torch' 2>/dev/null || skipped "$python lacks pytest or torch, see tools/requirements-dev.txt"

root=$("$python" -c 'import importlib.util; print(importlib.util.find_spec("coremltools").submodule_search_locations[0])')
tests=("$@")
if [ ${#tests[@]} -eq 0 ]; then tests=(converters/mil/mil/ops/tests); fi

# Models of the old neuralNetwork kind and ops without a kernel are skipped, and counted at the end.
export ANEMONE_PREDICT_XFAIL_UNSUPPORTED=1
# The suite's own tolerance for fp16 lets a zero pass for 0.5.
export ANEMONE_PREDICT_SERVER="$anemone predict --serve" PYTHONPATH="$plugin" PYTHONDONTWRITEBYTECODE=1
export ANEMONE_SAMPLE=${ANEMONE_SAMPLE:-400} ANEMONE_SEED=${ANEMONE_SEED:-0}
export ANEMONE_ATOL_CAP=${ANEMONE_ATOL_CAP:-0.02} ANEMONE_RTOL_CAP=${ANEMONE_RTOL_CAP:-0.02}
"$python" -m pytest -q -p conftest_predict -p no:cacheprovider --import-mode=importlib --tb=line \
  "${tests[@]/#/$root/}"
