#!/usr/bin/env bash
# Installs what building Belfry needs and this machine lacks (Debian or Ubuntu). Finds everything in place: does nothing.
set -euo pipefail

if ! command -v swift > /dev/null; then
    echo "install.sh: there is no swift on this machine. Install Swift 6.1 or later (https://www.swift.org/install)" >&2
    exit 1
fi

missing=()
has_library() { pkg-config --exists "$1" 2> /dev/null; }
command -v pkg-config > /dev/null || missing+=(pkg-config)
has_library openblas || missing+=(libopenblas-dev)  # opened at run time
has_library liblz4 || missing+=(liblz4-dev)
has_library zlib || missing+=(zlib1g-dev)
[ -e /usr/include/libstemmer.h ] || missing+=(libstemmer-dev)
has_library sqlite3 || missing+=(libsqlite3-dev)
python3 -m pip --version > /dev/null 2>&1 || missing+=(python3-pip)
python3 -c "import ensurepip" 2> /dev/null || missing+=(python3-venv)

if ((${#missing[@]})); then
    echo "install.sh: installing ${missing[*]}"
    as_root=()
    if [ "$(id -u)" != 0 ]; then as_root=(sudo); fi
    log="$(mktemp)"
    trap 'rm -f "$log"' EXIT
    # What apt and debconf have to say is of interest where they fail.
    quietly() { "${as_root[@]}" "$@" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }; }
    quietly apt-get update -qq
    quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}"
fi
