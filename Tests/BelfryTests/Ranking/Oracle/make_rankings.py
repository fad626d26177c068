"""Writes the golden file of RankingOracleTests: made-up points and queries, and what Qdrant's engine answers.

    python -m venv venv && venv/bin/pip install qdrant-edge-py==0.9.0
    venv/bin/python make_rankings.py ../../Fixtures/rankings.json

The engine runs inside the process. Numbers that go in are eighths and the like, which f32 has exactly. Where two candidates
are so close that rounding decides, the case is left out.

Not made, because this engine's Python interface does not have them: groups, recommendations by an average vector. A formula
is evaluated on one point at a time, since an error on one is an error of the query.
"""

import json
import math
import random
import struct
import sys
import tempfile

import qdrant_edge as q

r = random.Random(20261130)
METRICS = {"ip": q.Distance.Dot, "l2": q.Distance.Euclid, "cosine": q.Distance.Cosine}


def shard(points, metric="ip", indexes=(), dimension=4):
    made = q.EdgeShard.create(tempfile.mkdtemp(), q.EdgeConfig(vectors={"": q.EdgeVectorParams(size=dimension, distance=METRICS[metric])}))
    for field, kind in indexes:
        made.update(q.UpdateOperation.create_field_index(field, kind))
    made.update(q.UpdateOperation.upsert_points([q.Point(n, p["vector"], p.get("payload", {})) for n, p in enumerate(points)]))
    return made


def vector():
    while True:
        made = [r.randint(-16, 16) / 8 for _ in range(4)]
        if any(made):
            return made


def short(x):
    """The shortest digits that give the same f32."""
    for digits in range(1, 10):
        text = f"{x:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == x:
            return float(text)
    return x


def answers(found):
    return [[p.id, short(p.score)] for p in found]


def similarity(metric, a, b):
    dot = sum(x * y for x, y in zip(a, b))
    if metric == "ip":
        return dot
    if metric == "l2":
        return -sum((x - y) ** 2 for x, y in zip(a, b))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


# MARK: fusion


def fusions():
    points = [{"vector": vector()} for _ in range(40)]
    engine = shard(points)
    cases = []
    while len(cases) < 80:
        queries = [(vector(), r.choice([1, 2, 5, 8, 12])) for _ in range(r.randint(1, 4))]
        lists = [answers(engine.query(q.QueryRequest(limit=n + 1, query=q.Query.Nearest(v)))) for v, n in queries]
        if any(len(set(s for _, s in l)) < len(l) for l in lists):
            continue  # places, or who is among the first, would be a matter of chance
        lists = [l[:-1] for l in lists]
        if r.random() < 0.5:
            case, fusion = {"fusion": "dbsf"}, q.Fusion.Dbsf()
        else:
            k = r.choice([1, 2, 3, 60])
            weights = r.choice([None, [r.choice([0, 0.25, 0.5, 1, 3, 7.5]) for _ in lists]])
            case, fusion = {"rrf": {"k": k, "weights": weights}}, q.Fusion.Rrf(k, weights)
        prefetches = [q.Prefetch(limit=n, query=q.Query.Nearest(v)) for v, n in queries]
        found = engine.query(q.QueryRequest(limit=100, query=fusion, prefetches=prefetches))
        cases.append({"query": case, "lists": lists, "found": sorted(answers(found))})
    return cases


# MARK: formulas

DAYS = ["2026-01-01", "2026-01-02T03:04:05.5Z", "2025-12-31T23:00:00-02:00", "1969-07-20"]
X = q.Expression


def number():
    return r.choice([r.randint(-3, 12), r.randint(-24, 24) / 8, 0, 1, 2])


def place():
    return {"lat": r.randint(-720, 720) / 8, "lon": r.randint(-1440, 1440) / 8}


def payload():
    odd = ["x", {"lat": 91, "lon": 0}, {"lat": 1}, "2026-13-01", [], [1, 2], {}, ["2026-01-02"]]
    made = {
        "a": number(), "b": r.choice([number(), [number()], [number(), number()], []]), "day": r.choice(DAYS), "place": place(),
        "stock": [{"left": number()} for _ in range(r.randint(0, 2))], "brand": r.choice(["Acme", "Bolt"]), "in": {"n": number()},
    }
    return {k: r.choice(odd) if r.random() < 0.06 else v for k, v in made.items() if r.random() < 0.85}


def condition():
    kind = r.choice(["match", "range", "empty", "id", "filter"])
    if kind == "match":
        value = r.choice(["Acme", "Bolt"])
        return {"key": "brand", "match": {"value": value}}, q.FieldCondition("brand", match=q.MatchValue(value))
    if kind == "range":
        limit = number()
        return {"key": "a", "range": {"gt": limit}}, q.FieldCondition("a", range=q.RangeFloat(gt=limit))
    if kind == "empty":
        return {"is_empty": {"key": "b"}}, q.IsEmptyCondition("b")
    if kind == "id":
        ids = r.sample(range(24), 10)
        return {"has_id": ids}, q.HasIdCondition(set(ids))
    (a, x), (b, y) = condition(), condition()
    return {"must": [a], "must_not": [b]}, q.Filter(must=[x], must_not=[y])


def expression(depth):
    """The wire form and the engine's."""
    if depth == 0 or r.random() < 0.12:
        kind = r.choice(["number", "number", "score", "score", "field", "field", "field", "condition", "place", "day", "time"])
        if kind == "number":
            n = number()
            return n, X.Constant(n)
        if kind == "score":
            name = r.choice(["$score", "$score[0]", "$score[1]", "$score[2]", "$score[3]"])
            return name, X.Variable(name)
        if kind == "field":
            name = r.choice(["a", "a", "b", "b[]", "b[0]", "stock[].left", "stock[0].left", "in.n", "none", "c"])
            return name, X.Variable(name)
        if kind == "condition":
            wire, engine = condition()
            return wire, X.Condition(engine)
        if kind == "place":
            p = place()
            return {"geo_distance": {"origin": p, "to": "place"}}, X.GeoDistance(q.GeoPoint(p["lon"], p["lat"]), "place")
        if kind == "day":
            return {"datetime_key": "day"}, X.DatetimeKey("day")
        day = r.choice(DAYS)
        return {"datetime": day}, X.Datetime(day)
    kind = r.choice(["sum", "sum", "mult", "mult", "max", "min", "neg", "abs", "sqrt", "exp", "log10", "ln", "acosh", "div", "div", "pow", "lin", "exp_decay", "gauss"])
    if kind in ("sum", "mult", "max", "min"):
        parts = [expression(depth - 1) for _ in range(r.choice([1, 2, 2, 3]) if kind in ("max", "min") else r.choice([0, 1, 2, 2, 3]))]
        return {kind: [w for w, _ in parts]}, getattr(X, kind.capitalize())([e for _, e in parts])
    if kind == "div":
        (a, x), (b, y) = expression(depth - 1), expression(depth - 1)
        zero = r.choice([None, number()])
        return {"div": {"left": a, "right": b, "by_zero_default": zero}}, X.Div(x, y, zero)
    if kind == "pow":
        (a, x), (b, y) = expression(depth - 1), expression(depth - 1)
        return {"pow": {"base": a, "exponent": b}}, X.Pow(x, y)
    if kind in ("lin", "exp_decay", "gauss"):
        (a, x) = expression(depth - 1)
        (b, y) = r.choice([(None, None), expression(depth - 1)])
        scale, midpoint = r.choice([None, 0.5, 2, 86400]), r.choice([None, 0.25, 0.75])
        name, decay = {"lin": ("lin_decay", q.DecayKind.Lin), "exp_decay": ("exp_decay", q.DecayKind.Exp), "gauss": ("gauss_decay", q.DecayKind.Gauss)}[kind]
        return {name: {"x": a, "target": b, "scale": scale, "midpoint": midpoint}}, X.Decay(decay, x, y, midpoint, scale)
    (a, x) = expression(depth - 1)
    return {kind: a}, getattr(X, kind.capitalize())(x)


def formulas():
    points = [{"vector": vector(), "payload": payload()} for _ in range(24)]
    engine = shard(points)
    queries = [vector(), vector()]

    def prefetch(query, n):
        return q.Prefetch(limit=1, query=q.Query.Nearest(query), filter=q.Filter(must=[q.HasIdCondition({n})]))

    # The second search finds only points with an even number.
    for n, p in enumerate(points):
        p["scores"] = [similarity("ip", p["vector"], v) if n % 2 == 0 or i == 0 else None for i, v in enumerate(queries)]
    cases, errors = [], 0
    while len(cases) < 400:
        wire, made = expression(r.choice([0, 1, 1, 2, 2, 3]))
        defaults = {k: v for k, v in {"a": number(), "b": number(), "c": number(), "$score[3]": number(), "day": r.choice(DAYS), "place": place(), "$score[1]": number()}.items() if r.random() < 0.5}
        if len(json.dumps(wire)) > 500:
            continue
        found = []
        some = r.sample(range(len(points)), 6)
        for n in some:
            prefetches = [prefetch(queries[0], n)] + ([prefetch(queries[1], n)] if n % 2 == 0 else [q.Prefetch(limit=1, query=q.Query.Nearest(queries[1]), filter=q.Filter(must=[q.HasIdCondition({999})]))])
            try:
                score, = engine.query(q.QueryRequest(limit=1, query=q.Formula(made, defaults), prefetches=prefetches))
                found.append([n, short(score.score)])
            except Exception:
                found.append([n, None])
        failed = sum(s is None for _, s in found)
        if failed == len(found) and r.random() < 0.9:
            continue
        cases.append({"formula": wire, "defaults": defaults, "found": found})
    return {"points": [{"payload": p["payload"], "scores": p["scores"]} for p in points], "cases": cases}


# MARK: examples


def examples():
    points = [{"vector": vector()} for _ in range(24)]
    engines = {m: shard(points, m) for m in METRICS}
    cases = []
    while len(cases) < 180:
        metric = r.choice(list(METRICS))
        kind = r.choice(["best_score", "sum_scores", "discover", "context"])
        near = lambda a, b: any(abs(similarity(metric, a, p["vector"]) - similarity(metric, b, p["vector"])) < 1e-5 for p in points) and metric == "cosine"
        if kind in ("best_score", "sum_scores"):
            positives, negatives = [vector() for _ in range(r.randint(0, 3))], [vector() for _ in range(r.randint(0, 3))]
            if not positives and not negatives or any(near(a, b) for a in positives for b in negatives):
                continue
            made = q.RecommendQuery(positives, negatives)
            query = (q.Query.RecommendBestScore if kind == "best_score" else q.Query.RecommendSumScores)(made)
            case = {"positives": positives, "negatives": negatives}
        else:
            pairs = [(vector(), vector()) for _ in range(r.randint(0 if kind == "discover" else 1, 3))]
            if any(near(a, b) for a, b in pairs):
                continue
            context = [q.ContextPair(a, b) for a, b in pairs]
            target = vector()
            query = q.Query.Discover(q.DiscoverQuery(target, context)) if kind == "discover" else q.Query.Context(q.ContextQuery(context))
            case = {"pairs": pairs} | ({"target": target} if kind == "discover" else {})
        found = engines[metric].query(q.QueryRequest(limit=100, query=query))
        cases.append({"metric": metric, "kind": kind} | case | {"scores": [s for _, s in sorted(answers(found))]})
    return {"points": [p["vector"] for p in points], "cases": cases}


# MARK: diversity


def clear(metric, vectors, query, share, count):
    """The order by maximal marginal relevance, if no choice is a close one."""
    relevance = [similarity(metric, v, query) for v in vectors]
    chosen, left = [], list(range(len(vectors)))
    while left and len(chosen) < count:
        value = {c: relevance[c] if not chosen else share * relevance[c] - (1 - share) * max(similarity(metric, vectors[c], vectors[s]) for s in chosen) for c in left}
        ranked = sorted(left, key=lambda c: -value[c])
        if len(ranked) > 1 and value[ranked[0]] - value[ranked[1]] < 1e-4:
            return None
        chosen.append(ranked[0])
        left.remove(ranked[0])
    return chosen


def diversities():
    points = [{"vector": vector()} for _ in range(60)]
    engines = {m: shard(points, m) for m in METRICS}
    cases = []
    while len(cases) < 90:
        metric, query, diversity, limit, answered = r.choice(list(METRICS)), vector(), r.randint(0, 8) / 8, r.choice([1, 5, 12, 40]), r.choice([1, 5, 12, 40])
        found = engines[metric].query(q.QueryRequest(limit=limit + 1, query=q.Query.Nearest(query)))
        candidates = [p.id for p in sorted(found[:limit], key=lambda p: (p.score if metric == "l2" else -p.score, p.id))]
        if abs(found[limit - 1].score - found[limit].score) < 1e-4:
            continue
        order = clear(metric, [points[c]["vector"] for c in candidates], query, 1 - diversity, answered)
        if order is None:
            continue
        made = engines[metric].query(q.QueryRequest(limit=answered, query=q.Mmr(query, 1 - diversity, limit)))
        cases.append({"metric": metric, "query": query, "mmr": {"diversity": diversity, "candidates_limit": limit}, "candidates": candidates, "limit": answered, "found": [p.id for p in made]})
    return {"points": [p["vector"] for p in points], "cases": cases}


# MARK: orders and facets


def catalogue():
    def some(make):
        return r.choice([make, make, lambda: [make() for _ in range(r.randint(0, 3))]])()

    points = []
    for _ in range(80):
        made = {
            "n": some(lambda: r.choice([r.randint(-3, 6), r.randint(-6, 6) / 2, 2**53 + 1, -(2**53) - 1, "4"])),
            "day": some(lambda: r.choice(DAYS + ["2026-01-01T00:00:00.000001Z", "never", 5])),
            "brand": some(lambda: r.choice(["Acme", "Bolt", "acme", "Åse", "Ǻ", "", 5])),
            "left": some(lambda: r.choice([1, 2, 3, -1, "1"])), "new": some(lambda: r.choice([True, False, "true"])),
            "stock": [{"shop": r.choice(["north", "south"])} for _ in range(r.randint(0, 3))],
        }
        points.append({"vector": [1.0] * 4, "payload": {k: v for k, v in made.items() if r.random() < 0.8}})
    kind = q.PayloadSchemaType
    facets = {"brand": kind.Keyword, "left": kind.Integer, "new": kind.Bool, "stock[].shop": kind.Keyword}
    counted = shard(points, indexes=list(facets.items()))
    cases = {"points": [p["payload"] for p in points], "orders": [], "facets": []}
    for name, key, index, starts in [("integers", "n", kind.Integer, [2, -1.5, 100]), ("floats", "n", kind.Float, [2, -1.5, 2**53]), ("times", "day", kind.Datetime, ["2026-01-01", "2025-06-01T00:00:00Z"])]:
        engine = shard(points, indexes=[(key, index)])
        for direction in ("asc", "desc"):
            for start in [None] + starts:
                order = q.OrderBy(key, q.Direction.Asc if direction == "asc" else q.Direction.Desc, start)
                found, _ = engine.scroll(q.ScrollRequest(limit=1000, order_by=order, with_payload=False))
                # Which of equal ones comes first is a matter of chance.
                values = [p.order_value for p in found]
                assert values == sorted(values, reverse=direction == "desc")
                found = sorted(([p.id, p.order_value] for p in found), key=lambda f: (f[1] if direction == "asc" else -f[1], f[0]))
                cases["orders"].append({"order": {"key": key, "direction": direction, "start_from": start}, "kind": name, "found": found})
    for key in facets:
        for limit in (1, 2, 100):
            ids = sorted(r.sample(range(80), r.choice([5, 40, 80])))
            hits = counted.facet(q.FacetRequest(key, limit, True, q.Filter(must=[q.HasIdCondition(set(ids))])))
            cases["facets"].append({"key": key, "limit": limit, "ids": ids, "found": [[h.value, h.count] for h in hits]})
    return cases


def main():
    made = {"fusions": fusions(), "formulas": formulas(), "examples": examples(), "diversities": diversities(), "catalogue": catalogue()}

    def line(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def block(value):
        if isinstance(value, list):
            return "[\n" + ",\n".join(line(v) for v in value) + "\n]"
        return "{\n" + ",\n".join(line(k) + ":" + (block(v) if isinstance(v, list) else line(v)) for k, v in value.items()) + "\n}"

    with open(sys.argv[1], "w") as file:
        file.write("{\n" + ",\n".join(line(k) + ":" + block(v) for k, v in made.items()) + "\n}\n")


main()
