#!/usr/bin/env bash
# Fetches the conformance cases of the ONNX standard from PyPI into $BELFRY_CACHE (default ~/.cache/belfry)/onnx-conformance.
# The wheels are only unpacked, never installed; two versions, because operators changed form in between and the newest
# packages no longer have the cases.
#   1.22.0, 1.12.0   onnx, Apache-2.0
set -euo pipefail

target="${BELFRY_CACHE:-$HOME/.cache/belfry}/onnx-conformance"
mkdir -p "$target"
work="$(mktemp -d "$target/fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

fetch() { # version, a Python version that has a wheel of it
    [ -d "$target/$1/node" ] && return
    echo "fetch-conformance.sh: downloading onnx $1"
    "${PYTHON:-python3}" -m pip download -q --no-deps --only-binary :all: --python-version "$2" \
        --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 -d "$work/$1" "onnx==$1"
    "${PYTHON:-python3}" -m zipfile -e "$work/$1"/onnx-*.whl "$work/$1/wheel"
    rm -rf "${target:?}/$1"
    mkdir "$target/$1"
    mv "$work/$1/wheel/onnx/backend/test/data/node" "$target/$1/node"
}

fetch 1.22.0 3.11
fetch 1.12.0 3.10
