#!/usr/bin/env bash
# From a bare machine to answers: installs, builds, fetches a real catalogue and a real encoder, indexes, searches.
#   ./Scripts/demo.sh          5,000 products from all parts of the catalogue (or all, where all are indexed already)
#   ./Scripts/demo.sh --all    all 36,016
#   ./Scripts/demo.sh --serve  the same, and then serves it at 127.0.0.1:6333
set -euo pipefail
cd "$(dirname "$0")/.."

some=5000
sample=(--sample "$some")
serve=
for option in "$@"; do
    case "$option" in
        --all) sample=() ;;
        --serve) serve=yes ;;
        *) echo "usage: demo.sh [--all] [--serve]" >&2; exit 2 ;;
    esac
done

./Scripts/install.sh
echo "── building belfry (some minutes the first time)"
# What the compiler has to say is of interest where it fails.
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
swift build -c release --product belfry > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
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
if [ "${points:-0}" -gt "$some" ]; then sample=(); fi
"$belfry" build Indexes/products "${sample[@]}" --replace

ask() {
    echo
    echo "\$ belfry $1 Indexes/products \"$2\" -k 5"
    "$belfry" "$1" Indexes/products "$2" -k 5
}
ask search "heat resistant gloves for the laboratory"
ask search "measure the pH of water"
ask search "small refrigerator for medicine"
ask similar 111-57400
ask similar 111-33784

if [ -n "$serve" ]; then
    echo
    echo "\$ curl localhost:6333/collections/products/points/query -d '{\"query\": {\"text\": \"warm gloves\"}, \"limit\": 5, \"with_payload\": true}'"
    exec "$belfry" serve Indexes
fi
