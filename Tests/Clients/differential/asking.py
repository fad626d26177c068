"""Made-up questions: the call, and its body as Qdrant's REST interface has it.

Where one point more or less among the best of a prefetch is a matter of equal scores, so is the whole answer: such a question
is drawn again. So is a filter, until its share of the points is about what was drawn: filters that find nothing test nothing.
"""

from differences import NAMED
from making import DAYS, FACETS, ORDERS, TOP

FORMS = {"nearest": 18, "mean": 7, "best_score": 5, "sum_scores": 5, "discover": 6, "context": 5, "rrf": 6, "weighted": 4, "dbsf": 5, "nested fusion": 3,
         "formula": 9, "rescore": 3, "mmr": 3, "order": 4, "scroll by order": 3, "groups": 5, "facet": 6, "count": 5, "scroll": 6, "sample": 1,
         "retrieve": 3}
GROUPS = ["brand", "kind", "rank", "tags", "country.name", "stock[].shop", "uid"]
SHARES = [(0, 0), (1e-9, 0.01), (0.01, 0.1), (0.01, 0.1), (0.1, 0.5), (0.1, 0.5), (0.5, 0.999)]


class Asker:
    def __init__(self, maker, peer):
        self.maker, self.peer, self.r = maker, peer, maker.r
        # Filters that were drawn: some are asked again in other questions, which costs little.
        self.drawn = []

    def question(self):
        form = self.r.choices(list(FORMS), FORMS.values())[0]
        # What is clear must be so as Belfry ranks.
        self.peer.without = frozenset(NAMED)
        while (asked := self.made(form)) is None:
            pass
        self.peer.without = frozenset()
        return form, *asked

    # MARK: parts

    def filter(self, odds=0.7):
        """A member of a body, or nothing."""
        if self.r.random() > odds:
            return {}
        if self.drawn and self.r.random() < 0.4:
            return {"filter": self.r.choice(self.drawn)}
        low, high = self.r.choice(SHARES)
        draw = lambda: self.maker.filter(TOP, self.r.choice([0, 1, 1, 2, 2, 3, 3]))
        made = draw()
        for _ in range(4):
            share = len(self.peer.matching(made)) / max(1, len(self.peer.ids))
            if low <= share <= high:
                break
            made = {"should": [made, draw()]} if share < low else {"must": [made, draw()]}
        self.drawn.append(made)
        return {"filter": made}

    def page(self):
        return {"limit": self.r.choice([1, 2, 3, 5, 10, 10, 20, 50, 200, 2000])} | ({"offset": self.r.choice([1, 5, 20, 100])} if self.r.random() < 0.3 else {})

    def using(self, *kinds):
        name = self.r.choice([n for n, (kind, _, _) in self.maker.spaces.items() if kind in kinds])
        return {"using": name} if name else {}

    def example(self, space):
        """A point that has the vector, or a vector."""
        having = [i for i in self.r.sample(self.peer.ids, min(8, len(self.peer.ids))) if space in self.peer.vectors[i]]
        return having[0] if having and self.r.random() < 0.5 else self.maker.vector(space)

    def examples(self, space, least=0):
        return [self.example(space) for _ in range(self.r.randint(least, 3))]

    def pairs(self, space, least=0):
        return [{"positive": self.example(space), "negative": self.example(space)} for _ in range(self.r.randint(least, 3))]

    def by_vector(self, form):
        """`query` and `using` of a form that ranks by vectors."""
        kinds = {"nearest": ["dense", "dense", "sparse", "multi"], "mean": ["dense", "sparse"]}.get(form, ["dense"])
        using = self.using(*kinds)
        space = using.get("using", "")
        if form == "nearest":
            query = self.example(space)
            if self.r.random() < 0.3:
                query = {"nearest": query}
        elif form == "mmr":
            query = {"nearest": self.example(space), "mmr": {"diversity": self.r.randint(0, 8) / 8, "candidates_limit": self.r.choice([5, 12, 40])}}
        elif form in ("mean", "best_score", "sum_scores"):
            query = {"recommend": {"positive": self.examples(space, 1), "negative": self.examples(space), "strategy": "average_vector" if form == "mean" else form}}
        elif form == "discover":
            query = {"discover": {"target": self.example(space), "context": self.pairs(space)}}
        else:
            query = {"context": self.pairs(space, 1)}
        return {"query": query} | using

    # MARK: equal scores

    def is_clear(self, ranking, limit, by_rank):
        """Whether it is no matter of equal scores who is among the first, and at which place."""
        scores = [s for _, s in ranking]
        pairs = list(zip(scores, scores[1:]))[0 if by_rank else limit - 1: limit]
        return all(abs(a - b) > 1e-4 * max(1e-3, abs(a), abs(b)) for a, b in pairs)

    def threshold(self, body):
        """A score that no point has nearly."""
        scores = sorted({s for _, s in self.peer.ranked(body)})
        gaps = [(a + b) / 2 for a, b in zip(scores, scores[1:]) if b - a > 1e-3 * max(1, abs(a))]
        return {"score_threshold": round(self.r.choice(gaps), 5)} if gaps else {}

    # MARK: prefetches

    def prefetch(self, outer, by_rank, depth=0):
        """A part of a fusion; nil where equal scores leave it open."""
        limit = self.r.choice([1, 3, 10, 20, 50])
        if depth > 0:
            parts = [self.prefetch(outer, True) for _ in range(2)]
            body = {"prefetch": parts, "query": {"rrf": {"k": self.r.choice([2, 60])}}}
        elif by_rank and self.r.random() < 0.04:
            return {"limit": limit} | self.filter()
        else:
            body = self.by_vector(self.r.choice(["nearest"] * 6 + ["mean", "best_score", "discover"])) | self.filter(0.4)
            if self.r.random() < 0.15:
                body |= self.threshold(body)
        if None in body.get("prefetch", []):
            return None
        parts = [f for f in (outer.get("filter"), body.get("filter")) if f]
        whole = body | ({"filter": {"must": parts}} if parts else {})
        return body | {"limit": limit} if self.is_clear(self.peer.ranked(whole), limit, by_rank) else None

    def fusion(self, form):
        outer = self.filter(0.3)
        by_rank = form != "dbsf" and form != "formula" and form != "rescore"
        parts = [self.prefetch(outer, by_rank, 1 if form == "nested fusion" and n == 0 else 0) for n in range(self.r.randint(1, 3))]
        if None in parts:
            return None
        if form in ("formula", "rescore") and any("query" not in p for p in parts):
            return None
        body = {"prefetch": parts} | outer
        if form == "rescore":
            return body | self.by_vector("nearest")
        if form == "dbsf":
            return body | {"query": {"fusion": "dbsf"}}
        if form == "formula":
            return body | self.formula(len(parts))
        if form == "rrf" and self.r.random() < 0.5:
            return body | {"query": {"fusion": "rrf"}}
        weights = {"weights": [self.r.choice([0, 0.25, 0.5, 1, 3, 7.5]) for _ in parts]} if form == "weighted" else {}
        return body | {"query": {"rrf": {"k": self.r.choice([1, 2, 3, 60])} | weights}}

    # MARK: formulas

    def formula(self, parts):
        defaults = {"price": 1, "rank": 7.5, "a": 2, "day": "2026-01-01", "place": {"lat": 52.5, "lon": 13.4}, '"a.b"': 0.5, "stock[].left": 3}
        defaults |= {f"$score[{n}]": 0.25 for n in range(parts)}
        if self.r.random() < 0.15:
            defaults.pop(self.r.choice(list(defaults)))
        return {"query": {"formula": self.expression(self.r.randint(1, 3), parts), "defaults": defaults}}

    def expression(self, depth, parts):
        r, down = self.r, lambda: self.expression(depth - 1, parts)
        if depth == 0 or r.random() < 0.1:
            return r.choice([
                lambda: r.randint(-24, 24) / 8, lambda: "$score", lambda: f"$score[{r.randrange(parts)}]", lambda: "$score",
                lambda: r.choice(["price", "rank", "a", '"a.b"', "stock[].left", "price[0]"]), lambda: r.choice(["price", "rank"]),
                lambda: self.maker.condition(TOP, 1), lambda: {"geo_distance": {"origin": self.maker.place(), "to": "place"}},
                lambda: {"datetime_key": "day"}, lambda: {"datetime": r.choice(["2026-01-02T03:04:05.5Z", "1969-07-20"])}])()
        kind = r.choice(["sum", "sum", "mult", "mult", "max", "min", "neg", "abs", "sqrt", "ln", "div", "lin_decay", "exp_decay", "gauss_decay"])
        if kind in ("sum", "mult", "max", "min"):
            return {kind: [down() for _ in range(r.choice([1, 2, 2, 3]))]}
        if kind == "div":
            return {kind: {"left": down(), "right": r.choice([2, 0.5, "price", "rank"]), "by_zero_default": 1}}
        if kind in ("sqrt", "ln"):
            return {kind: {"sum": [1, {"abs": down()}]}}
        if kind.endswith("decay"):
            return {kind: {"x": down(), "target": r.choice([None, 0, 2]), "scale": r.choice([None, 0.5, 2, 86400]), "midpoint": r.choice([None, 0.25, 0.75])}}
        return {kind: down()}

    # MARK: whole questions

    def made(self, form):
        r, exact = self.r, {"params": {"exact": True}}
        if form == "facet":
            return "facet", {"key": r.choice(FACETS), "limit": r.choice([1, 2, 5, 10, 100, 1000]), "exact": True} | self.filter()
        if form == "count":
            return "count", {"exact": True} | self.filter(0.95)
        if form == "scroll":
            start = {"offset": r.choice([r.choice(self.peer.ids), self.maker.id()])} if r.random() < 0.4 and self.peer.ids else {}
            return "scroll", {"limit": r.choice([1, 3, 10, 50, 2000]), "with_payload": False} | start | self.filter(0.8)
        if form == "sample":
            return "query", {"query": {"sample": "random"}, "limit": r.choice([1, 5, 50, 2000])} | self.filter()
        if form == "retrieve":
            ids = r.sample(self.peer.ids, min(5, len(self.peer.ids)))
            keys = r.sample(["brand", "price", "country.name", "stock[].left", "country", "none", "stock[].lots[].n", '"a.b"'], 2)
            return "", {"ids": ids, "with_payload": r.choice([True, keys, {"include": keys}, {"exclude": keys}])}
        if form in ("order", "scroll by order"):
            key = r.choice(list(ORDERS))
            start = r.choice([None, 2, -1.5, 100]) if ORDERS[key] == "number" else r.choice([None, DAYS[0], "2025-06-01T00:00:00Z"])
            order = {"key": key, "direction": r.choice(["asc", "desc"])} | ({} if start is None else {"start_from": start})
            if form == "order":
                return "query", {"query": {"order_by": order}} | self.page() | self.filter()
            return "scroll", {"order_by": order, "limit": r.choice([1, 5, 20, 2000]), "with_payload": False} | self.filter()
        if form in ("rrf", "weighted", "dbsf", "nested fusion", "formula", "rescore"):
            body = self.fusion(form)
            return body and ("query", body | self.page() | exact)
        body = self.by_vector("nearest" if form == "groups" and r.random() < 0.7 else "mean" if form == "groups" else form) | self.filter()
        if form == "groups":
            ranking = self.peer.ranked(body)
            if not self.is_clear(ranking, len(ranking), True):
                return None
            return "query/groups", body | {"group_by": r.choice(GROUPS), "group_size": r.choice([1, 2, 3, 10]), "limit": r.choice([1, 3, 10, 100])} | exact
        if form == "mmr":
            if not self.is_diverse(body):
                return None
        elif r.random() < 0.2:
            body |= self.threshold(body)
        return "query", body | self.page() | exact

    def is_diverse(self, body):
        """Whether no choice of a diverse order is a close one."""
        import numpy as np
        space, share = body.get("using", ""), 1 - body["query"]["mmr"]["diversity"]
        count = body["query"]["mmr"]["candidates_limit"]
        ranking = self.peer.ranked(body | {"query": body["query"]["nearest"]})
        if not self.is_clear(ranking, count, True):
            return False
        rows = np.float64([self.peer.vectors[i][space] for i, _ in ranking[:count]])
        if not len(rows):
            return True
        euclid = self.maker.spaces[space][1] == "Euclid"
        relevance = np.array([-s * s if euclid else s for _, s in ranking[:count]])
        similar = -((rows[:, None] - rows[None]) ** 2).sum(2) if euclid else rows @ rows.T
        left, chosen = list(range(len(rows))), []
        while left:
            worth = [relevance[c] if not chosen else share * relevance[c] - (1 - share) * similar[c, chosen].max() for c in left]
            best = sorted(worth)[::-1]
            if len(best) > 1 and best[0] - best[1] < 1e-4 * max(1, abs(best[0])):
                return False
            chosen.append(left.pop(int(np.argmax(worth))))
        return True
