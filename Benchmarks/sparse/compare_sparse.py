"""Sparse search of the same rows and queries by qdrant-edge and by a product of scipy, beside SparseBenchmark.

    Benchmarks/.build/release/SparseBenchmark --rows 200000 --dump FOLDER
    python3 Benchmarks/sparse/compare_sparse.py FOLDER          # pip install numpy scipy qdrant-edge-py

Times are the process's processor time per query, as SparseBenchmark's are the thread's: other work shares the machine.
"""

import sys
import tempfile
import time

import numpy as np
import scipy.sparse


def read(path):
    return (np.fromfile(path + ".starts", np.uint64).astype(np.int64), np.fromfile(path + ".indices", np.uint32),
            np.fromfile(path + ".values", np.float32))


def report(name, times):
    times = np.sort(np.array(times) * 1e6)
    print(f"{name:12} {1e6 / times.mean():9.1f} queries/s, p50 {times[len(times) // 2]:9.1f} µs, "
          f"p99 {times[len(times) * 99 // 100]:9.1f} µs", flush=True)


def timed(name, queries, search):
    times, found = [], []
    for query in queries:
        begin = time.process_time()
        found.append(search(query))
        times.append(time.process_time() - begin)
    report(name, times)
    return found


def qdrant(rows, queries, k):
    import qdrant_edge as edge
    starts, indices, values = rows
    config = edge.EdgeConfig(
        sparse_vectors={"text": edge.EdgeSparseVectorParams(full_scan_threshold=0)}, max_search_threads=1,
        optimizers=edge.EdgeOptimizersConfig(default_segment_number=1, max_segment_size=1 << 40, indexing_threshold=1))
    with tempfile.TemporaryDirectory() as folder:
        shard = edge.EdgeShard.create(folder, config)
        begin = time.time()
        for first in range(0, len(starts) - 1, 5000):
            points = []
            for row in range(first, min(first + 5000, len(starts) - 1)):
                part = slice(starts[row], starts[row + 1])
                vector = edge.SparseVector(indices=indices[part].tolist(), values=values[part].tolist())
                points.append(edge.Point(id=row, vector={"text": vector}))
            shard.update(edge.UpdateOperation.upsert_points(points))
        print(f"qdrant-edge: loaded in {time.time() - begin:.0f} s", flush=True)
        shard.optimize()
        print(f"qdrant-edge: optimized after {time.time() - begin:.0f} s: {shard.info()}", flush=True)
        asked = [
            edge.QueryRequest(limit=k, query=edge.Query.Nearest(
                edge.SparseVector(indices=i.tolist(), values=v.tolist()), using="text")) for i, v in queries]
        for request in asked[:20]:
            shard.query(request)
        found = timed("qdrant-edge", asked, shard.query)
        return [[point.score for point in one] for one in found]


def scipy_product(rows, queries, k):
    starts, indices, values = rows
    width = int(indices.max()) + 1
    matrix = scipy.sparse.csr_array((values, indices.astype(np.int64), starts), shape=(len(starts) - 1, width)).tocsc()

    def search(query):
        i, v = query
        known = i < width
        vector = scipy.sparse.csc_array((v[known], (i[known].astype(np.int64), np.zeros(known.sum(), np.int64))), shape=(width, 1))
        scores = (matrix @ vector).toarray().ravel()
        best = np.argpartition(-scores, k)[:k]
        return np.sort(scores[best])[::-1]

    return timed("scipy", queries, search)


def main():
    folder, k = sys.argv[1], 10
    rows = read(folder + "/rows")
    starts, indices, values = read(folder + "/queries")
    queries = [(indices[a:b], values[a:b]) for a, b in zip(starts, starts[1:])]
    ours = scipy_product(rows, queries, k)
    theirs = qdrant(rows, queries, k)
    print("largest relative difference of scores:",
          max(np.max(np.abs(np.array(a) - np.array(b)) / np.abs(a)) for a, b in zip(ours, theirs)))


main()
