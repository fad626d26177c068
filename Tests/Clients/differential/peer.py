"""Qdrant's engine in this process (qdrant-edge-py), asked with the bodies of its REST interface.

What the engine's Python interface leaves to the server is done here as the server does it: ids become vectors, examples are
no answers, the mean of examples, groups. What its indexes would hide is kept out of the way: conditions are checked on
payloads but for texts; orders and facets are asked of a second shard that has the payload once for each kind of index.

What is asked is a shard made of the points as they are after all changes: the engine's sparse index finds vectors that were changed
by terms that they have no more.

Booleans arrive as numbers through Python: a field `flag` has a twin of texts here. Numbers like 4.0 are whole numbers in Belfry
and fractions in Qdrant: here they are written as whole ones.
"""

import numpy as np
import qdrant_edge as q

from making import ORDERS
from store import ALL, U, Store, from_id, full, to_id, to_vector

EXACT = q.SearchParams(exact=True)


def values(payload, path):
    """The values at a path; of a list there, its elements."""
    found = [payload]
    for part in path.split("."):
        found = [f[part.removesuffix("[]")] for f in found if isinstance(f, dict) and part.removesuffix("[]") in f]
        if part.endswith("[]"):
            found = [e for f in found if isinstance(f, list) for e in f]
    return [e for f in found for e in (f if isinstance(f, list) else [f])]


class Peer(Store):
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
        left_out = self.left_out.get(id(body))
        body = self.within(body)
        kept = self.kept(body, False)
        if left_out:
            kept = q.Filter(must=[kept] if kept else None, must_not=[q.HasIdCondition({to_id(i) for i in left_out})])
        return q.Prefetch(limit=body["limit"], query=self.scoring(body), prefetches=[self.prefetch(p) for p in body.get("prefetch", [])], params=EXACT,
                          filter=kept, score_threshold=body.get("score_threshold"))

    def filtered(self, part, body):
        """A prefetch by itself, with the filter that the query around it gives it."""
        outer = [f for f in (body.get("filter"), part.get("filter")) if f]
        if "examples of prefetches" not in self.without:
            outer.append({"must_not": [{"has_id": self.referenced(body)}]})
        return part | {"filter": {"must": outer} if outer else None}

    def tied(self, part, body):
        """The points of a prefetch with the score of the last one that its limit lets through, and how many of them it does."""
        found = self.ranked(self.filtered(part, body), part["limit"] + 10)
        if len(found) <= part["limit"]:
            return [], 0
        last = found[part["limit"] - 1][1]
        tied = [place for place, (_, score) in enumerate(found) if abs(score - last) <= 1e-6 * max(1, abs(last))]
        return [found[place][0] for place in tied], sum(place < part["limit"] for place in tied)

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
            found = self.ranked(self.filtered(part, body), part["limit"])
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
