#!/usr/bin/env bash
# Makes the towers that GoldenTowerTests opens: one with an encoder of texts, and a pair with ONNX graphs. They stay as
# they are: when a format changes, this makes those of the new one in a folder of their own, and the old ones must still
# open, or be refused with the way out.
#
#   make_golden_towers.sh <the belfry command> <name of the folder to be made>
set -euo pipefail
fixtures="$(cd "$(dirname "$0")" && pwd)"
belfry="$1"
golden="$fixtures/golden/$2"
mkdir -p "$golden"

"$belfry" tower import "$fixtures/tiny-bert" --to "$golden/text.tower"
"$belfry" tower import "$fixtures/tiny-clip/text-traced.onnx" --features "$fixtures/tiny-clip/text.features.json" \
    --pair "$fixtures/tiny-clip/text-captured.onnx" --pair-features "$fixtures/tiny-clip/text.features.json" \
    --to "$golden/pair"
