"""What a language model keeps and finds through mcp-server-qdrant, against a server: python memory.py URL

The tools are called as a client calls them. The server must serve a tower `tiny.tower`: texts are embedded by its `/v1/embeddings`."""
import asyncio
import json
import re
import sys
import urllib.error
import urllib.request

from fastmcp import Client
from mcp_server_qdrant.embeddings.base import EmbeddingProvider
from mcp_server_qdrant.mcp_server import QdrantMCPServer
from mcp_server_qdrant.settings import FilterableField, QdrantSettings, ToolSettings

from checks import check, finish

url = sys.argv[1]


def send(method, path, body=None):
    request = urllib.request.Request(url + path, method=method, data=json.dumps(body).encode() if body else None,
                                     headers={"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request))


class Tower(EmbeddingProvider):
    """Embeds by the server itself, in place of a model that is downloaded."""

    async def embed_documents(self, documents):
        answer = await asyncio.to_thread(send, "POST", "/v1/embeddings", {"model": "tiny", "input": documents})
        return [one["embedding"] for one in answer["data"]]

    async def embed_query(self, query):
        return (await self.embed_documents([query]))[0]

    def get_vector_name(self):
        return "tiny"

    def get_vector_size(self):
        return 36


def server(**settings):
    fields = settings.pop("filterable_fields", None)
    return QdrantMCPServer(tool_settings=ToolSettings(), embedding_provider=Tower(),
                           qdrant_settings=QdrantSettings(QDRANT_URL=url, filterable_fields=fields, **settings))


async def call(session, name, **arguments):
    content = await session.call_tool(name, arguments)
    return [part.text for part in content]


def count(name):
    return send("POST", f"/collections/{name}/points/count", {"exact": True})["result"]["count"]


memories = {
    "the kettle is in the blue box": {"room": "kitchen", "weight": 3, "value": 9.5, "old": True},
    "a red lamp for the desk": {"room": "study", "weight": 2, "value": 30.0, "old": False},
    "winter gloves made of wool": {"room": "hall", "weight": 1, "value": 12.25, "old": True},
    "the key hangs behind the door": {"room": "hall", "weight": 0, "value": 1.0, "old": False},
}
# "except" is left out: this version of mcp-server-qdrant makes a filter of it that its own client refuses.
fields = [  # Name, type, condition, what is asked, which memories it lets through.
    ("room", "keyword", "==", "hall", lambda m: m["room"] == "hall"),
    ("room", "keyword", "!=", "hall", lambda m: m["room"] != "hall"),
    ("room", "keyword", "any", ["hall", "study"], lambda m: m["room"] in ("hall", "study")),
    ("weight", "integer", "==", 2, lambda m: m["weight"] == 2),
    ("weight", "integer", "!=", 2, lambda m: m["weight"] != 2),
    ("weight", "integer", ">", 1, lambda m: m["weight"] > 1),
    ("weight", "integer", "any", [0, 3], lambda m: m["weight"] in (0, 3)),
    ("value", "float", ">=", 12.25, lambda m: m["value"] >= 12.25),
    ("value", "float", "<", 12.25, lambda m: m["value"] < 12.25),
    ("old", "boolean", "==", True, lambda m: m["old"]),
    ("old", "boolean", "!=", True, lambda m: not m["old"]),
]


def told(answer):
    """The memories in an answer with their metadata: a list after a line that repeats the query, or nothing."""
    entries = json.loads(answer[0])[1:] if answer else []
    parts = [re.fullmatch("<entry><content>(.*)</content><metadata>(.*)</metadata></entry>", entry).groups() for entry in entries]
    return {text: json.loads(metadata) if metadata else None for text, metadata in parts}


async def main():
    try:  # A collection gives the tower its name in /v1/models.
        send("PUT", "/collections/tiny-models", {"vectors": {"size": 36, "distance": "Cosine", "tower": "tiny"}})
    except urllib.error.HTTPError as error:
        assert error.code == 409, error.read()
    check("models", "tiny" in [model["id"] for model in send("GET", "/v1/models")["data"]])
    for name in ("memory", "memory-filters"):
        send("DELETE", f"/collections/{name}")

    async with Client(server(COLLECTION_NAME="memory")) as session:
        check("tools", sorted(tool.name for tool in await session.list_tools()) == ["qdrant-find", "qdrant-store"])
        check("nothing yet", told(await call(session, "qdrant-find", query="kettle")) == {})
        for text, metadata in memories.items():
            check("store", "Remembered" in (await call(session, "qdrant-store", information=text, metadata=metadata))[0])
        check("count", count("memory") == 4)
        for text in memories:
            found = told(await call(session, "qdrant-find", query=text))
            check("find " + text, list(found)[0] == text and found == memories)
        await call(session, "qdrant-store", information="without metadata")
        check("without metadata", list(told(await call(session, "qdrant-find", query="without metadata")).items())[0] == ("without metadata", None))
    vectors = send("POST", "/collections/memory/points/scroll", {"with_vector": True, "with_payload": True})["result"]["points"]
    mine = await Tower().embed_query("a red lamp for the desk")
    kept = next(p["vector"]["tiny"] for p in vectors if p["payload"]["document"] == "a red lamp for the desk")
    check("vectors", max(abs(a - b) for a, b in zip(mine, kept)) < 1e-4)

    async with Client(server(COLLECTION_NAME="memory", QDRANT_SEARCH_LIMIT=2, QDRANT_READ_ONLY=True)) as session:
        check("read only", [tool.name for tool in await session.list_tools()] == ["qdrant-find"])
        check("limit", len(told(await call(session, "qdrant-find", query="wool"))) == 2)

    async with Client(server(QDRANT_ALLOW_ARBITRARY_FILTER=True)) as session:
        asked = {"must": [{"key": "metadata.room", "match": {"value": "hall"}}]}
        found = told(await call(session, "qdrant-find", query="gloves", collection_name="memory", query_filter=asked))
        check("a filter of the model's own", sorted(found) == sorted(t for t, m in memories.items() if m["room"] == "hall"))
        check("no such collection", told(await call(session, "qdrant-find", query="x", collection_name="nowhere")) == {})

    for name, kind, condition, value, holds in fields:
        field = FilterableField(name=name, description=name, field_type=kind, condition=condition)
        async with Client(server(COLLECTION_NAME="memory-filters", filterable_fields=[field])) as session:
            if name not in filled:
                send("DELETE", "/collections/memory-filters")
                for text, metadata in memories.items():
                    await call(session, "qdrant-store", information=text, metadata=metadata)
                schema = send("GET", "/collections/memory-filters")["result"]["payload_schema"]
                check(f"index of {name}", set(schema) == {"metadata." + name})
                filled.add(name)
            found = told(await call(session, "qdrant-find", query="something", **{name: value}))
            check(f"{name} {condition} {value}", sorted(found) == sorted(t for t, m in memories.items() if holds(m)))
            check(f"{name} left out", len(told(await call(session, "qdrant-find", query="something"))) == 4)
    for name in ("memory", "memory-filters", "tiny-models"):
        send("DELETE", f"/collections/{name}")
    finish()


filled = set()
asyncio.run(main())
