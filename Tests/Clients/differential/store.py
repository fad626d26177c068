"""The points of Qdrant's engine: how they are written, and which of them a filter finds. See `peer.py`."""

import json
import sys
import tempfile
import uuid
from pathlib import Path

import qdrant_edge as q

from making import FACETS, ORDERS, TEXTS

sys.path.append(str(Path(__file__).parents[2] / "BelfryTests/Filter/Oracle"))
from engine import field_condition

U = q.UpdateOperation
METRICS = {"Cosine": q.Distance.Cosine, "Dot": q.Distance.Dot, "Euclid": q.Distance.Euclid}
ALL = 1_000_000


def to_id(i):
    return uuid.UUID(i) if isinstance(i, str) else i


def from_id(i):
    return i if isinstance(i, int) else str(i)


def to_vector(v):
    return q.SparseVector(v["indices"], v["values"]) if isinstance(v, dict) else v


def whole(value):
    if isinstance(value, dict):
        return {k: whole(v) for k, v in value.items()}
    if isinstance(value, list):
        return [whole(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_payload(payload):
    made = whole(payload)
    if "flag" in made:
        flags = made["flag"] if isinstance(made["flag"], list) else [made["flag"]]
        made["flag twin"] = [str(f).lower() for f in flags if isinstance(f, bool)]
    return made


def full(value):
    """Without nulls."""
    if isinstance(value, dict):
        return {k: full(v) for k, v in value.items() if v is not None}
    return [full(v) for v in value if v is not None] if isinstance(value, list) else value


class Store:
    def __init__(self, maker):
        self.spaces, self.folders = maker.spaces, []
        self.shard = self.made()
        self.without, self.known, self.has_twins, self.in_formula = frozenset(), {}, False, False
        # By the identities of prefetches: points that these leave out.
        self.left_out = {}

    def create(self, dense, sparse={}):
        self.folders.append(tempfile.TemporaryDirectory())
        return q.EdgeShard.create(self.folders[-1].name, q.EdgeConfig(
            vectors=dense, sparse_vectors=sparse, wal_enabled=False, on_disk_payload=False, max_search_threads=1))

    def made(self):
        """A shard without points."""
        dense, sparse = {}, {}
        for name, (kind, metric, size) in self.spaces.items():
            if kind == "sparse":
                sparse[name] = q.EdgeSparseVectorParams(**({"modifier": q.Modifier.Idf} if name == "t" else {}))
            else:
                several = {"multivector_config": q.MultiVectorConfig(q.MultiVectorComparator.MaxSim)} if kind == "multi" else {}
                dense[name] = q.EdgeVectorParams(size=size, distance=METRICS[metric], **several)
        shard = self.create(dense, sparse)
        for field in TEXTS:
            shard.update(U.create_field_index(field, q.TextIndexParams(tokenizer=q.TokenizerType.Word, lowercase=True, phrase_matching=True)))
        return shard

    # MARK: writing

    def write(self, name, body):
        """Writes as Belfry means it; returns the name of the difference, where that is not how the engine means it."""
        self.known = {}
        if name == "overwrite_payload" and body.get("key"):
            self.write_as_is(name, body)
            return "overwrite at a key"
        nulls = [k for k, v in body.get("payload", {}).items() if v is None] if name == "set_payload" and not body.get("key") else []
        bare = self.without_payload(body["points"] if "points" in body else self.matching(body["filter"])) if nulls else []
        self.write_as_is(name, body)
        if not bare:
            return None
        self.write_as_is("delete_payload", {"points": bare, "keys": nulls})
        return "null onto nothing"

    def without_payload(self, ids):
        """Which of some points have none."""
        among = q.Filter(must=[q.HasIdCondition({to_id(i) for i in ids})])
        found, _ = self.shard.scroll(q.ScrollRequest(limit=ALL, filter=among, with_payload=True, with_vector=False))
        return [from_id(p.id) for p in found if not p.payload]

    def write_as_is(self, name, body):
        payload = to_payload(body.get("payload", {}))
        if name in ("set_payload", "overwrite_payload") and body.get("key"):
            payload.pop("flag twin", None)
        if name == "upsert":
            self.shard.update(U.upsert_points([q.Point(to_id(p["id"]), self.named(p["vector"]), to_payload(p["payload"])) for p in body["points"]]))
        elif name == "overwrite_payload" and body.get("key"):
            # The engine overlooks the key, and overwrites everything: see `differences.OTHERS`.
            ids = {"points": body["points"] if "points" in body else self.matching(body["filter"])}
            self.write_as_is("delete_payload", {"keys": [body["key"]]} | ids)
            self.write_as_is("set_payload", {"payload": body["payload"], "key": body["key"]} | ids)
        elif name == "update_vectors":
            self.shard.update(U.update_vectors([q.PointVectors(to_id(p["id"]), self.named(p["vector"])) for p in body["points"]]))
        else:
            more = {"delete": lambda: [], "clear_payload": lambda: [], "delete_vectors": lambda: [body["vector"]], "delete_payload": lambda: [body["keys"]],
                    "set_payload": lambda: [payload, body.get("key")], "overwrite_payload": lambda: [payload, body.get("key")]}[name]()
            name = "delete_points" if name == "delete" else name
            if "points" in body:
                self.shard.update(getattr(U, name)([to_id(i) for i in body["points"]], *more))
            else:
                self.shard.update(getattr(U, f"{name}_by_filter")(self.filter(body["filter"]), *more))

    def named(self, vectors):
        return {n: to_vector(v) for n, v in vectors.items()}

    def settle(self):
        """After the last write: what is looked up by id, and the shard with indexes."""
        found, _ = self.shard.scroll(q.ScrollRequest(limit=ALL, with_payload=True, with_vector=True))
        # Anew: the engine's sparse index keeps the terms of vectors that were changed.
        self.shard.close()
        self.shard, self.known = self.made(), {}
        if found:
            self.shard.update(U.upsert_points([q.Point(p.id, p.vector, p.payload) for p in found]))
        self.ids = [from_id(p.id) for p in found]
        self.vectors = {from_id(p.id): p.vector if isinstance(p.vector, dict) else {"": p.vector} for p in found}
        self.payloads = {from_id(p.id): p.payload or {} for p in found}
        for payload in self.payloads.values():
            payload.pop("flag twin", None)
        self.indexed = self.create({"": q.EdgeVectorParams(size=1, distance=q.Distance.Dot)})
        kind = q.PayloadSchemaType
        for path in sorted(set(ORDERS) | set(FACETS)):
            for start, schema in [("k", kind.Keyword), ("i", kind.Integer), ("b", kind.Bool), ("f", kind.Float), ("d", kind.Datetime)]:
                self.indexed.update(U.create_field_index(f"{start}.{path}", schema))
        if self.ids:
            self.indexed.update(U.upsert_points([q.Point(to_id(i), [1.0], {s: p for s in "kibfd"}) for i, p in self.payloads.items()]))

    def close(self):
        self.shard.close()
        self.indexed.close()
        for folder in self.folders:
            folder.cleanup()

    # MARK: filters

    def filter(self, f, nested=False):
        if f is None:
            return None
        f = dict(f)
        if nested and f.get("should") == [] and "empty should" in self.without:
            del f["should"]
        made = {k: [self.condition(c, nested) for c in f[k]] for k in ("must", "should", "must_not") if k in f}
        if "min_should" in f:
            made["min_should"] = q.MinShould([self.condition(c, nested) for c in f["min_should"]["conditions"]], f["min_should"]["min_count"])
        return q.Filter(**made)

    def condition(self, c, nested=False):
        if "key" not in c:
            if "is_empty" in c:
                return q.IsEmptyCondition(c["is_empty"]["key"])
            if "is_null" in c:
                return q.IsNullCondition(c["is_null"]["key"])
            if "has_id" in c:
                return q.HasIdCondition({to_id(i) for i in c["has_id"]})
            if "has_vector" in c and self.in_formula and "has_vector in a formula" in self.without:
                return q.HasIdCondition({to_id(i) for i, v in self.vectors.items() if c["has_vector"] in v})
            if "has_vector" in c:
                return q.HasVectorCondition(c["has_vector"])
            if "nested" in c:
                return q.NestedCondition(c["nested"]["key"], self.filter(c["nested"]["filter"], True))
            return self.filter(c, nested)
        if "match" in c:
            (kind, value), = c["match"].items()
            if isinstance(value, bool):
                c = {"key": '"flag twin"', "match": {kind: str(value).lower()}}
        name = next((n for n in ("is_empty", "is_null") if n in c), None)
        if name and "empty of several" in self.without:
            made = (q.IsEmptyCondition if name == "is_empty" else q.IsNullCondition)(c["key"])
            return q.Filter(**{"must" if c[name] else "must_not": [made]})
        return field_condition(c)

    def matching(self, f):
        """The points that a filter finds, in the order of ids."""
        name = json.dumps(f), self.without
        if name not in self.known:
            found, _ = self.shard.scroll(q.ScrollRequest(limit=ALL, filter=self.filter(f), with_payload=False))
            self.known[name] = [from_id(p.id) for p in found]
        return self.known[name]
