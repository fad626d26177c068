"""One peer in a process of its own: its memory, its thread pools, its crashes.

    python worker.py build <variant> <data set> <k> <threads>    builds and saves the index
    python worker.py search <variant> <data set> <k>             answers requests until its input ends

A request is a line of JSON on standard input, {"param": ..., "mode": "single" | "batch", "ids": <file or null>}; the
answer is a line of JSON on what was standard output when the process began. What the peer itself prints goes to
standard error.
"""

import json
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

import adapters
from dataset import Dataset

UNFOUND = -1


def resident() -> tuple[int, int]:
    """Resident bytes of this process, and of these those of files, which the kernel can drop and read again: counted page
    by page, as `belfry bench` counts them."""
    with open("/proc/self/smaps_rollup") as file:
        found = {line.split(":")[0]: int(line.split()[1]) << 10 for line in file if line.rstrip().endswith("kB")}
    return found["Rss"], found["Rss"] - found["Anonymous"]


def square(found: list, k: int) -> np.ndarray:
    """Results as [queries x k] row numbers; what a peer did not find is UNFOUND."""
    ids = np.full((len(found), k), UNFOUND, np.int64)
    for row, one in enumerate(found):
        one = np.asarray(one).astype(np.int64)[:k]
        ids[row, : len(one)] = one
    return ids


def build(variant: adapters.Variant, data: Dataset, k: int, threads: int) -> None:
    base = data.prepared("base")
    adapter = variant.make(data.metric, data.dim, data.count, k)
    folder = data.folder / "indexes" / variant.name
    partial = folder.with_name(f".{variant.name}.partial")
    for path in (folder, partial):
        shutil.rmtree(path, ignore_errors=True)
    partial.mkdir(parents=True)
    start, work = time.perf_counter(), time.process_time()
    adapter.build(base, partial, threads)
    record = {
        "build_s": round(time.perf_counter() - start, 2),
        "build_cpu_s": round(time.process_time() - work, 2),
        "threads": threads,
        "version": f"{adapter.distribution} {version(adapter.distribution)}",
        "options": variant.options,
        "rows": data.meta["sha256"]["base.npy"],
    }
    (partial / "build.json").write_text(json.dumps(record, indent=2) + "\n")
    partial.rename(folder)


def measure(adapter: adapters.Adapter, query: np.ndarray, request: dict) -> dict:
    param = request["param"]
    adapter.set_param(tuple(param) if isinstance(param, list) else param)
    adapter.search_batch(query[:50])  # warm: thread pools, scratch memory
    prepared = adapter.prepare(query)
    answer = {}
    work, start = time.process_time(), time.perf_counter()
    if request["mode"] == "batch":
        found = adapter.search_batch(query)
        end = time.perf_counter()
    else:
        found, clock = [], [start]
        for one in prepared:
            found.append(adapter.search_one(one))
            clock.append(time.perf_counter())
        end = clock[-1]
        micros = np.diff(clock) * 1e6
        answer = {"p50_us": float(np.percentile(micros, 50)), "p99_us": float(np.percentile(micros, 99))}
    work = time.process_time() - work
    answer |= {
        "qps": len(query) / (end - start),
        "cpu_qps": len(query) / work,
        "threads_busy": work / (end - start),
    }
    if request["ids"]:
        ids = square(found, adapter.k)
        np.save(request["ids"], adapter.rows(ids) if hasattr(adapter, "rows") else ids)
    return answer


def search(variant: adapters.Variant, data: Dataset, k: int, reply) -> None:
    query = data.prepared("query")
    adapter = variant.make(data.metric, data.dim, data.count, k)
    folder = data.folder / "indexes" / variant.name
    before = resident()
    adapter.load(folder)
    adapter.set_param(adapter.sweep[0][-1])
    square(adapter.search_batch(query), k)
    grown, evictable = (after - was for after, was in zip(resident(), before, strict=True))
    loaded = {
        "resident": grown / data.count,
        "evictable": max(0, evictable) / data.count,
        "disk": adapter.bytes(folder) / data.count,
        "sweep": adapter.sweep,
        "batch_loops": adapter.batch_loops,
    }
    print(json.dumps(loaded), file=reply, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(adapter, query, json.loads(line))), file=reply, flush=True)


def main() -> None:
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    action, name, data, k = sys.argv[1:5]
    (variant,) = [one for one in adapters.VARIANTS if one.name == name]
    if action == "build":
        build(variant, Dataset(data), int(k), int(sys.argv[5]))
    else:
        search(variant, Dataset(data), int(k), reply)


if __name__ == "__main__":
    main()
