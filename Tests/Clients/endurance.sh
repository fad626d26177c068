#!/usr/bin/env bash
# What a server endures, in figures:
#   Tests/Clients/endurance.sh                     all three, with an hour of mixed load
#   Tests/Clients/endurance.sh connections         16 who search, among 12,000 idle and slow connections
#   Tests/Clients/endurance.sh descriptors         256 descriptors, and a thousand who connect
#   Tests/Clients/endurance.sh mixed 600           ten minutes of searches, writes, alias switches and snapshots
# BELFRY names the binary. Python's standard library is enough.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BELFRY="${BELFRY:-$(swift build -c release --show-bin-path)/belfry}"
if [ $# -gt 0 ]; then
    exec python3 Tests/Clients/endurance "$@"
fi
status=0
for kind in connections descriptors "mixed 3600"; do
    echo "── $kind"
    python3 Tests/Clients/endurance $kind || status=1
done
exit $status
