"""What a language model's client does with `/mcp`, by the official package: python tools.py URL"""
import asyncio
import json
import random
import sys
import urllib.request

from mcp import ClientSession

from checks import check, finish

try:
    from mcp.client.streamable_http import streamable_http_client as connect
except ImportError:
    from mcp.client.streamable_http import streamablehttp_client as connect

url = sys.argv[1]


def put(path, body):
    request = urllib.request.Request(url + path, method="PUT", data=json.dumps(body).encode(), headers={"content-type": "application/json"})
    urllib.request.urlopen(request).read()


async def main():
    random.seed(1)
    put("/collections/tools", {"vectors": {"size": 4, "distance": "Cosine"}})
    put("/collections/tools/points?wait=true", {"points": [
        {"id": i, "vector": [random.gauss(0, 1) for _ in range(4)], "payload": {"sales": i, "kind": "ab"[i % 2]}} for i in range(100)]})
    async with connect(url + "/mcp") as streams:
        async with ClientSession(streams[0], streams[1]) as session:
            await session.initialize()
            tools = (await session.list_tools()).tools
            check("tools", [t.name for t in tools] == ["search", "similar", "recommend", "explain", "stats"])

            async def call(name, **arguments):
                result = await session.call_tool(name, arguments)
                wrong = getattr(result, "is_error", None) if hasattr(result, "is_error") else result.isError
                return wrong, result.content[0].text if wrong else json.loads(result.content[0].text)

            check("stats", "tools" in (await call("stats"))[1]["collections"])
            check("stats of one", (await call("stats", collection="tools"))[1]["points"] == 100)
            wrong, found = await call("similar", collection="tools", id=7, limit=5, filter="kind = 'a' and sales > 50")
            check("similar", not wrong and len(found["points"]) == 5 and all(p["payload"]["kind"] == "a" for p in found["points"]))
            wrong, found = await call("recommend", collection="tools", user="u", popular="sales", limit=2)
            check("recommend", [p["id"] for p in found["points"]] == [99, 98] and found["sources"][0]["passed_over"])
            check("explain", (await call("explain", collection="tools", id=7))[1]["evaluations"] == 100)
            wrong, text = await call("search", collection="tools", text="gloves")
            check("search without a tower", wrong and "tower" in text)
            check("a mistake in a filter", (await call("similar", collection="tools", id=7, filter="kind ="))[0])
            await session.send_ping()
    finish()


asyncio.run(main())
