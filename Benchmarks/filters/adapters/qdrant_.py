"""qdrant-edge-py: Qdrant's engine in the process. Its filter-aware graph has links of its own per indexed value."""

from pathlib import Path

import qdrant_edge as q
from adapters.base import Base, batches

KINDS = {"keyword": q.PayloadSchemaType.Keyword, "float": q.PayloadSchemaType.Float, "integer": q.PayloadSchemaType.Integer}

MOST_LINKED = 2


class Adapter(Base):
    settings = {
        "default": None,
        "ef 256": q.SearchParams(hnsw_ef=256),
        "ef 256, acorn": q.SearchParams(hnsw_ef=256, acorn=q.AcornSearchParams(enable=True)),
    }

    def build(self, data, folder: Path) -> None:
        folder.mkdir(parents=True)
        shard = q.EdgeShard.create(str(folder), self.config(data))
        numbers = list(data.fields.values()).count("float")
        for field, kind in data.fields.items():
            schema = KINDS[kind.removesuffix("[]")]
            # A graph for every range of every field of numbers: with twelve of them it had not ended after six minutes of
            # processor, so that they are left out where there are many.
            if kind == "float" and numbers > MOST_LINKED:
                schema = q.FloatIndexParams(enable_hnsw=False)
            shard.update(q.UpdateOperation.create_field_index(field, schema))
        for start, rows, payload in batches(data, 1_000):
            points = [q.Point(start + i, row.tolist(), payload[i]) for i, row in enumerate(rows)]
            shard.update(q.UpdateOperation.upsert_points(points))
        while shard.optimize():
            pass
        shard.flush()
        shard.close()

    def config(self, data, **more) -> q.EdgeConfig:
        return q.EdgeConfig(
            vectors=q.EdgeVectorParams(size=data.rows.shape[1], distance=q.Distance.Cosine),
            hnsw_config=q.HnswIndexConfig(m=16, ef_construct=100, full_scan_threshold=10_000),
            # One segment, as all others have.
            optimizers=q.EdgeOptimizersConfig(default_segment_number=1, max_segment_size=100_000_000), **more)

    def open(self, data, folder: Path) -> None:
        self.shard = q.EdgeShard.load(str(folder), self.config(data, max_search_threads=1))

    def prepare(self, filter):
        return filter and q.Filter(must=[self.condition(filter)])

    def condition(self, filter: dict):
        ((form, content),) = filter.items()
        if form == "and":
            return q.Filter(must=[self.condition(part) for part in content])
        if form == "or":
            return q.Filter(should=[self.condition(part) for part in content])
        if form == "ids":
            return q.HasIdCondition(set(content))
        if form == "range":
            range = q.RangeFloat(gte=content.get("gte"), lt=content.get("lt"))
            return q.FieldCondition(content["field"], range=range)
        values = content["values"]
        match = q.MatchValue(values[0]) if len(values) == 1 else q.MatchAny(values)
        return q.FieldCondition(content["field"], match=match)

    def search(self, query, filter, setting, k: int) -> list[int]:
        request = q.QueryRequest(
            limit=k, query=q.Query.Nearest(query.tolist()), filter=filter, params=setting, with_payload=True, with_vector=False)
        return [point.id for point in self.shard.query(request)]
