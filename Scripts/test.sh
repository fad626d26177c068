#!/usr/bin/env bash
# Installs what is missing, then builds and runs the whole suite once, in release: kernels and a real encoder are tested
# as they are used. Then clients from PyPI are tried on what was built. The last lines say how many tests ran and how many
# were skipped for want of data.
set -euo pipefail
cd "$(dirname "$0")/.."

./Scripts/install.sh
./Scripts/fetch.sh
./Scripts/fetch-conformance.sh
./Scripts/fetch-tokenizers.sh
./Scripts/fetch-towers.sh

swift format lint --strict --recursive Sources Tests Package.swift Benchmarks/Package.swift Benchmarks/Sources

options=(-c release -Xswiftc -enable-testing --scratch-path .build/tests)
# The two products that the tests need: --build-tests would compile the tools of the dependencies, too, protoc among them.
for product in belfry belfryPackageTests; do swift build --product "$product" "${options[@]}"; done
folder="$(swift build "${options[@]}" --show-bin-path)"
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
status=0
# Line by line, and for 40 minutes at the most, so that a test that never ends is named.
NO_COLOR=1 timeout --kill-after=10 40m stdbuf -oL "$folder/belfryPackageTests.xctest" --testing-library swift-testing 2>&1 \
    | tee "$log" || status=$?
if ((status == 124 || status == 137)); then
    echo "The suite did not end. These had begun:"
    names() { sed -nE "s/^[^ ]+ Test ([^ (]+)\([^ ]*\) $1.*/\1/p" "$log" | sort -u; }
    comm -23 <(names started) <(names '(with [0-9]+ test cases? )?(passed|failed) after')
fi

# Unmodified clients, and 500 questions that Qdrant's engine is asked, too.
echo
BELFRY="$folder/belfry" timeout 20m ./Tests/Clients/run.sh --fast || status=1

# The log's lines about single tests; the closing line "Test run with … passed" is not one of them.
count() { grep -aE "$1" "$log" | grep -acv 'Test run with' || true; }
passed=$(count 'Test .* passed after')
failed=$(count 'Test .* failed after')
skipped=$(count 'Test .* skipped')
if ((skipped)); then
    echo
    echo "Skipped:"
    grep -aE 'Test .* skipped' "$log"
fi
echo
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
