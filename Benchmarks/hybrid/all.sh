#!/bin/bash
# Builds the sets and evaluates them, one after the other, keeps both rankings of each, and compares ways to mix them.
cd "$(dirname "$0")"
export BELFRY_DATA="${BELFRY_DATA:-$PWD/../../../shared/data}"
# The sets that are examples, too.
for pair in hm:similar-products films:similar-movies homedepot:homedepot cranfield:cranfield; do
    mkdir -p "${pair%:*}" && cp "../../Indexes/${pair#*:}/recipe.yaml" "${pair%:*}/"
done
tower=${BELFRY_CACHE:-$HOME/.cache/belfry}/all-MiniLM-L6-v2.tower
mkdir -p rows rankings
python3 prepare.py data rows
for set in hm films homedepot cranfield npl nfcorpus cisi; do
    recipe=$set; grep -q ^variants: $set/recipe.yaml && recipe=$set/all-MiniLM-L6-v2
    ./belfry build $recipe --replace > $set.build.out 2>&1
    ./belfry evaluate $recipe > $set.evaluate.out 2>&1
    ./venv/bin/python rank.py ./belfry "$tower" $recipe $set
done
./venv/bin/python rank.py ./belfry "$tower" homedepot/all-MiniLM-L6-v2 homedepot-judged
./venv/bin/python fuse.py hm films homedepot homedepot-judged cranfield npl nfcorpus cisi > fuse.out
./venv/bin/python signals.py films homedepot cranfield npl nfcorpus cisi > signals.out
