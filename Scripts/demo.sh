#!/usr/bin/env bash
# From a bare machine to answers: installs, builds, fetches a real catalogue and a real encoder, indexes, searches.
#   ./Scripts/demo.sh          the first 5,000 products
#   ./Scripts/demo.sh --all    all 36,016
set -euo pipefail
cd "$(dirname "$0")/.."

limit=(--limit 5000)
case "${1:-}" in
    "") ;;
    --all) limit=() ;;
    *) echo "usage: demo.sh [--all]" >&2; exit 2 ;;
esac

./Scripts/install.sh
echo "── building belfry"
swift build -c release --product belfry 2>&1 | grep -E "error|warning: unre|Build" || true
belfry="$(swift build -c release --show-bin-path)/belfry"
[ -x "$belfry" ] || { echo "demo.sh: the build failed; run: swift build -c release --product belfry" >&2; exit 1; }
./Scripts/fetch.sh

cache="${BELFRY_CACHE:-$HOME/.cache/belfry}"
tower="$cache/all-MiniLM-L6-v2.tower"
if [ ! -d "$tower" ]; then
    echo "── importing the tower"
    "$belfry" tower import "$cache/all-MiniLM-L6-v2" --to "$tower"
fi
echo "── building Indexes/products"
"$belfry" build Indexes/products "${limit[@]}" --replace

ask() {
    echo
    echo "\$ belfry $1 Indexes/products \"$2\" -k 5"
    "$belfry" "$1" Indexes/products "$2" -k 5
}
ask search "heat resistant gloves for the laboratory"
ask search "measure the pH of water"
ask search "small refrigerator for medicine"
ask similar 111-33248
ask similar 111-33747
