"""What people do with LlamaIndex's vector store, against a server: python llama.py URL

What is found is compared with what the script finds by itself, not with what another server said."""
import asyncio, math, random, sys, uuid, zlib

from llama_index.core import StorageContext, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeRelationship, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    FilterCondition, FilterOperator as Op, MetadataFilter, MetadataFilters, VectorStoreQuery, VectorStoreQueryMode as Mode, VectorStoreQueryResult)
from llama_index.vector_stores.qdrant import QdrantVectorStore
from llama_index.vector_stores.qdrant.utils import relative_score_fusion
from qdrant_client import AsyncQdrantClient, QdrantClient, models as m

from checks import check, finish

url = sys.argv[1]
client, aclient = QdrantClient(url=url), AsyncQdrantClient(url=url)


def raises(call):
    try:
        call()
    except Exception:
        return True
    return False


random.seed(2)
words = "gloves boots scarf warm light wool red blue winter summer".split()
names = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(60)]


def vector():
    found = [random.gauss(0, 1) for _ in range(8)]
    length = math.sqrt(sum(x * x for x in found))
    return [x / length for x in found]


def node(i):
    metadata = {"color": ["red", "green", "blue"][i % 3], "size": i, "price": i / 4, "tags": [f"t{i % 4}", f"u{i % 5}"],
                "note": " ".join(random.sample(words, 4))}
    if i % 4 == 0:
        metadata["extra"] = "yes" if i % 8 else "no"
    source = {NodeRelationship.SOURCE: RelatedNodeInfo(node_id=f"doc-{i // 10}")}
    return TextNode(id_=names[i], text=" ".join(random.sample(words, 3)), metadata=metadata, embedding=vector(), relationships=source)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def bag(texts):
    """A sparse encoder without a model: a dimension for each word, by its length."""
    kinds = [sorted({w: 1 + len(w) / 4 for w in text.split() if w in words}.items()) for text in texts]
    return [[zlib.crc32(w.encode()) for w, _ in kind] for kind in kinds], [[x for _, x in kind] for kind in kinds]


nodes = [node(i) for i in range(60)]
by_id = {n.node_id: n for n in nodes}
query = vector()


def nearest(k, holds=lambda n: True):
    return [n.node_id for n in sorted(nodes, key=lambda n: -dot(n.embedding, query)) if holds(n)][:k]


def opened(name, **options):
    for old in [name] if client.collection_exists(name) else []:
        client.delete_collection(old)
    return QdrantVectorStore(name, client=client, aclient=aclient, batch_size=16, **options)


store = opened("llama", payload_indexes=[{"field_name": "color", "field_schema": m.PayloadSchemaType.KEYWORD},
                                         {"field_name": "size", "field_schema": m.PayloadSchemaType.INTEGER}])
check("add", store.add(nodes) == names and client.count("llama").count == 60)
check("indexes", set(client.get_collection("llama").payload_schema) == {"doc_id", "color", "size"})
found = store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=5))
check("query", found.ids == nearest(5) and [n.text for n in found.nodes] == [by_id[i].text for i in found.ids])
check("scores", all(abs(s - dot(by_id[i].embedding, query)) < 1e-4 for i, s in zip(found.ids, found.similarities)))
check("parameters", store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=5), search_params={"exact": True}).ids == nearest(5))
# One of the store's own tests asks so, and Qdrant answers anything; docs/http.md says that it is refused here.
check("a zero query", raises(lambda: store.query(VectorStoreQuery(query_embedding=[0.0] * 8, similarity_top_k=3))))
check("own filter", store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=60), qdrant_filters=m.Filter(must_not=[
    m.HasIdCondition(has_id=names[:50])])).ids == nearest(60, lambda n: n.node_id in names[50:]))
check("of documents", store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=60, doc_ids=["doc-1", "doc-4"])).ids
      == nearest(60, lambda n: n.ref_doc_id in ("doc-1", "doc-4")))
check("of nodes", store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=60, node_ids=names[:7])).ids
      == nearest(60, lambda n: n.node_id in names[:7]))


def f(key, operator, value, holds):
    return MetadataFilter(key=key, operator=operator, value=value), lambda n: key in n.metadata and holds(n.metadata[key])


single = [
    f("color", Op.EQ, "red", lambda x: x == "red"), f("size", Op.EQ, 7, lambda x: x == 7), f("price", Op.EQ, 2.25, lambda x: x == 2.25),
    f("tags", Op.EQ, "t1", lambda x: "t1" in x), f("color", Op.NE, "red", lambda x: x != "red"), f("extra", Op.NE, "no", lambda x: x != "no"),
    f("size", Op.GT, 50, lambda x: x > 50), f("size", Op.GTE, 50, lambda x: x >= 50), f("price", Op.LT, 2.5, lambda x: x < 2.5),
    f("price", Op.LTE, 2.5, lambda x: x <= 2.5), f("color", Op.IN, ["red", "blue"], lambda x: x in ("red", "blue")),
    f("color", Op.IN, "red,blue", lambda x: x in ("red", "blue")), f("size", Op.IN, [1, 2, 99], lambda x: x in (1, 2)),
    f("color", Op.NIN, ["red", "blue"], lambda x: x == "green"), f("size", Op.NIN, list(range(50)), lambda x: x >= 50),
    f("note", Op.TEXT_MATCH, "wool", lambda x: "wool" in x), f("note", Op.TEXT_MATCH_INSENSITIVE, "winter", lambda x: "winter" in x),
]
empty = (MetadataFilter(key="extra", operator=Op.IS_EMPTY, value=None), lambda n: "extra" not in n.metadata)
red, large, missing = single[0], single[6], empty


def joined(condition, holds, *parts):
    inner = [p[0] for p in parts]
    return MetadataFilters(filters=inner, condition=condition), lambda n: holds([p[1](n) for p in parts])


both = joined(FilterCondition.AND, all, red, large)
cases = [joined(FilterCondition.AND, all, case) for case in single + [empty]] + [
    both, joined(FilterCondition.OR, any, red, large), joined(FilterCondition.NOT, lambda x: not any(x), red, large),
    joined(FilterCondition.OR, any, both, missing),
    joined(FilterCondition.AND, all, missing, joined(FilterCondition.NOT, lambda x: not any(x), red)),
]
for filters, holds in cases:
    what = f"{filters.condition} of {filters.filters}"
    wanted = nearest(60, holds)
    assert 0 < len(wanted) < 60, what
    check("query by " + what, store.query(VectorStoreQuery(query_embedding=query, similarity_top_k=60, filters=filters)).ids == wanted)
    if filters.condition != FilterCondition.OR:  # The store joins an OR with the ids by OR.
        check("nodes by " + what, {n.node_id for n in store.get_nodes(filters=filters)} == set(wanted))

check("get nodes", {n.node_id: n.text for n in store.get_nodes(node_ids=names[:3])} == {i: by_id[i].text for i in names[:3]})
check("embeddings", all(abs(x - y) < 1e-4 for n in store.get_nodes(node_ids=names[:3]) for x, y in zip(n.embedding, by_id[n.node_id].embedding)))
check("all nodes", len(store.get_nodes()) == 60 and len(store.get_nodes(limit=7)) == 7)
store.add([TextNode(id_=names[0], text="other", embedding=vector())])
check("add again", client.count("llama").count == 60 and store.get_nodes(node_ids=names[:1])[0].text == "other")
store.add(nodes[:1])
again = QdrantVectorStore("llama", client=client, aclient=aclient)
check("open again", again.query(VectorStoreQuery(query_embedding=query, similarity_top_k=5)).ids == nearest(5))
store.delete("doc-0")
check("delete", {n.node_id for n in store.get_nodes()} == set(names[10:]))
store.delete_nodes(names[10:12])
check("delete nodes", {n.node_id for n in store.get_nodes()} == set(names[12:]))
store.delete_nodes(filters=cases[0][0])
check("delete by filter", {n.node_id for n in store.get_nodes()} == {n.node_id for n in nodes[12:] if n.metadata["color"] != "red"})
store.clear()
check("clear", not client.collection_exists("llama") and raises(store.get_nodes))
check("add after clear", store.add(nodes[:2]) == names[:2] and len(store.get_nodes()) == 2)
store.clear()

hybrid = opened("llama-hybrid", enable_hybrid=True, sparse_doc_fn=bag, sparse_query_fn=bag)
for n in nodes:  # The store encodes what it embeds: the text with its metadata.
    n.excluded_embed_metadata_keys = list(n.metadata)
hybrid.add(nodes)
told = "warm wool gloves"


def sparse_score(n, text=told):
    (mine,), (values,) = bag([n.text])
    (asked,), (weights,) = bag([text])
    return dot(*zip(*[(values[mine.index(i)], w) for i, w in zip(asked, weights) if i in mine])) if set(mine) & set(asked) else 0


def close(a, b):
    return len(a) == len(b) and all(abs(x - y) < 1e-4 for x, y in zip(a, b))


def result(score, k):
    best = sorted((n for n in nodes if score(n)), key=lambda n: -score(n))[:k]
    return VectorStoreQueryResult(nodes=best, similarities=[score(n) for n in best], ids=[n.node_id for n in best])


k = sum(sparse_score(n) > 0 for n in nodes)  # All that have a word of it: no cut through equal scores.
asked = VectorStoreQuery(query_embedding=query, query_str=told, similarity_top_k=20, sparse_top_k=k, hybrid_top_k=12, mode=Mode.SPARSE)
found = hybrid.query(asked)
check("sparse", close(found.similarities, result(sparse_score, k).similarities) and set(found.ids) == set(result(sparse_score, k).ids))
asked.mode = Mode.HYBRID
for alpha in (0.0, 0.3, 1.0):
    asked.alpha = alpha
    wanted = relative_score_fusion(result(lambda n: dot(n.embedding, query), 20), result(sparse_score, k), alpha=alpha, top_k=12)
    check(f"hybrid {alpha}", close(hybrid.query(asked).similarities, wanted.similarities))
asked.filters, asked.alpha = cases[0][0], 0.5
check("hybrid with a filter", {n.metadata["color"] for n in hybrid.query(asked).nodes} == {"red"})
asked.filters, asked.mode = None, Mode.DEFAULT
check("dense of hybrid", hybrid.query(asked).ids == nearest(20))


class Hashed(BaseEmbedding):
    """An embedding without a model: the same text has the same vector."""

    def _get_text_embedding(self, text):
        return [random.Random(text + str(i)).gauss(0, 1) for i in range(8)]

    _get_query_embedding = _get_text_embedding

    async def _aget_query_embedding(self, text):
        return self._get_text_embedding(text)


index = VectorStoreIndex([TextNode(text=f"{a} {b}", metadata={"first": a}) for a in words for b in words if a != b],
                         storage_context=StorageContext.from_defaults(vector_store=opened("llama-index")), embed_model=Hashed())
best = index.as_retriever(similarity_top_k=1).retrieve("warm wool")
# What is embedded is the text with its metadata.
check("index", client.count("llama-index").count == 90 and len(best) == 1)
exact = index.as_retriever(similarity_top_k=1).retrieve("first: warm\n\nwarm wool")
check("retriever", exact[0].text == "warm wool" and abs(exact[0].score - 1) < 1e-4)
some = index.as_retriever(similarity_top_k=90, filters=MetadataFilters(filters=[MetadataFilter(key="first", value="blue")])).retrieve("red")
check("retriever with a filter", len(some) == 9 and all(s.metadata["first"] == "blue" for s in some))


async def main():
    if client.collection_exists("llama-async"):
        client.delete_collection("llama-async")
    store = QdrantVectorStore("llama-async", aclient=aclient, enable_hybrid=True, sparse_doc_fn=bag, sparse_query_fn=bag)
    check("async add", await store.async_add(nodes) == names and (await aclient.count("llama-async")).count == 60)
    asked = VectorStoreQuery(query_embedding=query, query_str=told, similarity_top_k=20, sparse_top_k=k, hybrid_top_k=12)
    check("async query", (await store.aquery(asked)).ids == nearest(20))
    asked.filters = cases[6][0]
    check("async query with a filter", (await store.aquery(asked)).ids == nearest(20, cases[6][1]))
    asked.filters, asked.mode, asked.alpha = None, Mode.HYBRID, 0.3
    wanted = relative_score_fusion(result(lambda n: dot(n.embedding, query), 20), result(sparse_score, k), alpha=0.3, top_k=12)
    check("async hybrid", close((await store.aquery(asked)).similarities, wanted.similarities))
    await store.adelete("doc-0")
    check("async delete", {n.node_id for n in await store.aget_nodes()} == set(names[10:]))
    await store.adelete_nodes(names[10:12])
    check("async delete nodes", {n.node_id for n in await store.aget_nodes()} == set(names[12:]))
    check("async get nodes", {n.node_id for n in await store.aget_nodes(node_ids=names[10:14])} == set(names[12:14]))
    await asyncio.gather(*(store.aquery(VectorStoreQuery(query_embedding=vector(), similarity_top_k=3)) for _ in range(50)))
    await store.aclear()
    check("async clear", not await aclient.collection_exists("llama-async"))


asyncio.run(main())
for name in ("llama-hybrid", "llama-index"):
    client.delete_collection(name)
finish()
