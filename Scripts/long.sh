#!/usr/bin/env bash
# The long runs of the collections that take writes: 500 kills, 1,000,000 random operations against a dictionary, 50
# rounds of churn; 20,000 power cuts, and as many after calls have failed; every call that can fail, with three errors; 50
# rounds on a full disk; 200 flipped bits in each section of each file, and 50 cuts, under AddressSanitizer; and eight
# writers with eight readers under ThreadSanitizer. Some hours on two cores.
#
#   Scripts/long.sh              all of them
#   Scripts/long.sh kills        one of: kills, operations, churn, power, calls, full, damage, threads
set -euo pipefail
cd "$(dirname "$0")/.."

release=(-c release -Xswiftc -enable-testing --scratch-path .build/tests)
threads=(-c debug --sanitize=thread --scratch-path .build-threads)
address=(-c release -Xswiftc -enable-testing --sanitize=address --scratch-path .build-address)
export BELFRY_LONG=1 BELFRY_SEED="${BELFRY_SEED:-$RANDOM}"
echo "BELFRY_SEED=$BELFRY_SEED"

build() { for product in belfry belfryPackageTests; do swift build --product "$product" "$@"; done; }

run() { # options of the build … -- filter
    local options=()
    while [[ $1 != -- ]]; do options+=("$1"); shift; done
    swift test --skip-build "${options[@]}" --filter "$2"
}

wanted="${1:-all}"
if [[ ! $wanted =~ ^(threads|damage)$ ]]; then
    build "${release[@]}"
    [[ $wanted =~ ^(all|kills)$ ]] && run "${release[@]}" -- WriteCrashTests
    [[ $wanted =~ ^(all|operations)$ ]] && run "${release[@]}" -- LivingCollectionTests
    [[ $wanted =~ ^(all|churn)$ ]] && run "${release[@]}" -- ChurnTests
    [[ $wanted =~ ^(all|power)$ ]] && run "${release[@]}" -- PowerCutTests
    [[ $wanted =~ ^(all|calls)$ ]] && run "${release[@]}" -- FailingCallTests
    [[ $wanted =~ ^(all|full)$ ]] && run "${release[@]}" -- FullDiskTests
fi
if [[ $wanted =~ ^(all|damage)$ ]]; then
    build "${address[@]}"
    # Swift's runtime keeps what it has made once.
    ASAN_OPTIONS=detect_leaks=0 run "${address[@]}" -- LivingDamageTests
fi
if [[ $wanted =~ ^(all|threads)$ ]]; then
    build "${threads[@]}"
    # Without it every wait for a lock is reported.
    clang -O2 -shared -fPIC -o .build-threads/libmutex.so Tests/ThreadSanitizer/mutex.c -ldl
    LD_PRELOAD=$PWD/.build-threads/libmutex.so run "${threads[@]}" -- "readersNeverSeeHalfAWrite"
fi
