"""Hours, crowds and shortage: what a server endures. It prints figures; exit status 1 where an aim is missed.

    python Tests/Clients/endurance connections --belfry .build/release/belfry
    python Tests/Clients/endurance descriptors --belfry .build/release/belfry
    python Tests/Clients/endurance mixed 3600 --belfry .build/release/belfry
"""

import argparse
import asyncio
import os
import resource
import sys

import connections
import descriptors
import mixed

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--belfry", default=os.environ.get("BELFRY", ".build/release/belfry"))
kinds = parser.add_subparsers(dest="kind", required=True)
one = kinds.add_parser("connections", help="the 99th percentile of searches with and without 12,000 idle and slow connections")
one.add_argument("--rate", type=float, default=100, help="searches a second")
one.add_argument("--seconds", type=int, default=30, help="of a round")
one.add_argument("--rounds", type=int, default=3)
one.add_argument("--idle", type=int, default=10_000)
one.add_argument("--slow", type=int, default=2_000)
one.set_defaults(run=connections.run)
one = kinds.add_parser("descriptors", help="256 descriptors and a thousand connections")
one.add_argument("--rounds", type=int, default=2)
one.set_defaults(run=descriptors.run)
one = kinds.add_parser("mixed", help="searches, writes, aliases and snapshots")
one.add_argument("time", type=int, help="seconds")
one.add_argument("--rate", type=float, default=60, help="searches a second")
one.add_argument("--points", type=int, default=20_000, help="of a collection")
one.add_argument("--seed", type=int, default=1)
one.set_defaults(run=mixed.run)
for each in kinds.choices.values():
    each.add_argument("--belfry", default=argparse.SUPPRESS)
options = parser.parse_args()

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
options.files = hard
if options.kind == "connections" and options.idle + options.slow + 500 > hard:
    sys.exit(f"{options.idle + options.slow} connections need more descriptors than the {hard} that are allowed: ulimit -Hn")
sys.exit(0 if asyncio.run(options.run(options)) else 1)
