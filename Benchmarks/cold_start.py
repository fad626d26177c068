"""How long `belfry search`, `similar` and `--version` take as whole processes, from start to end.

    python3 Benchmarks/cold_start.py .build/release/belfry Indexes/products
    python3 Benchmarks/cold_start.py OLD OLDS-COLLECTION NEW NEWS-COLLECTION --runs 30

Several binaries take turns, each with a collection that it can read. Files are in the page cache: three rounds are run
before the first that counts. On a busy machine, `chrt -f 20` before the command keeps other work from counting.
"""
import argparse
import os
import statistics
import subprocess
import time


def run(command):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return 1000 * seconds, 1000 * (usage.ru_utime + usage.ru_stime)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="BINARY COLLECTION")
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--text", default="heat resistant gloves for the laboratory")
    parser.add_argument("--id", default="111-33784")
    options = parser.parse_args()
    pairs = list(zip(options.pairs[::2], options.pairs[1::2]))
    times = {}
    for round in range(options.runs + 3):
        for index, (binary, collection) in enumerate(pairs):
            for name, command in {
                "search": [binary, "search", collection, options.text, "-k", "5"],
                "similar": [binary, "similar", collection, options.id, "-k", "5"],
                "version": [binary, "--version"],
            }.items():
                measured = run(command)
                if round >= 3:
                    times.setdefault((name, index), []).append(measured)
    print("| verb | binary | median, ms | least | 90th percentile | CPU ms, median |")
    print("|---|---|---:|---:|---:|---:|")
    for (name, index), measured in sorted(times.items()):
        wall, cpu = sorted(m[0] for m in measured), sorted(m[1] for m in measured)
        print(f"| {name} | {pairs[index][0]} | {statistics.median(wall):.1f} | {wall[0]:.1f} "
              f"| {wall[int(0.9 * len(wall))]:.1f} | {statistics.median(cpu):.1f} |")


main()
