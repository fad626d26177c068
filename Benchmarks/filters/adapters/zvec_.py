"""zvec, with its own defaults of the graph."""

from pathlib import Path

import zvec
from adapters.base import Base, batches, expression
from zvec import DataType

KINDS = {"keyword": DataType.STRING, "float": DataType.DOUBLE, "integer": DataType.INT64, "keyword[]": DataType.ARRAY_STRING}
WORD = {"and": "and", "or": "or", "in": "in", "left": "(", "right": ")", "quote": "'"}


class Adapter(Base):
    settings = {"ef 300": zvec.HnswQueryParam(ef=300), "ef 1000": zvec.HnswQueryParam(ef=1000)}

    def __init__(self) -> None:
        zvec.init(log_level=zvec.LogLevel.ERROR, query_threads=1)

    def build(self, data, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        numbers = {"float", "integer"}
        fields = [
            zvec.FieldSchema(
                name, KINDS[kind], nullable=True,
                index_param=zvec.InvertIndexParam(enable_range_optimization=kind in numbers))
            for name, kind in data.fields.items()
        ]
        fields.append(zvec.FieldSchema("row", DataType.INT64, index_param=zvec.InvertIndexParam()))
        vector = zvec.VectorSchema(
            "vector", DataType.VECTOR_FP32, data.rows.shape[1], zvec.HnswIndexParam(metric_type=zvec.MetricType.COSINE))
        collection = zvec.create_and_open(str(folder), zvec.CollectionSchema("filters", fields=fields, vectors=[vector]))
        for start, rows, payload in batches(data, 1_000):
            collection.insert([
                zvec.Doc(id=str(start + i), fields={**payload[i], "row": start + i}, vectors={"vector": row.tolist()})
                for i, row in enumerate(rows)])
        collection.flush()
        collection.optimize()
        collection.close()

    def open(self, data, folder: Path) -> None:
        self.collection = zvec.open(str(folder))
        self.fields = list(data.fields)
        self.lists = {name for name, kind in data.fields.items() if kind.endswith("[]")}

    def prepare(self, filter):
        def contains(field: str, values: str):
            return f"{field} contain_any {values}" if field in self.lists else None

        return filter and expression(filter, WORD, contains)

    def search(self, query, filter, setting, k: int) -> list[int]:
        found = self.collection.query(
            zvec.Query(field_name="vector", vector=query.tolist(), param=setting), topk=k, filter=filter,
            output_fields=self.fields)
        return [int(one.id) for one in found]
