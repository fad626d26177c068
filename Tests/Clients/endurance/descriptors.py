"""A server that may have 256 descriptors, and a thousand who connect at once."""

import asyncio
import random
import socket
import time

from server import Client, Server, unit


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def __call__(self, what, holds):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(("ok      " if holds else "failed  ") + what, flush=True)


def points(generator, first):
    return {"points": [{"id": i, "vector": unit(generator, 16), "payload": {"n": i}} for i in range(first, first + 100)]}


async def tried(client, *call):
    try:
        return (await client.ask(*call, timeout=10))[0]
    except OSError as error:
        return f"broken ({error})"


async def run(options):
    server, check, generator = Server(options.belfry, 256), Checks(), random.Random(3)
    written = 0
    try:
        early = Client(server.port)  # It is there before the others.
        await early.must("PUT", "/collections/few", {"vectors": {"size": 16, "distance": "Dot"}})
        await early.must("PUT", "/collections/few/points?wait=true", points(generator, 0))
        written += 100
        for turn in range(options.rounds):
            crowd = []
            for _ in range(1000):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", server.port))
                crowd.append(one)
            await asyncio.sleep(1)
            before, clock = server.cpu(), time.time()
            await asyncio.sleep(5)
            cpu, passed = server.cpu() - before, time.time() - clock
            check(f"{server.descriptors()} descriptors are open: {cpu:.2f} s of a processor in {passed:.1f} s", cpu < 0.2 * passed)
            answered = 0
            for one in crowd:
                try:
                    one.send(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                except OSError:
                    pass
            await asyncio.sleep(2)
            for one in crowd:
                try:
                    answered += one.recv(4096).startswith(b"HTTP/1.1 200")
                except OSError:
                    pass
            print(f"        {answered} of a thousand have an answer")
            search = await tried(early, "POST", "/collections/few/points/query", {"query": [1] * 16})
            write = await tried(early, "PUT", "/collections/few/points?wait=true", points(generator, written))
            print(f"        who was there before: a search {search}, a write {write}")
            written += 100 if write == 200 else 0
            for one in crowd:
                one.close()
            closed = time.time()
            while not server.is_ready(1) and time.time() - closed < 30 and server.process.poll() is None:
                await asyncio.sleep(0.1)
            check(f"it answers again {time.time() - closed:.1f} s after they have closed", server.is_ready())
            check("it lives", server.process.poll() is None)
            late = Client(server.port)
            check("a search", await tried(late, "POST", "/collections/few/points/query", {"query": [1] * 16}) == 200)
            check("a write", await tried(late, "PUT", "/collections/few/points?wait=true", points(generator, written)) == 200)
            written += 100
            found = (await late.must("POST", "/collections/few/points/count", {"exact": True}))["count"]
            check(f"all {written} points that were taken are there", found == written)
            late.close()
        check(f"it ends when told: exit code {server.stop()}", server.process.returncode == 0)
        server.start()
        found = (await Client(server.port).must("POST", "/collections/few/points/count", {"exact": True}))["count"]
        check("and has all points when it is started again", found == written)
    finally:
        server.remove()
    print(f"{check.passed} passed, {check.failed} failed")
    return check.failed == 0
