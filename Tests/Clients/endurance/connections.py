"""What 12,000 idle and slow connections cost those who search."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time

from server import Client, Server, busy, cpu_of, share, unit

SIZE, POINTS, READERS = 64, 100_000, 16


async def fill(client):
    generator = random.Random(1)
    await client.must("PUT", "/collections/crowd", {"vectors": {"size": SIZE, "distance": "Cosine"}})
    for first in range(0, POINTS, 1000):
        points = [{"id": i, "vector": unit(generator, SIZE)} for i in range(first, first + 1000)]
        await client.must("PUT", "/collections/crowd/points?wait=true", {"points": points}, timeout=300)


async def measure(port, rate, seconds, bodies):
    """Searches at a fixed rate: sorted milliseconds, and what went wrong. A search that begins late is counted from when it was due."""
    times, wrong, began = [], [], time.perf_counter() + 0.1

    async def reader(number):
        client = Client(port)
        for turn in range(int(rate * seconds / READERS)):
            due = began + (number + turn * READERS) / rate
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            start = time.perf_counter() if wait > 0 else due
            try:
                status, _ = await client.ask("POST", "/collections/crowd/points/query", bodies[(number + turn * READERS) % len(bodies)])
                if status != 200:
                    wrong.append(status)
            except OSError as error:
                wrong.append(str(error))
            times.append((time.perf_counter() - start) * 1000)
        client.close()

    await asyncio.gather(*(reader(i) for i in range(READERS)))
    return sorted(times), wrong


class Rounds:
    """Rounds on a machine that others use, too: one is waited for, or is void, while they take more than a fifth of a processor."""

    def __init__(self, server, options):
        self.server, self.options, self.faults, self.crowd = server, options, 0, None
        generator = random.Random(2)
        self.bodies = [json.dumps({"query": unit(generator, SIZE), "limit": 10}).encode() for _ in range(2000)]

    def spent(self):
        """Seconds of processors: the server's, and those of everybody who is not of this test."""
        server = self.server.cpu()
        mine = server + time.process_time() + (cpu_of(self.crowd.pid) if self.crowd else 0)
        return time.time(), server, busy() - mine

    @staticmethod
    def shares(before, after):
        return [(b - a) / (after[0] - before[0]) for a, b in zip(before[1:], after[1:])]

    async def round(self, crowded):
        """The 99th percentile of a round that counts."""
        for _ in range(200):
            before = self.spent()
            await asyncio.sleep(5)
            if self.shares(before, self.spent())[1] > 0.2:
                continue
            before = self.spent()
            times, wrong = await measure(self.server.port, self.options.rate, self.options.seconds, self.bodies)
            server, others = self.shares(before, self.spent())
            self.faults += len(wrong)
            print(f"{'crowded    ' if crowded else 'undisturbed'}  p50 {share(times, 0.5):6.2f} ms  p99 {share(times, 0.99):6.2f} ms  "
                  f"max {times[-1]:7.2f} ms  server {server:4.0%} of a processor, others {others:4.0%}  "
                  f"resident {self.server.memory()[0]:4.0f} MB  descriptors {self.server.descriptors():6}  "
                  f"wrong {len(wrong)} {wrong[:2] if wrong else ''}{'  (void)' if others > 0.2 else ''}", flush=True)
            if others <= 0.2:
                return share(times, 0.99)
        raise SystemExit("the machine is too busy for this test")

    async def all(self):
        results = []
        for _ in range(self.options.rounds):
            calm = await self.round(False)
            self.crowd = gather(self.server.port, self.options)
            try:
                results.append((calm, await self.round(True)))
            finally:
                print("   " + self.crowd.communicate()[0].strip())
                self.crowd = None
        calm, loud = (sorted(r[i] for r in results)[len(results) // 2] for i in (0, 1))
        print(f"median p99 undisturbed {calm:.2f} ms, crowded {loud:.2f} ms: {loud / calm:.2f} times (aim: at most 2)")
        return self.faults == 0 and loud <= 2 * calm


async def run(options):
    server = Server(options.belfry, options.files)
    try:
        client = Client(server.port)
        await fill(client)
        client.close()
        print(f"{POINTS:,} points × {SIZE}; {options.rate} searches a second by {READERS} clients, {options.seconds} s a round")
        print("quiet after merges" if await server.quiet() else "not quiet after five minutes: merges may disturb", flush=True)
        rounds = Rounds(server, options)
        await measure(server.port, options.rate, 5, rounds.bodies)
        return await rounds.all()
    finally:
        server.remove()


def gather(port, options):
    """The crowd, when all of it is there."""
    here = os.path.dirname(os.path.abspath(__file__))
    crowd = subprocess.Popen([sys.executable, here + "/crowd.py", str(port), str(options.idle), str(options.slow)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert crowd.stdout.readline().strip() == "ready", "the crowd does not come"
    return crowd
