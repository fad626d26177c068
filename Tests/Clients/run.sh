#!/usr/bin/env bash
# Unmodified clients against a server of this build: prints what passed.
#   Tests/Clients/run.sh              clients, integrations and their own suites, 20,000 questions beside Qdrant's engine
#   Tests/Clients/run.sh --fast       clients alone, and 500 questions
# BELFRY names the binary. Everything fetched stays in $BELFRY_CLIENTS (default: a folder in the cache).
set -euo pipefail
cd "$(dirname "$0")/../.."
work="${BELFRY_CLIENTS:-${XDG_CACHE_HOME:-$HOME/.cache}/belfry/clients}"
belfry="${BELFRY:-$(swift build -c release --show-bin-path)/belfry}"
port="${PORT:-6391}"
mkdir -p "$work"
data="$(mktemp -d)"
"$belfry" serve "$data" --port "$port" 2> "$data/log" &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 50); do curl -sf "localhost:$port/readyz" > /dev/null && break; sleep 0.1; done

venv() {  # venv NAME PACKAGES…
    [ -d "$work/$1" ] || { python3 -m venv "$work/$1"; "$work/$1/bin/pip" install --quiet "${@:2}"; }
}

for version in 1.16.2 1.20.0; do
    venv "qdrant-$version" "qdrant-client==$version" numpy openai
    echo "── qdrant-client $version"
    "$work/qdrant-$version/bin/python" -W ignore Tests/Clients/smoke.py "http://localhost:$port"
done

venv mcp mcp
echo "── mcp"
"$work/mcp/bin/python" -W ignore Tests/Clients/tools.py "http://localhost:$port"

differential() {  # differential QUESTIONS
    venv differential qdrant-edge-py==0.9.0 numpy
    echo "── qdrant-edge-py: $1 questions"
    "$work/differential/bin/python" Tests/Clients/differential --queries "$1" --seed "${SEED:-1}" --belfry "$belfry"
}

if [ "${1:-}" = --fast ]; then
    differential 500
    exit
fi

venv integrations qdrant-client==1.20.0 pytest pytest-asyncio pytest-mock pytest-timeout langchain-core langchain-tests \
    requests langchain-qdrant==1.1.0 qdrant-haystack==13.1.0
for package in langchain-qdrant==1.1.0 qdrant-haystack==13.1.0; do
    folder="$work/${package//-/_}"
    folder="${folder/==/-}"
    [ -d "$folder" ] || (cd "$work" && integrations/bin/pip download --quiet --no-deps --no-binary :all: "$package" \
        && tar xzf "${folder##*/}.tar.gz")
done
pytest="$work/integrations/bin/python -m pytest -q -p no:cacheprovider -W ignore --timeout 60"
echo "── langchain-qdrant"
(cd "$work/langchain_qdrant-1.1.0" && QDRANT_URL="http://localhost:$port" \
    $pytest tests/integration_tests -o addopts="" -k "$port" | tail -1) || true
echo "── qdrant-haystack"
copy="$work/haystack-tests"
rm -rf "$copy"
cp -r "$work/qdrant_haystack-13.1.0/tests" "$copy"
# Its stores in memory become the server's, which is emptied before each test.
grep -rl ':memory:' "$copy" | xargs sed -i "s#:memory:#http://localhost:$port#g"
here="$PWD"
(cd "$copy" && QDRANT_URL="http://localhost:$port" PYTHONPATH="$here/Tests/Clients" \
    $pytest -p wipe . -o addopts="" | tail -1) || true

venv llama llama-index-vector-stores-qdrant==0.10.4 qdrant-client==1.20.0
echo "── llama-index-vector-stores-qdrant"
"$work/llama/bin/python" -W ignore Tests/Clients/llama.py "http://localhost:$port"

venv memory mcp-server-qdrant==0.8.1 fastmcp==2.7.0 'pydantic<2.12'
"$belfry" tower import Tests/TowersTests/Fixtures/tiny-bert --to "$data/tiny.tower" > /dev/null
echo "── mcp-server-qdrant"
"$work/memory/bin/python" -W ignore Tests/Clients/memory.py "http://localhost:$port"

venv schemathesis schemathesis
echo "── schemathesis: made-up requests of every call"
"$work/schemathesis/bin/st" run "http://localhost:$port/openapi.json" --checks not_a_server_error \
    --max-examples "${EXAMPLES:-50}" | tail -3 || true

differential 20000
