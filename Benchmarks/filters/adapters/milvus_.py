"""milvus-lite through pymilvus."""

from pathlib import Path

from adapters.base import Base, batches, expression
from pymilvus import DataType, MilvusClient

KINDS = {"keyword": DataType.VARCHAR, "float": DataType.DOUBLE, "integer": DataType.INT64, "keyword[]": DataType.ARRAY}
WORD = {"and": "and", "or": "or", "in": "in", "left": "[", "right": "]", "quote": '"'}


class Adapter(Base):
    settings = {"ef 64": {"ef": 64}, "ef 512": {"ef": 512}}

    def build(self, data, folder: Path) -> None:
        folder.mkdir(parents=True)
        client = MilvusClient(str(folder / "filters.db"))
        schema = client.create_schema(auto_id=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=data.rows.shape[1])
        for name, kind in data.fields.items():
            more = {"max_length": 100} if kind.startswith("keyword") else {}
            if kind.endswith("[]"):
                more |= {"element_type": DataType.VARCHAR, "max_capacity": 100}
            schema.add_field(name, KINDS[kind], nullable=True, **more)
        indexes = client.prepare_index_params()
        indexes.add_index("vector", index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 200})
        for name, kind in data.fields.items():
            # It has none for fields of lists.
            if not kind.endswith("[]"):
                indexes.add_index(name, index_type="INVERTED")
        client.create_collection("filters", schema=schema, index_params=indexes)
        for start, rows, payload in batches(data, 5_000):
            client.insert(
                "filters",
                [{**payload[i], "row": start + i, "vector": row.tolist()} for i, row in enumerate(rows)])
        client.flush("filters")
        client.close()

    def open(self, data, folder: Path) -> None:
        self.client = MilvusClient(str(folder / "filters.db"))
        self.client.load_collection("filters")
        self.fields = list(data.fields)
        self.lists = {name for name, kind in data.fields.items() if kind.endswith("[]")}

    def prepare(self, filter):
        def contains(field: str, values: str):
            return f"array_contains_any({field}, {values})" if field in self.lists else None

        return filter and expression(filter, WORD, contains)

    def search(self, query, filter, setting, k: int) -> list[int]:
        found = self.client.search(
            "filters", data=[query.tolist()], anns_field="vector", filter=filter or "", limit=k,
            output_fields=self.fields, search_params={"metric_type": "COSINE", "params": setting})
        return [one["row"] for one in found[0]]
