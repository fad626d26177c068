#!/usr/bin/env bash
# Trains, builds and evaluates the systems under Indexes. Prints one table (what was published, ours by exact search with
# its 95 % interval, ours through the index at recall 0.95 and what that costs, plain baselines beside it), then what is
# recommended to a user, to a session and beside five products. `belfry evaluate Indexes/NAME` prints all of a system's
# figures.
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
    systems=(movielens similar-products similar-products/qte similar-movies beauty cross-domain sessions homedepot cranfield
        sentences)
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

# The build of PyTorch for processors alone, where pip finds it.
venv="$cache/venv-torch"
python="$venv/bin/python"
if ! "$python" -c "import torch, scipy, onnxscript" 2> /dev/null; then
    python3 -m venv "$venv"
    install() { "$venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1 onnx==1.22.0 onnxscript==0.7.2 "$@"; }
    install torch==2.13.0+cpu ||
        install torch==2.13.0+cpu --extra-index-url https://download.pytorch.org/whl/cpu || install torch==2.13.0
fi

for model in all-MiniLM-L6-v2 use-multilingual-v3; do
    if [ ! -d "$cache/$model.tower" ]; then "$BELFRY" tower import "$cache/$model" --to "$cache/$model.tower"; fi
done

evaluated=()
for system in "${systems[@]}"; do
    echo "══ $system ($((SECONDS / 60)) min)"
    if [ -f "Indexes/$system/train.py" ]; then "$python" "Indexes/$system/train.py" "${train[@]}"; fi
    if [ -f "Indexes/$system/prepare.py" ]; then "$python" "Indexes/$system/prepare.py"; fi
    "$BELFRY" build "Indexes/$system" --replace
    if grep -q '^evaluate:' "Indexes/$system/recipe.yaml"; then evaluated+=("Indexes/$system"); fi
done

echo
echo "══ figures ($((SECONDS / 60)) min)"
if [ "${#evaluated[@]}" != 0 ]; then "$BELFRY" evaluate "${evaluated[@]}" --summary; fi

# Prints a command and its answers, if the system was asked for.
show() {
    local system="$1"; shift
    [[ " ${systems[*]} " = *" $system "* ]] || return 0
    echo
    echo "\$ belfry $*"
    "$BELFRY" "$@"
}
echo
echo "══ examples ($((SECONDS / 60)) min)"
show movielens recommend Indexes/movielens --user 5 -k 5
show sessions recommend Indexes/sessions/three-domains --session Movie_tt0133093,Book_126 \
    --quota domain:Movie=3,domain:Music=3,domain:Book=3
for encoder in use-multilingual-v3 all-MiniLM-L6-v2; do
    show similar-products similar "Indexes/similar-products/$encoder" 0765709002 -k 5
    show similar-products similar "Indexes/similar-products/$encoder" 0697564030 -k 5
    show similar-products/qte similar "Indexes/similar-products/qte/$encoder" 111-61173 -k 5
    show similar-products/qte search "Indexes/similar-products/qte/$encoder" "file holder for the desk" -k 5
    show homedepot similar "Indexes/homedepot/$encoder" 160042 -k 5
    show similar-movies similar "Indexes/similar-movies/$encoder" 49047 -k 5
done
echo
echo "══ done ($((SECONDS / 60)) min)"
