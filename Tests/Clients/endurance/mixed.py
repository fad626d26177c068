"""Searches, writes, alias switches and snapshots at once, for as long as one likes, beside an oracle of what was written."""

import array
import asyncio
import collections
import json
import random
import time

from server import Client, Server, share, unit

SIZE, KINDS, READERS = 64, ["a", "b", "c", "d"], 6


class Side:
    """One of the two collections, and what must be in it: `points` are id → vector, kind, number, batch."""

    def __init__(self, name, seed, most):
        self.name, self.generator, self.most = name, random.Random(seed), most
        self.points, self.next, self.batch = {}, 0, 0

    def some(self, count):
        return self.generator.sample(list(self.points), min(count, len(self.points)))

    def upsert(self, ids):
        self.batch += 1
        made = {i: (array.array("f", unit(self.generator, SIZE)), self.generator.choice(KINDS), self.generator.randrange(1000), self.batch)
                for i in ids}
        body = [{"id": i, "vector": list(v), "payload": {"home": self.name, "kind": kind, "n": n, "batch": batch}}
                for i, (v, kind, n, batch) in made.items()]
        return "PUT", "points", {"points": body}, lambda: self.points.update(made)

    def fresh(self, count):
        self.next += count
        return self.upsert(range(self.next - count, self.next))

    def write(self):
        """The next write: a call, and what is then to be noted."""
        turn = self.generator.random()
        if len(self.points) < self.most * 0.95 or turn < 0.2:
            return self.fresh(20)
        if turn < 0.5:
            return self.upsert(self.some(20))
        if turn < 0.75:
            ids, number = self.some(20), self.generator.randrange(1000)
            changed = {i: (*self.points[i][:2], number, self.points[i][3]) for i in ids}
            return "POST", "points/payload", {"points": ids, "payload": {"n": number}}, lambda: self.points.update(changed)
        if turn < 0.8:
            batch = self.points[self.some(1)[0]][3]
            gone = [i for i, point in self.points.items() if point[3] == batch]
            return "POST", "points/delete", {"filter": {"must": [{"key": "batch", "match": {"value": batch}}]}}, lambda: self.forget(gone)
        gone = self.some(20)
        return "POST", "points/delete", {"points": gone}, lambda: self.forget(gone)

    def forget(self, ids):
        for i in ids:
            self.points.pop(i, None)


class Mixed:
    def __init__(self, options):
        self.options, self.server = options, Server(options.belfry, options.files)
        self.sides = [Side(name, options.seed * 10 + i, options.points) for i, name in enumerate(("left", "right"))]
        self.generator, self.counts, self.said = random.Random(options.seed), collections.Counter(), []
        self.times, self.samples = [], []

    def fault(self, kind, what):
        self.counts[kind] += 1
        if len(self.said) < 10:
            self.said.append(f"{kind}: {what}")
            print("  " + self.said[-1][:400], flush=True)

    async def call(self, client, what, *arguments):
        """A call of the load: nil where it failed, which is counted."""
        try:
            status, body = await client.ask(*arguments, timeout=300)  # A busy machine is no fault; what is slow is seen in the figures.
        except OSError as error:
            return self.fault("broken", f"{what}: {error}")
        self.counts[what] += 1
        if status == 503:
            self.counts["503"] += 1
        elif status >= 400:
            self.fault("error", f"{what} {status}: {body[:200]}")
        return json.loads(body)["result"] if status < 400 else None

    async def reader(self, number):
        client, queries = Client(self.server.port), [unit(self.generator, SIZE) for _ in range(200)]
        for turn in range(10**9):
            wait = self.began + (number + turn * READERS) / self.options.rate - time.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if time.time() >= self.end:
                return client.close()
            kind, low = self.generator.choice(KINDS), self.generator.randrange(900)
            must = [[], [{"key": "kind", "match": {"value": kind}}],
                    [{"key": "kind", "match": {"value": kind}}, {"key": "n", "range": {"gte": low, "lt": low + 100}}]][turn % 3]
            body = {"query": queries[turn % 200], "limit": 10, "with_payload": True, **({"filter": {"must": must}} if must else {})}
            start = time.perf_counter()
            found = await self.call(client, ["search", "filtered search", "narrow search"][turn % 3], "POST", "/collections/live/points/query", body)
            self.times.append((time.perf_counter() - start) * 1000)
            if found is None:
                continue
            payloads = [point["payload"] for point in found["points"]]
            if len(payloads) != 10 or len({p["home"] for p in payloads}) != 1:
                self.fault("wrong", f"{len(payloads)} points of {set(p['home'] for p in payloads)} for {must}")
            if must and any(p["kind"] != kind or (len(must) > 1 and not low <= p["n"] < low + 100) for p in payloads):
                self.fault("wrong", f"{payloads} do not satisfy {must}")

    async def writer(self, side):
        client = Client(self.server.port)
        while time.time() < self.end:
            start = time.time()
            method, path, body, note = side.write()
            answer = await self.call(client, "write", method, f"/collections/{side.name}/{path}?wait=true", body)
            if answer is not None:
                note()
            await asyncio.sleep(max(0, 0.2 - (time.time() - start)))
        client.close()

    async def switcher(self):
        client = Client(self.server.port)
        for turn in range(10**9):
            await asyncio.sleep(1)
            if time.time() >= self.end:
                return client.close()
            actions = [{"delete_alias": {"alias_name": "live"}},
                       {"create_alias": {"alias_name": "live", "collection_name": self.sides[turn % 2].name}}]
            await self.call(client, "alias", "POST", "/collections/aliases", {"actions": actions})

    async def keeper(self):
        for turn in range(10**9):
            await asyncio.sleep(min(30, max(1, self.options.time / 20)))
            if time.time() >= self.end:
                return
            client, path = Client(self.server.port), f"/collections/{self.sides[turn % 2].name}/snapshots"
            made = await self.call(client, "snapshot", "POST", path, {})
            listed = await self.call(client, "snapshots", "GET", path)
            if made and listed is not None and made["name"] not in [one["name"] for one in listed]:
                self.fault("wrong", "a snapshot that was made is not listed")
            if made:
                await self.call(client, "snapshot gone", "DELETE", f"{path}/{made['name']}")
            client.close()

    async def sampler(self):
        marks = [0.1, 0.5, 1.0]
        while time.time() < self.end:
            await asyncio.sleep(max(0.1, min(10, self.end - time.time())))
            if self.server.process.poll() is not None:
                self.fault("dead", f"the server has ended: {self.server.process.returncode}")
                self.end = time.time()
                return
            part = (time.time() - self.began) / self.options.time
            self.samples.append((time.time() - self.began, *self.server.memory()))
            if marks and part >= marks[0] - 0.001:
                marks.pop(0)
                self.show(part)

    def show(self, part):
        _, resident, own = self.samples[-1]
        times, self.times = sorted(self.times) or [0], []
        size = self.server.disk()
        print(f"{part:4.0%}  resident {resident:.1f} MB, without files {own:.1f} MB, disk {size / 1e6:.1f} MB, "
              f"descriptors {self.server.descriptors()}, points {[len(s.points) for s in self.sides]}, "
              f"search p50 {share(times, 0.5):.1f} ms p99 {share(times, 0.99):.1f} ms max {times[-1]:.0f} ms", flush=True)

    def slope(self, column):
        """Megabytes an hour over the second half, by least squares."""
        half = [(s[0], s[column]) for s in self.samples if s[0] >= self.options.time / 2]
        if len(half) < 3:
            return float("nan")
        mean, level = (sum(s[i] for s in half) / len(half) for i in (0, 1))
        return 3600 * sum((t - mean) * (m - level) for t, m in half) / sum((t - mean) ** 2 for t, _ in half)

    async def load(self):
        client = Client(self.server.port)
        for side in self.sides:
            await client.must("PUT", f"/collections/{side.name}", {"vectors": {"size": SIZE, "distance": "Cosine"}})
            for field, schema in (("kind", "keyword"), ("n", "integer")):
                await client.must("PUT", f"/collections/{side.name}/index?wait=true", {"field_name": field, "field_schema": schema})
            while len(side.points) < side.most:
                method, path, body, note = side.fresh(500)
                await client.must(method, f"/collections/{side.name}/{path}?wait=true", body, timeout=300)
                note()
        await client.must("POST", "/collections/aliases", {"actions": [{"create_alias": {"alias_name": "live", "collection_name": "left"}}]})
        client.close()
        self.began = time.time()
        self.end = self.began + self.options.time
        work = [self.reader(i) for i in range(READERS)] + [self.writer(side) for side in self.sides]
        await asyncio.gather(*work, self.switcher(), self.keeper(), self.sampler())

    async def compare(self, side, when):
        """Counts, ids and payloads beside the oracle."""
        client, seen, offset = Client(self.server.port), {}, None
        count = (await client.must("POST", f"/collections/{side.name}/points/count", {"exact": True}))["count"]
        while True:
            page = await client.must("POST", f"/collections/{side.name}/points/scroll", {"limit": 1000, "offset": offset})
            seen.update((p["id"], (p["payload"]["kind"], p["payload"]["n"], p["payload"]["batch"])) for p in page["points"])
            offset = page["next_page_offset"]
            if offset is None:
                break
        client.close()
        wanted = {i: point[1:] for i, point in side.points.items()}
        differ = sum(seen.get(i) != wanted.get(i) for i in seen.keys() | wanted.keys())
        print(f"{side.name} {when}: count {count}, written {len(wanted)}, different {differ}", flush=True)
        if count != len(wanted) or differ:
            self.fault("wrong", f"{side.name} is not what was written")

    async def recall(self, side):
        client, path, found = Client(self.server.port), f"/collections/{side.name}/points/query", 0
        for number in range(200):
            query = unit(self.generator, SIZE)
            exact, near = [(await client.must("POST", path, {"query": query, "limit": 10, "params": {"exact": is_exact}}))["points"]
                           for is_exact in (True, False)]
            found += len({p["id"] for p in exact} & {p["id"] for p in near})
            if number < 5:  # And what exact means, by ourselves.
                mine = sorted((sum(a * b for a, b in zip(query, point[0])) for point in side.points.values()), reverse=True)[:10]
                if len(exact) != 10 or max(abs(p["score"] - m) for p, m in zip(exact, mine)) > 1e-4:
                    self.fault("wrong", f"an exact search of {side.name} does not find what is nearest")
        client.close()
        print(f"{side.name}: recall@10 of 200 searches {found / 2000:.3f}", flush=True)
        if found < 0.9 * 2000:
            self.fault("wrong", "recall is below 0.9")

    async def run(self):
        try:
            await self.load()
            taken = {name: self.counts[name] for name in sorted(self.counts) if name not in ("error", "broken", "wrong", "503", "dead")}
            print("carried out: " + ", ".join(f"{count} {name}" for name, count in taken.items()))
            print(f"slope of the second half: resident {self.slope(1):+.1f}, without files {self.slope(2):+.1f} MB an hour "
                  f"({len(self.samples)} samples)", flush=True)
            print("quiet after the load" if await self.server.quiet() else "not quiet five minutes after the load")
            for side in self.sides:
                await self.compare(side, "at the end")
                await self.recall(side)
            code = self.server.stop()
            if code != 0:
                self.fault("error", f"it ends with {code}")
            self.server.start()
            for side in self.sides:
                await self.compare(side, "after a restart")
        finally:
            self.server.remove()
        bad = {kind: self.counts[kind] for kind in ("error", "broken", "wrong", "dead", "503")}
        print(f"errors {bad['error']}, broken connections {bad['broken']}, wrong answers {bad['wrong']}, 503 {bad['503']}")
        return not any(bad.values())


async def run(options):
    return await Mixed(options).run()
