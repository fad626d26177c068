#!/usr/bin/env bash
# Gives every parser of models, rows and recipes 200,000 damaged inputs (or as many as the first argument says): seeded bit flips, cuts
# and other damage. A parser passes when each input is an error or a model, and never a trap.
set -euo pipefail
cd "$(dirname "$0")/.."

export BELFRY_FUZZ_EXECUTIONS="${1:-200000}"
options=(-c release -Xswiftc -enable-testing --scratch-path .build/tests)
swift build --product belfryPackageTests "${options[@]}"
swift test --skip-build "${options[@]}" --filter 'FuzzTests|HostileTests|FeatureTests|RowsArrayTests|YAMLTextTests|JSONParserTests'
