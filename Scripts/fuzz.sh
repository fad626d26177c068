#!/usr/bin/env bash
# Gives every parser of models, rows, recipes, filters and formulas 200,000 damaged inputs (or as many as the first argument says): seeded
# bit flips, cuts, extreme integers and other damage. A parser passes when each input is an error or a model, soon, and
# never a trap. A second argument takes the place of the tests' names.
set -euo pipefail
cd "$(dirname "$0")/.."

export BELFRY_FUZZ_EXECUTIONS="${1:-200000}"
kinds='FuzzTests|HostileTests|FeatureTests|RowsArrayTests|YAMLTextTests|JSONParserTests|FilterReadingTests|FilterLanguageTests|ScoreFormulaTests'
kinds+='|SafetensorsTests|TextPatternTests|ExtremeIntegerTests'
options=(-c release -Xswiftc -enable-testing --scratch-path .build/tests)
swift build --product belfryPackageTests "${options[@]}"
swift test --skip-build "${options[@]}" --filter "${2:-$kinds}"
