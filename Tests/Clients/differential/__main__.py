"""Asks Belfry's server and Qdrant's engine the same questions about the same made-up points.

    pip install qdrant-edge-py==0.9.0 numpy
    python Tests/Clients/differential --queries 20000 --seed 1 --belfry .build/release/belfry

A round makes a collection, changes it in both, compares all of it, and asks 200 questions. Answers must be the same up to the
order of equal scores, or different in a way that `differences.py` names. Exit status 1 where one is not.
"""

import argparse
import collections
import json
import signal
import sys
import time

import differences
from asking import FORMS, Asker
from comparing import place, same, same_vectors
from making import INDEXES, Maker
from peer import Peer
from server import Server

PER_ROUND = 200
COLUMNS = ["asked", "equal", "named", "unexplained", "empty"]


class Run:
    def __init__(self, queries, seed, belfry):
        self.queries, self.seed, self.server = queries, seed, Server(belfry)
        self.counts = {form: collections.Counter() for form in ["state", *FORMS]}
        self.names, self.shares, self.faults, self.asked, self.began = collections.Counter(), collections.Counter(), 0, 0, time.time()

    def all(self):
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            for number in range(-(-self.queries // PER_ROUND)):
                self.round(self.seed + number, min(PER_ROUND, self.queries - number * PER_ROUND))
        except KeyboardInterrupt:
            print("stopped; so far:")
        self.server.stop()

    def write(self, method, path, body):
        status, result = self.server.call(method, path, body)
        if status != 200:
            raise SystemExit(f"seed {self.at}: {method} {path} {json.dumps(body, ensure_ascii=False)[:2000]}: {status} {result}")

    # MARK: a round

    def round(self, seed, count):
        self.at, self.name, self.suspects = seed, f"c{seed}", set()
        maker = Maker(seed)
        r, path = maker.r, f"/collections/{self.name}"
        peer = Peer(maker)
        self.write("PUT", path, maker.config)
        indexed = r.sample(list(INDEXES), len(INDEXES) // 2) if r.random() < 0.5 else []
        late = r.random() < 0.5
        size, seals = r.choice([50, 100]), r.random() < 0.3
        for _ in range(r.choice([1, 1, 2, 2, 2, 3, 3, 4, 12]) * 100 // size):
            self.change(peer, "upsert", {"points": [maker.point() for _ in range(size)]})
        maker.ids = sorted(self.ids(peer), key=place)
        if not late:
            self.index(indexed)
        for _ in range(maker.changes):
            self.change(peer, *maker.change())
            maker.ids = sorted(self.ids(peer), key=place)
        if late:
            self.index(indexed)
        if seals:
            # What is in memory becomes a segment before a kind of vector is added.
            self.write("PUT", f"{path}/vectors/z?wait=true", {"dense": {"size": 2, "distance": "Dot"}})
            self.write("DELETE", f"{path}/vectors/z?wait=true", None)
            for _ in range(maker.changes // 4):
                self.change(peer, *maker.change())
                maker.ids = sorted(self.ids(peer), key=place)
        if r.random() < 0.3:
            self.server.stop()
            self.server.start()
        peer.settle()
        self.state(peer)
        asker, maker.errs = Asker(maker, peer), True
        for _ in range(count):
            self.ask(peer, *asker.question())
        peer.close()
        self.write("DELETE", path, None)

    def ids(self, peer):
        return peer.matching(None)

    def index(self, fields):
        for field in fields:
            self.write("PUT", f"/collections/{self.name}/index?wait=true", {"field_name": field, "field_schema": INDEXES[field]})

    def change(self, peer, name, body):
        batch = f"/collections/{self.name}/points/batch?wait=true"
        self.write("POST", batch, {"operations": [{name: body}]})
        peer.without = frozenset(differences.NAMED)
        difference = peer.write(name, body)
        if difference:
            self.names[difference] += 1
        peer.without = frozenset()

    def state(self, peer):
        """Whether both have the same points after all changes, payloads and vectors."""
        _, result = self.server.call("POST", f"/collections/{self.name}/points/scroll", {"limit": 1_000_000, "with_vector": True})
        ours = {p["id"]: p for p in result["points"]}
        count = self.counts["state"]
        wrong = {}
        for id in sorted(ours.keys() | set(peer.ids), key=place):
            if (id in ours) != (id in peer.payloads):
                wrong[id] = "only here" if id in ours else "only there"
                continue
            vectors = ours[id]["vector"] if isinstance(ours[id]["vector"], dict) else {"": ours[id]["vector"]}
            if not same_vectors(vectors, peer.vectors[id]):
                wrong[id] = f"vectors {vectors}, not {peer.vectors[id]}"
            elif not same(ours[id]["payload"], peer.payloads[id]):
                # Both get the peer's, so that questions are about the same points.
                self.write("PUT", f"/collections/{self.name}/points/payload?wait=true", {"points": [id], "payload": peer.payloads[id]})
                wrong[id] = f"payload {ours[id]['payload']}, not {peer.payloads[id]}"
        count["asked"] += 1
        count["unexplained" if wrong else "equal"] += 1
        for id, text in list(wrong.items())[:3]:
            self.fault("state", f"{id}: {text}")

    # MARK: a question

    def ask(self, peer, form, call, body):
        path = f"/collections/{self.name}/" + (call if call == "facet" else f"points/{call}".strip("/"))
        status, result = self.server.call("POST", path, body)
        name, difference = differences.verdict(peer, form, call, body, status, result)
        count = self.counts[form]
        count["asked"] += 1
        self.asked += 1
        if name:
            self.names[name] += 1
        count["named" if name else "unexplained" if difference else "equal"] += 1
        if status == 200:
            found = result.get("points", result.get("hits", result.get("groups", result.get("count")))) if isinstance(result, dict) else result
            count["empty"] += not found
        if body.get("filter"):
            share = len(peer.matching(body["filter"])) / max(1, len(peer.ids))
            self.shares[next(s for s in [0, 0.01, 0.1, 0.5, 0.999, 1] if share <= s)] += 1
        if difference:
            self.fault(f"{form}: POST {path}", f"{json.dumps(body, ensure_ascii=False)}\n  {difference}\n  {self.smallest(peer, body)}")
        self.progress()

    def smallest(self, peer, body):
        """The smallest condition, and a point, of which the two think differently."""
        found, peer.without = [], frozenset(differences.NAMED)
        for f in differences.filters(body):
            for condition in [f, *(c for c, nested in differences.conditions(f) if not nested)]:
                whole = {"must": [condition]}
                status, result = self.server.call("POST", f"/collections/{self.name}/points/scroll", {"filter": whole, "limit": 1_000_000, "with_payload": False})
                other = {p["id"] for p in result["points"]} ^ set(peer.matching(whole)) if status == 200 else {}
                found += [(len(json.dumps(condition)), json.dumps(condition, ensure_ascii=False), id) for id in sorted(other, key=str)[:1]]
        peer.without = frozenset()
        if not found:
            return ""
        _, condition, id = min(found, key=lambda f: f[0])
        return f"smallest: {condition}\n  of {id}: {json.dumps(peer.payloads[id], ensure_ascii=False)}"

    def fault(self, what, text):
        self.faults += 1
        if self.faults <= 40:
            print("\r\x1b[K" if sys.stdout.isatty() else "", f"seed {self.at}, {what} {text}", sep="", flush=True)

    def progress(self):
        if sys.stderr.isatty() and self.asked % 20 == 0:
            rate = self.asked / (time.time() - self.began)
            print(f"\r{self.asked}/{self.queries}, {rate:.0f}/s, {(self.queries - self.asked) / rate:.0f} s left ", end="", file=sys.stderr, flush=True)

    def report(self):
        print("\r\x1b[K" if sys.stderr.isatty() else "", f"{'':16}" + "".join(f"{c:>13}" for c in COLUMNS), sep="")
        total = sum((c for form, c in self.counts.items() if form != "state"), collections.Counter())
        for form, count in [*self.counts.items(), ("all questions", total)]:
            print(f"{form:16}" + "".join(f"{count[c]:>13}" for c in COLUMNS))
        whole = max(1, sum(self.shares.values()))
        print("share of the points that filters find: " + ", ".join(
            f"{text} {self.shares[s] / whole:.0%}" for s, text in
            [(0, "none"), (0.01, "to 1 %"), (0.1, "to 10 %"), (0.5, "to 50 %"), (0.999, "more"), (1, "all")]))
        for name, count in self.names.most_common():
            why = " ".join(differences.KNOWN[n][0] for n in name.split(" + "))
            print(f"{count:6} {name}: {why}")
        print(f"{self.asked} questions, seeds {self.seed} to {self.at}, {time.time() - self.began:.0f} s: {self.faults} unexplained")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--belfry", default=".build/release/belfry")
    options = parser.parse_args()
    run = Run(options.queries, options.seed, options.belfry)
    print(f"seed {options.seed}")
    run.all()
    run.report()
    sys.exit(1 if run.faults else 0)


main()
