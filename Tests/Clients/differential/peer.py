"""Qdrant's engine in this process (qdrant-edge-py), asked with the bodies of its REST interface.

What the engine's Python interface leaves to the server is done here as the server does it: ids become vectors, examples are
no answers, the mean of examples, groups. What its indexes would hide is kept out of the way: conditions are checked on
payloads but for texts; orders and facets are asked of a second shard that has the payload once for each kind of index.

What is asked is a shard made of the points as they are after all changes: the engine's sparse index finds vectors that were changed
by terms that they have no more.

Booleans arrive as numbers through Python: a field `flag` has a twin of texts here. Numbers like 4.0 are whole numbers in Belfry
and fractions in Qdrant: here they are written as whole ones.
"""

import json
import tempfile
import uuid

import numpy as np
import qdrant_edge as q

from making import FACETS, ORDERS, TEXTS

U = q.UpdateOperation
METRICS = {"Cosine": q.Distance.Cosine, "Dot": q.Distance.Dot, "Euclid": q.Distance.Euclid}
EXACT = q.SearchParams(exact=True)
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


def values(payload, path):
    """The values at a path; of a list there, its elements."""
    found = [payload]
    for part in path.split("."):
        found = [f[part.removesuffix("[]")] for f in found if isinstance(f, dict) and part.removesuffix("[]") in f]
        if part.endswith("[]"):
            found = [e for f in found if isinstance(f, list) for e in f]
    return [e for f in found for e in (f if isinstance(f, list) else [f])]


class Peer:
    def __init__(self, maker):
        self.spaces, self.folders = maker.spaces, []
        self.shard = self.made()
        self.without, self.known, self.has_twins, self.in_formula = frozenset(), {}, False, False

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
        self.known = {}
        payload = to_payload(body.get("payload", {}))
        if name in ("set_payload", "overwrite_payload") and body.get("key"):
            payload.pop("flag twin", None)
        if name == "upsert":
            self.shard.update(U.upsert_points([q.Point(to_id(p["id"]), self.named(p["vector"]), to_payload(p["payload"])) for p in body["points"]]))
        elif name == "overwrite_payload" and body.get("key"):
            # The engine overlooks the key, and overwrites everything: see `differences.WRITES`.
            ids = {"points": body["points"] if "points" in body else self.matching(body["filter"])}
            self.write("delete_payload", {"keys": [body["key"]]} | ids)
            self.write("set_payload", {"payload": body["payload"], "key": body["key"]} | ids)
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
        key, point = c["key"], lambda p: q.GeoPoint(lon=p["lon"], lat=p["lat"])
        if "match" in c:
            (kind, value), = c["match"].items()
            if isinstance(value, bool):
                key, value = '"flag twin"', str(value).lower()
            made = {"value": q.MatchValue, "any": q.MatchAny, "except": q.MatchExcept, "text": q.MatchText, "text_any": q.MatchTextAny,
                    "phrase": q.MatchPhrase, "prefix": q.MatchPrefix, "substring": q.MatchSubstring}[kind](value)
            return q.FieldCondition(key, match=made)
        if "range" in c:
            times = any(isinstance(v, str) for v in c["range"].values())
            return q.FieldCondition(key, range=(q.RangeDateTime if times else q.RangeFloat)(**c["range"]))
        if "values_count" in c:
            return q.FieldCondition(key, values_count=q.ValuesCount(**c["values_count"]))
        if "geo_bounding_box" in c:
            b = c["geo_bounding_box"]
            return q.FieldCondition(key, geo_bounding_box=q.GeoBoundingBox(point(b["top_left"]), point(b["bottom_right"])))
        if "geo_radius" in c:
            return q.FieldCondition(key, geo_radius=q.GeoRadius(point(c["geo_radius"]["center"]), c["geo_radius"]["radius"]))
        if "geo_polygon" in c:
            rings = [[point(p) for p in ring["points"]] for ring in [c["geo_polygon"]["exterior"], *c["geo_polygon"]["interiors"]]]
            return q.FieldCondition(key, geo_polygon=q.GeoPolygon(rings[0], rings[1:]))
        name = "is_empty" if "is_empty" in c else "is_null"
        if "empty of several" in self.without:
            made = (q.IsEmptyCondition if name == "is_empty" else q.IsNullCondition)(key)
            return q.Filter(**{"must" if c[name] else "must_not": [made]})
        return q.FieldCondition(key, **{name: c[name]})

    def matching(self, f):
        """The points that a filter finds, in the order of ids."""
        name = json.dumps(f), self.without
        if name not in self.known:
            found, _ = self.shard.scroll(q.ScrollRequest(limit=ALL, filter=self.filter(f), with_payload=False))
            self.known[name] = [from_id(p.id) for p in found]
        return self.known[name]

    # MARK: queries

    def vector(self, example, using):
        """What a query starts from: a vector, or that of a point."""
        return self.vectors[example][using] if isinstance(example, (int, str)) else to_vector(example)

    def mean(self, query, using):
        kind, metric, _ = self.spaces[using]
        likes, unlikes = ([self.vector(e, using) for e in query.get(k, [])] for k in ("positive", "negative"))
        if kind == "sparse":
            sums = {}
            for vectors, factor in [(likes, 2 if unlikes else 1), (unlikes, -1)]:
                for v in vectors:
                    for index, value in zip(v.indices, v.values):
                        sums[index] = sums.get(index, 0) + factor * value / len(vectors)
            return q.SparseVector(sorted(sums), [sums[i] for i in sorted(sums)])
        if metric == "Cosine" and "mean of directions" in self.without:
            likes, unlikes = ([np.float32(v) / np.linalg.norm(np.float32(v)) for v in vectors] for vectors in (likes, unlikes))
        mean = np.mean(np.float32(likes), axis=0)
        return (2 * mean - np.mean(np.float32(unlikes), axis=0) if unlikes else mean).tolist()

    def referenced(self, body, below=True):
        """The points that a query and its prefetches start from."""
        found, query = [], body.get("query")
        if isinstance(query, dict):
            inner = query.get("recommend") or query.get("discover") or {}
            pairs = query.get("context") or inner.get("context") or []
            found = [query.get("nearest"), inner.get("target"), *inner.get("positive", []), *inner.get("negative", [])]
            found += [p[k] for p in pairs for k in ("positive", "negative")]
        else:
            found = [query]
        return [f for f in found if isinstance(f, (int, str))] + [f for p in body.get("prefetch", []) if below for f in self.referenced(p)]

    def scoring(self, body):
        query, using = body.get("query"), body.get("using", "")
        if query is None:
            return None
        if not isinstance(query, dict) or "indices" in query:
            return q.Query.Nearest(self.vector(query, using), using)
        if "nearest" in query:
            vector = self.vector(query["nearest"], using)
            if "mmr" in query:
                return q.Mmr(vector, 1 - query["mmr"]["diversity"], query["mmr"]["candidates_limit"], using)
            return q.Query.Nearest(vector, using)
        if "recommend" in query:
            asked = query["recommend"]
            if asked.get("strategy", "average_vector") == "average_vector":
                return q.Query.Nearest(self.mean(asked, using), using)
            made = q.RecommendQuery(*([self.vector(e, using) for e in asked.get(k, [])] for k in ("positive", "negative")))
            return (q.Query.RecommendBestScore if asked["strategy"] == "best_score" else q.Query.RecommendSumScores)(made, using)
        if "discover" in query or "context" in query:
            pairs = query["context"] if "context" in query else query["discover"]["context"]
            pairs = [q.ContextPair(self.vector(p["positive"], using), self.vector(p["negative"], using)) for p in pairs]
            if "context" in query:
                return q.Query.Context(q.ContextQuery(pairs), using)
            return q.Query.Discover(q.DiscoverQuery(self.vector(query["discover"]["target"], using), pairs), using)
        if "rrf" in query:
            return q.Fusion.Rrf(query["rrf"].get("k", 2), query["rrf"].get("weights"))
        if "fusion" in query:
            return q.Fusion.Dbsf() if query["fusion"] == "dbsf" else q.Fusion.Rrf(2)
        defaults = {self.variable(k): v for k, v in query.get("defaults", {}).items()}
        return q.Formula(self.expression(query["formula"]), defaults)

    def kept(self, body, below=True):
        """A query's filter, without the points that it starts from."""
        own = {to_id(i) for i in self.referenced(body, below)}
        parts = [self.filter(body["filter"])] if body.get("filter") else []
        return q.Filter(must=parts, must_not=[q.HasIdCondition(own)] if own else None) if parts or own else None

    def within(self, body):
        """A query whose threshold has become a filter, where it is of scores that are no distances."""
        by_examples = isinstance(body.get("query"), dict) and not {"nearest", "formula", "rrf", "fusion", "indices"} & set(body["query"])
        metric = self.spaces[body.get("using", "")][1] if by_examples else ""
        if "score_threshold" not in body or metric != "Euclid" or self.is_distance(body) or "threshold of examples" not in self.without:
            return body
        rest = {k: v for k, v in body.items() if k != "score_threshold"}
        passing = {"has_id": [i for i, s in self.ranked(rest) if s >= body["score_threshold"]]}
        return rest | {"filter": {"must": [passing] + ([body["filter"]] if body.get("filter") else [])}}

    def prefetch(self, body):
        body = self.within(body)
        return q.Prefetch(limit=body["limit"], query=self.scoring(body), prefetches=[self.prefetch(p) for p in body.get("prefetch", [])], params=EXACT,
                          filter=self.kept(body, False), score_threshold=body.get("score_threshold"))

    def ranked(self, body, limit=ALL):
        """All that a query finds, best first."""
        body = self.within(body)
        parts = body.get("prefetch", [])
        if parts and isinstance(body["query"], dict) and body["query"].get("fusion") == "dbsf" and "fused distances" in self.without:
            return self.fused(body)
        apart = parts and "examples of prefetches" in self.without
        kept = self.kept({"filter": body.get("filter")}, False) if apart else self.kept(body)
        found = self.shard.query(q.QueryRequest(
            limit=min(limit, ALL), query=self.scoring(body), prefetches=[self.prefetch(p) for p in parts], filter=kept,
            score_threshold=body.get("score_threshold"), params=EXACT))
        gone = set(self.referenced(body, False)) if apart else ()
        return [(from_id(p.id), p.score) for p in found if from_id(p.id) not in gone]

    def is_distance(self, body):
        query = body.get("query")
        by_mean = not isinstance(query, dict) or "nearest" in query or query.get("recommend", {}).get("strategy", "") == "average_vector"
        return query is not None and by_mean and self.spaces[body.get("using", "")][1] == "Euclid"

    def fused(self, body):
        """DBSF in which a smaller distance is better."""
        sums = {}
        for part in body["prefetch"]:
            outer = [f for f in (body.get("filter"), part.get("filter")) if f]
            if "examples of prefetches" not in self.without:
                outer.append({"must_not": [{"has_id": self.referenced(body)}]})
            found = self.ranked(part | {"filter": {"must": outer} if outer else None}, part["limit"])
            found = [(i, -s * s if self.is_distance(part) else s) for i, s in found]
            scores = np.array([s for _, s in found])
            mean, deviation = (scores.mean(), scores.std(ddof=1)) if len(found) > 1 else (0, 0)
            for i, s in found:
                sums[i] = sums.get(i, 0) + (0.5 + (s - mean) / (6 * deviation) if deviation > 0 else 0.5)
        least = body.get("score_threshold", -np.inf)
        return sorted(((i, float(s)) for i, s in sums.items() if s >= least), key=lambda f: -f[1])

    def ordered(self, order, f):
        """Each point once for each of its values."""
        kinds = ["f" if ORDERS[order["key"]] == "number" else "d"]
        if "numbers before times" in self.without:
            kinds = ["f", "d"]
        kept = q.Filter(must=[q.HasIdCondition({to_id(i) for i in self.matching(f)})]) if f else None
        for kind in kinds:
            made = q.OrderBy(f"{kind}.{order['key']}", q.Direction.Desc if order.get("direction") == "desc" else q.Direction.Asc, order.get("start_from"))
            found, _ = self.indexed.scroll(q.ScrollRequest(limit=ALL, filter=kept, order_by=made, with_payload=False))
            if found:
                return [(from_id(p.id), p.order_value) for p in found]
        return []

    def groups(self, body):
        """As the server makes them: a point belongs to each of its values' groups, to none if one of them is no text or whole number."""
        groups = {}
        for i, score in self.ranked(body):
            keys = values(self.payloads[i], body["group_by"])
            if any(isinstance(k, bool) or not isinstance(k, (str, int)) for k in keys):
                continue
            for key in dict.fromkeys(keys):
                if key in groups or len(groups) < body["limit"]:
                    groups.setdefault(key, []).append((i, score))
        return [(k, g[: body["group_size"]]) for k, g in groups.items()]

    def facet(self, key, f):
        kept = q.Filter(must=[q.HasIdCondition({to_id(i) for i in self.matching(f)})]) if f else None
        return {(type(h.value).__name__, h.value): h.count for kind in "kib"
                for h in self.indexed.facet(q.FacetRequest(f"{kind}.{key}", ALL, True, kept)).hits}

    def selected(self, i, with_payload):
        shown = q.PayloadSelector.Include(with_payload) if isinstance(with_payload, list) else with_payload
        if isinstance(shown, dict):
            shown = q.PayloadSelector.Include(shown["include"]) if "include" in shown else q.PayloadSelector.Exclude(shown["exclude"])
        found = dict(self.shard.retrieve([to_id(i)], with_payload=shown, with_vector=False)[0].payload or {})
        found.pop("flag twin", None)
        found.pop("twin", None)
        return found

    # MARK: formulas

    def variable(self, name):
        if name.startswith("$") or "null in a formula" not in self.without:
            return name
        if not self.has_twins:
            for i, payload in self.payloads.items():
                self.shard.update(U.set_payload([to_id(i)], {"twin": full(payload)}))
            self.has_twins = True
        return f"twin.{name}"

    def expression(self, e):
        X = q.Expression
        if isinstance(e, (int, float)):
            return X.Constant(e)
        if isinstance(e, str):
            return X.Variable(self.variable(e))
        kind = next(iter(e))
        one = lambda name="x": self.expression(e[kind][name])
        if kind in ("sum", "mult", "max", "min"):
            return getattr(X, kind.capitalize())([self.expression(p) for p in e[kind]])
        if kind in ("neg", "abs", "sqrt", "exp", "log10", "ln"):
            return getattr(X, kind.capitalize())(self.expression(e[kind]))
        if kind == "div":
            return X.Div(one("left"), one("right"), e[kind].get("by_zero_default"))
        if kind == "pow":
            return X.Pow(one("base"), one("exponent"))
        if kind.endswith("_decay"):
            decay = {"lin_decay": q.DecayKind.Lin, "exp_decay": q.DecayKind.Exp, "gauss_decay": q.DecayKind.Gauss}[kind]
            target = one("target") if e[kind].get("target") is not None else None
            return X.Decay(decay, one(), target, e[kind].get("midpoint"), e[kind].get("scale"))
        if kind == "geo_distance":
            return X.GeoDistance(q.GeoPoint(e[kind]["origin"]["lon"], e[kind]["origin"]["lat"]), self.variable(e[kind]["to"]))
        if kind == "datetime_key":
            return X.DatetimeKey(self.variable(e[kind]))
        if kind == "datetime":
            return X.Datetime(e[kind])
        self.in_formula = True
        made = X.Condition(self.condition(e))
        self.in_formula = False
        return made
