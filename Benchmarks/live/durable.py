"""Writes of other systems in the process, each as durable as it can be made: one point at a time, and batches of 1,000.

    python durable.py FOLDER [--systems qdrant zvec lancedb] [--rows 100000] [--seconds 5] [--longest 120]

(Packages as in ../filters/requirements.txt.) Points are 384 random components under random UUIDs. "Durable" is:

qdrant   qdrant-edge-py with its write-ahead log, and `flush` after each update
zvec     `flush` after each insert
lancedb  `add`, which writes files and a new version of the table; nothing of it is synced, which cannot be asked for

The first line is the disk's own: `fdatasync` of 2 KB, one after the other. Loading ends after --longest seconds at the latest.
"""

import argparse
import os
import shutil
import sys
import time
import uuid
from pathlib import Path

import numpy as np

DIMENSION = 384


class Qdrant:
    def __init__(self, folder):
        import qdrant_edge as q

        self.q = q
        folder.mkdir()
        self.shard = q.EdgeShard.create(str(folder), q.EdgeConfig(
            vectors=q.EdgeVectorParams(size=DIMENSION, distance=q.Distance.Cosine), wal_enabled=True))

    def write(self, ids, rows):
        self.shard.update(self.q.UpdateOperation.upsert_points([self.q.Point(i, row.tolist(), {}) for i, row in zip(ids, rows)]))
        self.shard.flush()


class Zvec:
    def __init__(self, folder):
        import zvec

        self.z = zvec
        zvec.init(log_level=zvec.LogLevel.ERROR)
        vector = zvec.VectorSchema(
            "vector", zvec.DataType.VECTOR_FP32, DIMENSION, zvec.HnswIndexParam(metric_type=zvec.MetricType.COSINE))
        self.collection = zvec.create_and_open(str(folder), zvec.CollectionSchema("live", fields=[], vectors=[vector]))

    def write(self, ids, rows):
        self.collection.insert([self.z.Doc(id=str(i), vectors={"vector": row.tolist()}) for i, row in zip(ids, rows)])
        self.collection.flush()


class LanceDB:
    def __init__(self, folder):
        import lancedb
        import pyarrow as pa

        self.pa = pa
        self.schema = pa.schema([("id", pa.string()), ("vector", pa.list_(pa.float32(), DIMENSION))])
        self.table = lancedb.connect(str(folder)).create_table("live", schema=self.schema)

    def write(self, ids, rows):
        vectors = self.pa.FixedSizeListArray.from_arrays(self.pa.array(rows.ravel()), DIMENSION)
        self.table.add(self.pa.Table.from_arrays([self.pa.array([str(i) for i in ids]), vectors], schema=self.schema))


SYSTEMS = {"qdrant": Qdrant, "zvec": Zvec, "lancedb": LanceDB}


def syncs(folder, seconds):
    with open(folder / "sync", "wb", buffering=0) as file:
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            file.write(bytes(2048))
            os.fdatasync(file.fileno())
            count += 1
    return count / (time.perf_counter() - start)


def writes(system, rng, size, seconds, most):
    """Points a second, and the times of writes in milliseconds."""
    start, count, times = time.perf_counter(), 0, []
    while time.perf_counter() - start < seconds and count < most:
        ids, rows = [uuid.UUID(bytes=rng.bytes(16), version=4) for _ in range(size)], rng.normal(size=(size, DIMENSION)).astype(np.float32)
        begun = time.perf_counter()
        system.write(ids, rows)
        times.append(1e3 * (time.perf_counter() - begun))
        count += size
    return count / (sum(times) / 1e3), np.percentile(times, [50, 99]), count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--longest", type=float, default=120)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    print(f"fdatasync: {syncs(options.folder, 2):.0f} a second", flush=True)
    for name in options.systems:
        folder = options.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        system = SYSTEMS[name](folder)
        for what, size, seconds, most in [("single", 1, options.seconds, 1 << 40), ("batches of 1,000", 1_000, options.longest, options.rows)]:
            rate, (p50, p99), count = writes(system, rng, size, seconds, most)
            print(f"{name}, {what}: {rate:.0f} points a second over {count:,}, a write {p50:.2f} ms, p99 {p99:.1f}", flush=True)
    # Some keep threads that do not end.
    sys.stdout.flush()
    os._exit(0)


main()
