"""LanceDB, with lists of products (IVF_PQ, its default)."""

import os

# One core: before the package is loaded.
for name in ("LANCE_CPU_THREADS", "TOKIO_WORKER_THREADS", "RAYON_NUM_THREADS"):
    if "FILTERS_BUILD" not in os.environ:
        os.environ[name] = "1"

from pathlib import Path

import lancedb
import pyarrow as pa
from adapters.base import Base, batches, expression

KINDS = {"keyword": pa.string(), "float": pa.float64(), "integer": pa.int64(), "keyword[]": pa.list_(pa.string())}
WORD = {"and": "AND", "or": "OR", "in": "IN", "left": "(", "right": ")", "quote": "'"}


class Adapter(Base):
    settings = {"nprobes 20, refine 5": (20, 5), "nprobes 60, refine 20": (60, 20)}

    def build(self, data, folder: Path) -> None:
        dimension = data.rows.shape[1]
        schema = pa.schema(
            [("row", pa.int64()), ("vector", pa.list_(pa.float32(), dimension))]
            + [(name, KINDS[kind]) for name, kind in data.fields.items()])

        def parts():
            for start, rows, payload in batches(data, 10_000):
                vectors = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), dimension)
                columns = [pa.array(range(start, start + len(rows))), vectors]
                columns += [pa.array([line.get(name) for line in payload], KINDS[kind]) for name, kind in data.fields.items()]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)

        table = lancedb.connect(str(folder)).create_table("filters", data=parts(), schema=schema)
        table.create_index(metric="cosine", vector_column_name="vector")
        table.create_scalar_index("row", index_type="BTREE")
        for name, kind in data.fields.items():
            form = "LABEL_LIST" if kind.endswith("[]") else "BITMAP" if kind == "keyword" else "BTREE"
            table.create_scalar_index(name, index_type=form)
        table.optimize()

    def open(self, data, folder: Path) -> None:
        self.table = lancedb.connect(str(folder)).open_table("filters")
        self.fields = ["row", "_distance", *data.fields]
        self.lists = {name for name, kind in data.fields.items() if kind.endswith("[]")}

    def prepare(self, filter):
        def contains(field: str, values: str):
            return f"array_has_any({field}, [{values[1:-1]}])" if field in self.lists else None

        return filter and expression(filter, WORD, contains)

    def search(self, query, filter, setting, k: int) -> list[int]:
        nprobes, refine = setting
        search = self.table.search(query, vector_column_name="vector").distance_type("cosine").limit(k).nprobes(nprobes)
        search = search.refine_factor(refine).select(self.fields)
        if filter:
            search = search.where(filter, prefilter=True)
        return [line["row"] for line in search.to_list()]
