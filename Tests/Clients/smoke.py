"""What people do with qdrant-client and openai, against a server: python smoke.py URL"""
import base64, random, struct, sys, urllib.request, json

import numpy as np
from qdrant_client import QdrantClient, models as m

from checks import check, finish

url = sys.argv[1]
client = QdrantClient(url=url, timeout=30)
name = "smoke"


def refused(call, *statuses):
    try:
        call()
    except Exception as error:
        return getattr(error, "status_code", None) in statuses
    return False


random.seed(5)
rng = np.random.default_rng(5)
vectors = rng.normal(size=(300, 8)).astype(np.float32)
if client.collection_exists(name):
    client.delete_collection(name)
check("create", client.create_collection(
    name, vectors_config={"a": m.VectorParams(size=8, distance=m.Distance.COSINE), "b": m.VectorParams(size=8, distance=m.Distance.EUCLID)},
    sparse_vectors_config={"s": m.SparseVectorParams(modifier=m.Modifier.IDF)}, metadata={"recall": 0.99}))
check("exists", client.collection_exists(name) and any(c.name == name for c in client.get_collections().collections))
client.upsert(name, [m.PointStruct(
    id=i, vector={"a": v.tolist(), "b": v.tolist(), "s": m.SparseVector(indices=[i % 7, 100 + i % 3], values=[1.0, 0.5])},
    payload={"n": i, "color": ["red", "green", "blue"][i % 3], "tags": [str(i % 5)]}) for i, v in enumerate(vectors)], wait=True)
check("count", client.count(name).count == 300)
info = client.get_collection(name)
check("info", info.points_count == 300 and info.config.params.vectors["a"].size == 8 and info.status == m.CollectionStatus.GREEN)

query = rng.normal(size=8).astype(np.float32)
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
truth = np.argsort(-(unit @ (query / np.linalg.norm(query))))[:10].tolist()
check("cosine", [p.id for p in client.query_points(name, query=query, using="a", limit=10).points] == truth)
near = np.argsort(((vectors - query) ** 2).sum(axis=1))[:10].tolist()
answer = client.query_points(name, query=query.tolist(), using="b", limit=10)
check("euclid", [p.id for p in answer.points] == near)
check("distance", abs(answer.points[0].score - np.linalg.norm(vectors[near[0]] - query)) < 1e-4)
red = m.Filter(must=[m.FieldCondition(key="color", match=m.MatchValue(value="red")), m.FieldCondition(key="n", range=m.Range(lt=100))])
found = client.query_points(name, query=query, using="a", query_filter=red, limit=50, with_payload=True, with_vectors=["a"]).points
check("filter", len(found) == 34 and all(p.payload["color"] == "red" and p.vector["a"] for p in found))
check("sparse", client.query_points(name, query=m.SparseVector(indices=[3], values=[1.0]), using="s", limit=3).points[0].id % 7 == 3)
hybrid = client.query_points(name, prefetch=[m.Prefetch(query=query.tolist(), using="a", limit=20), m.Prefetch(
    query=m.SparseVector(indices=[3], values=[1.0]), using="s", limit=20)], query=m.FusionQuery(fusion=m.Fusion.RRF), limit=5)
check("fusion", len(hybrid.points) == 5)
check("by id", 7 not in [p.id for p in client.query_points(name, query=7, using="a", limit=5).points])
check("recommend", len(client.query_points(name, query=m.RecommendQuery(recommend=m.RecommendInput(positive=[1, 2], negative=[3])), using="a").points) == 10)
check("discover", len(client.query_points(name, query=m.DiscoverQuery(discover=m.DiscoverInput(
    target=1, context=[m.ContextPair(positive=2, negative=3)])), using="a").points) == 10)
groups = client.query_points_groups(name, group_by="color", query=query, using="a", limit=3, group_size=2).groups
check("groups", len(groups) == 3 and all(len(g.hits) == 2 for g in groups))
batch = client.query_batch_points(name, [m.QueryRequest(query=query.tolist(), using="a", limit=1)] * 3)
check("batch", len(batch) == 3 and batch[0].points[0].id == truth[0])
check("order", [p.payload["n"] for p in client.query_points(name, query=m.OrderByQuery(order_by=m.OrderBy(
    key="n", direction=m.Direction.DESC)), limit=2, with_payload=True).points] == [299, 298])
check("sample", len(client.query_points(name, query=m.SampleQuery(sample=m.Sample.RANDOM), limit=4).points) == 4)

seen, offset = [], None
while True:
    page, offset = client.scroll(name, limit=64, offset=offset)
    seen += [p.id for p in page]
    if offset is None:
        break
check("scroll", seen == list(range(300)))
client.create_payload_index(name, "color", m.PayloadSchemaType.KEYWORD)
client.create_payload_index(name, "n", m.IntegerIndexParams(type="integer", lookup=True, range=True))
check("schema", set(client.get_collection(name).payload_schema) == {"color", "n"})
check("facet", {h.value: h.count for h in client.facet(name, "color").hits} == {"red": 100, "green": 100, "blue": 100})
client.set_payload(name, {"new": 1}, points=[1, 2])
client.overwrite_payload(name, {"only": 1}, points=[3])
client.delete_payload(name, ["tags"], points=[1])
client.clear_payload(name, points_selector=[4])
points = {p.id: p.payload for p in client.retrieve(name, [1, 2, 3, 4])}
check("payload", points[1].keys() == {"n", "color", "new"} and points[3] == {"only": 1} and points[4] == {})
client.update_vectors(name, [m.PointVectors(id=1, vector={"b": [0.0] * 8})])
client.delete_vectors(name, ["a"], points=[2])
check("vectors", client.retrieve(name, [1], with_vectors=True)[0].vector["b"] == [0.0] * 8
      and "a" not in client.retrieve(name, [2], with_vectors=True)[0].vector)
client.batch_update_points(name, [m.DeleteOperation(delete=m.PointIdsList(points=[5])), m.SetPayloadOperation(
    set_payload=m.SetPayload(payload={"x": 1}, points=[6]))])
check("batch update", client.retrieve(name, [5]) == [] and client.retrieve(name, [6])[0].payload["x"] == 1)
client.delete(name, m.FilterSelector(filter=m.Filter(must=[m.FieldCondition(key="n", range=m.Range(gte=200))])))
check("delete by filter", client.count(name).count == 199)
matrix = client.search_matrix_pairs(name, sample=10, limit=2, using="a")
check("matrix", len(matrix.pairs) == 20)
client.update_collection_aliases([m.CreateAliasOperation(create_alias=m.CreateAlias(collection_name=name, alias_name="now"))])
check("alias", client.count("now").count == 199 and client.get_aliases().aliases[0].alias_name == "now")
snapshot = client.create_snapshot(name)
check("snapshot", [s.name for s in client.list_snapshots(name)] == [snapshot.name] and client.delete_snapshot(name, snapshot.name))
check("404", refused(lambda: client.get_collection("none"), 404))
check("409", refused(lambda: client.create_collection(name, m.VectorParams(size=2, distance=m.Distance.DOT)), 409))
check("dimension", refused(lambda: client.query_points(name, query=[1.0], using="a"), 400))
client.upload_collection("smoke-upload", vectors[:100, :4], ids=None) if client.create_collection(
    "smoke-upload", m.VectorParams(size=4, distance=m.Distance.DOT)) else None
check("upload", client.count("smoke-upload").count == 100)
check("delete", client.delete_collection("smoke-upload") and client.delete_collection(name))

try:
    from openai import OpenAI
    models = [model.id for model in OpenAI(base_url=url + "/v1", api_key="x").models.list()]
    check("models", isinstance(models, list))
    if models:
        made = OpenAI(base_url=url + "/v1", api_key="x").embeddings.create(model=models[0], input=["red shoe", "blue car"])
        check("embeddings", len(made.data) == 2 and abs(np.linalg.norm(made.data[0].embedding) - 1) < 1e-3)
except ImportError:
    pass
finish()
