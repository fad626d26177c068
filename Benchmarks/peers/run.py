"""Belfry beside its peers: the same data, the same machine, one thread.

    python run.py --data wordllama glove --peers hnswlib svs scann --belfry ../../.build/release/belfry \\
        --repeat 3 --json result.json --plot result.html

1. Each peer's index is built once with two threads, in a process of its own, and kept under
   ~/.cache/belfry/bench/<data>/indexes/<peer>.
2. Each peer is swept over its search parameters with one thread: one query at a time, then all queries in one call.
3. Belfry and the best peers are measured in turns; the ratio of each round is belfry's QPS over the best peer's of that
   round.
4. Tables go to standard output, everything to --json, curves to --plot.

Recall: a result counts where its true distance, from the base's rows in float64, is at most the true k-th distance (and
1e-6 of it more). How QPS at a recall is read off a curve: curves.py. Without --belfry only peers are measured.
"""

import argparse
import datetime
import json
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import curves
import plot
import report
from adapters import Variant, chosen
from dataset import NAMES, Dataset
from rounds import belfry_curve, rivals, take_turns
from sweep import curve, sweep
from systems import Belfry, Peer

LARGE = 1_000_000


def readings(points: list[dict], targets: list[float]) -> dict:
    """{target: {"qps", "p99_us", "below", "above"}} for those that are reached."""
    found = {str(target): curves.reading(points, target) for target in targets}
    return {
        target: {"qps": one.qps, "p99_us": one.above["p99_us"], "below": one.below, "above": one.above}
        for target, one in found.items()
        if one
    }


def measure_peer(variant: Variant, data: Dataset, arguments: argparse.Namespace, log: Path) -> dict:
    peer = Peer(variant, data, arguments.k, log, arguments.clock)
    try:
        result = {"build": peer.build(arguments.build_threads)}
        if arguments.build_only:
            return result
        with peer:
            result |= {name: peer.facts[name] for name in ("resident", "evictable", "disk", "batch_loops")}
            result["points"] = sweep(peer, arguments.recall, arguments.repeat)
    except Exception as error:  # one peer's failure is a line in the table, not the end of the run
        return {"error": f"{type(error).__name__}: {error}"}
    for mode in ("single", "batch"):
        result[mode] = readings(curve(result["points"], mode, result["batch_loops"]), arguments.recall)
    return result


def measure_belfry(belfry: Belfry, arguments: argparse.Namespace) -> dict:
    try:
        # The process that builds is not the one that is measured.
        built = belfry.run(False, 1, arguments.build_threads)
        runs = {
            mode: belfry.run(mode == "batch", arguments.repeat, arguments.build_threads) for mode in ("single", "batch")
        }
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    result = {
        "build": {"build_s": built["build_s"], "index": built["index"]},
        "resident": built["bytes_per_vector"]["resident"],
        "evictable": built["bytes_per_vector"]["evictable"],
        "disk": built["bytes_per_vector"]["disk"],
        "runs": runs,
    }
    for mode, run in runs.items():
        result[mode] = readings(belfry_curve(run["points"]), arguments.recall)
        result[f"{mode}_target"] = {str(one["target"]): one for one in run["points"] if one.get("target") is not None}
    return result


def measure(data: Dataset, arguments: argparse.Namespace) -> dict:
    variants = [one for one in chosen(arguments.peers) if data.metric in one.metrics]
    if data.count >= LARGE and arguments.peers is None:
        variants = [one for one in variants if one.large]
    log = Path(tempfile.gettempdir()) / f"peers-{data.name}.log"
    peers: dict[str, dict] = {}
    for variant in variants:
        print(f"{data.name}: {variant.name}", file=sys.stderr, flush=True)
        peers[variant.name] = measure_peer(variant, data, arguments, log)
    result = {"meta": data.meta, "peers": peers}
    if arguments.belfry and not arguments.build_only:
        belfry = Belfry(arguments.belfry, arguments.index, data, arguments.k, arguments.recall, arguments.seed)
        if arguments.rebuild:
            belfry.rebuild()
        print(f"{data.name}: belfry", file=sys.stderr, flush=True)
        result["belfry"] = measure_belfry(belfry, arguments)
        if "error" not in result["belfry"]:
            named = rivals(peers, arguments.recall, data.count >= LARGE)
            print(f"{data.name}: in turns with {', '.join(named)}", file=sys.stderr, flush=True)
            turns = [Peer(one, data, arguments.k, log, arguments.clock) for one in variants if one.name in named]
            result["ratios"] = take_turns(belfry, turns, peers, arguments.recall, arguments.rounds)
    return result


def machine() -> dict:
    with open("/proc/cpuinfo") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    distributions = ["numpy", "hnswlib", "scalable-vs", "scann", "faiss-cpu", "usearch", "pyvsag", "ngt", "zvec"]
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": f"{models[0]}, {len(models)} cores",
        "kernel": platform.release(),
        "versions": {name: version(name) for name in distributions},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--peers", nargs="+", help="names or their beginnings, default all (the large set: three)")
    parser.add_argument("--belfry", help="the belfry command")
    parser.add_argument("--index", default="auto", choices=["auto", "hnsw", "ivf", "exact"])
    parser.add_argument("--rebuild", action="store_true", help="build belfry's index anew")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--recall", type=float, nargs="+", default=[0.90, 0.95, 0.99])
    parser.add_argument(
        "--repeat", type=int, default=3, help="passes over the points that figures rest on, the best counts"
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns for the ratios")
    parser.add_argument("--build-threads", type=int, default=2)
    parser.add_argument("--build-only", action="store_true", help="leave the peers' indexes in the cache, no search")
    parser.add_argument(
        "--clock",
        default="wall",
        choices=["wall", "cpu"],
        help="cpu: peers' QPS by the CPU time of their process, for a machine that others use; not with --belfry",
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    if arguments.belfry and arguments.clock == "cpu":
        parser.error("--clock cpu is for peers alone: belfry bench measures by the wall clock")
    options = {name: str(value) if isinstance(value, Path) else value for name, value in vars(arguments).items()}
    result = {**machine(), "options": options, "rule": " ".join(curves.__doc__.split()), "data": {}}
    for name in arguments.data:
        result["data"][name] = measure(Dataset(name), arguments)
        print(report.tables(name, result["data"][name], arguments.recall, arguments.k), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(result, indent=1) + "\n")
        if arguments.plot:
            arguments.plot.write_text(plot.page(result))


if __name__ == "__main__":
    main()
