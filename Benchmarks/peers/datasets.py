"""Prepares the data sets: ~/.cache/belfry/bench/<name>/{base,query,truth}.npy and meta.json.

    python datasets.py                       # all that are missing
    python datasets.py glove minilm --belfry .build/release/belfry

1. Rows come from packages (sources.py).
2. Exact duplicates are removed, the first of each stays; rows are permuted by numpy's default_rng(0).
3. The first 2,000 rows are the queries and leave the base; fashion-mnist has test images for that.
4. truth.npy holds the 100 exact neighbors of each query, int32, nearest first.

Rows of cosine sets are stored as they are, not normalised.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import sources
from truth import neighbors

BENCH = sources.CACHE / "bench"
QUERIES = 2000


def makers(belfry: str) -> dict[str, Callable[[], sources.Source]]:
    return {
        "fashion-mnist": sources.fashion_mnist,
        "glove": sources.glove,
        "wordllama": sources.wordllama,
        "synthetic-1m": sources.synthetic,
        "minilm": lambda: sources.minilm(belfry),
    }


def without_duplicates(rows: np.ndarray) -> np.ndarray:
    rows = np.ascontiguousarray(rows + np.float32(0))  # -0 becomes 0
    keys = rows.view(np.dtype((np.void, rows.shape[1] * 4))).ravel()
    _, first = np.unique(keys, return_index=True)
    return rows[np.sort(first)]


def prepare(name: str, make: Callable[[], sources.Source]) -> None:
    folder = BENCH / name
    if (folder / "meta.json").exists():
        print(f"{name}: there")
        return
    start = time.perf_counter()
    source = make()
    rows = without_duplicates(source.rows)
    removed = len(source.rows) - len(rows)
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    query, base = (rows[:QUERIES], rows[QUERIES:]) if source.query is None else (source.query, rows)
    made = {"base": base, "query": query, "truth": neighbors(base, query, source.metric)}
    folder.mkdir(parents=True, exist_ok=True)
    checksums = {}
    for part, array in made.items():
        path = folder / f"{part}.npy"
        np.save(folder / f".{part}.npy", np.ascontiguousarray(array))
        os.replace(folder / f".{part}.npy", path)
        checksums[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    meta = {
        "name": name,
        "metric": source.metric,
        "n": len(base),
        "dim": base.shape[1],
        "queries": len(query),
        "duplicates_removed": removed,
        "source": source.source,
        "licence": source.licence,
        "sha256": checksums,
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=2) + "\n")
    print(
        f"{name}: {len(base)} x {base.shape[1]} {source.metric}, {removed} duplicates, {time.perf_counter() - start:.0f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="data sets, default all")
    parser.add_argument("--belfry", default="belfry", help="the command that embeds the texts of minilm")
    arguments = parser.parse_args()
    known = makers(arguments.belfry)
    unknown = set(arguments.names) - set(known)
    if unknown:
        parser.error(f"no data set {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    for name in arguments.names or known:
        prepare(name, known[name])


if __name__ == "__main__":
    main()
