#!/usr/bin/env bash
# Trains, builds and evaluates the systems under Indexes, and prints their tables: what was published, ours by exact
# search with its 95 % interval, ours through the index at recall 0.95 and what that costs, plain baselines beside it.
#   ./Scripts/systems.sh                       all of them; towers that are trained already are kept
#   ./Scripts/systems.sh movielens sessions    these
#   ./Scripts/systems.sh --train               trains again
# The data are not part of this repository: $BELFRY_DATA says where they are (../shared/data without it); the README of
# each folder says where they come from.
set -euo pipefail
cd "$(dirname "$0")/.."

train=()
if [ "${1:-}" = --train ]; then train=(--train); shift; fi
systems=("$@")
if [ "${#systems[@]}" = 0 ]; then
    systems=(movielens similar-movies similar-products beauty cross-domain sessions homedepot cranfield sentences)
fi

export BELFRY_DATA="${BELFRY_DATA:-$(cd .. && pwd)/shared/data}"
cache="${BELFRY_CACHE:-$HOME/.cache/belfry}"
if [ ! -d "$BELFRY_DATA" ]; then
    echo "systems.sh: there are no data in $BELFRY_DATA; set BELFRY_DATA (see Indexes/*/README.md)" >&2
    exit 1
fi

./Scripts/install.sh
swift build -c release --product belfry --quiet
BELFRY="$(swift build -c release --show-bin-path)/belfry"
export BELFRY
./Scripts/fetch.sh
./Scripts/fetch-towers.sh

# PyTorch only where something is to be trained.
python="$cache/venv-torch/bin/python"
if [ ! -x "$python" ]; then
    python3 -m venv "$cache/venv-torch"
    "$cache/venv-torch/bin/pip" install --quiet --extra-index-url https://download.pytorch.org/whl/cpu \
        torch==2.13.0+cpu numpy==2.4.6 scipy==1.17.1 onnx==1.22.0 onnxscript==0.7.2
fi

for model in all-MiniLM-L6-v2 use-multilingual-v3; do
    if [ ! -d "$cache/$model.tower" ]; then "$BELFRY" tower import "$cache/$model" --to "$cache/$model.tower"; fi
done

for system in "${systems[@]}"; do
    echo
    echo "══ $system"
    if [ -f "Indexes/$system/train.py" ]; then "$python" "Indexes/$system/train.py" "${train[@]}"; fi
    if [ -f "Indexes/$system/prepare.py" ]; then "$python" "Indexes/$system/prepare.py"; fi
    "$BELFRY" build "Indexes/$system" --replace
    if grep -q '^evaluate:' "Indexes/$system/recipe.yaml"; then "$BELFRY" evaluate "Indexes/$system"; fi
done
