#!/usr/bin/env bash
# From a bare machine to answers: installs, builds, fetches a real catalogue and a real encoder, indexes, searches.
#   ./Scripts/demo.sh          the first 5,000 products (or all, where all are indexed already)
#   ./Scripts/demo.sh --all    all 36,016
set -euo pipefail
cd "$(dirname "$0")/.."

first=5000
limit=(--limit "$first")
case "${1:-}" in
    "") ;;
    --all) limit=() ;;
    *) echo "usage: demo.sh [--all]" >&2; exit 2 ;;
esac

./Scripts/install.sh
echo "── building belfry (some minutes the first time)"
swift build -c release --product belfry --quiet
belfry="$(swift build -c release --show-bin-path)/belfry"
./Scripts/fetch.sh

cache="${BELFRY_CACHE:-$HOME/.cache/belfry}"
tower="$cache/all-MiniLM-L6-v2.tower"
if [ ! -d "$tower" ]; then
    echo "── importing the tower"
    "$belfry" tower import "$cache/all-MiniLM-L6-v2" --to "$tower"
fi

echo "── building Indexes/products"
points="$("$belfry" stats Indexes/products --json 2> /dev/null | grep -oE '"points":[0-9]+' | cut -d: -f2 || true)"
if [ "${points:-0}" -gt "$first" ]; then limit=(); fi
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
