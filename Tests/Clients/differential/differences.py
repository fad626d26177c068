"""Compares answers, and knows by name where they are meant to be different.

A named difference is recognized twice: the question has the trait, and the peer, asked without its quirk (`Peer.without`), answers
what Belfry answers.
"""

import json
import re

# Of differences of f32 numbers that are much larger: what each of them is rounded by shows.
LOOSE = {"dbsf", "formula", "sum_scores", "context", "discover"}


def conditions(f, nested=False):
    """Every condition below a filter, and whether it is asked of an element."""
    for clause in ("must", "should", "must_not"):
        for c in f.get(clause) or []:
            yield from below(c, nested)
    for c in f.get("min_should", {}).get("conditions", []):
        yield from below(c, nested)


def below(c, nested):
    yield c, nested
    if "nested" in c:
        yield from conditions(c["nested"]["filter"], True)
    elif "key" not in c:
        yield from conditions(c, nested)


def filters(body):
    """The filters of a body, its prefetches and its formula."""
    if isinstance(body, dict):
        if "filter" in body:
            yield body["filter"]
        if "formula" in body:
            yield {"must": list(parts(body["formula"]))}
        for key in ("prefetch", "query"):
            for inner in body[key] if isinstance(body.get(key), list) else [body.get(key)]:
                yield from filters(inner)


def parts(e):
    """The conditions in an expression."""
    if isinstance(e, list):
        for inner in e:
            yield from parts(inner)
    elif isinstance(e, dict):
        if {"key", "must", "should", "must_not", "min_should", "is_empty", "is_null", "has_id", "has_vector", "nested"} & set(e):
            yield e
        else:
            for inner in e.values():
                yield from parts(inner)


def has(body, test):
    return any(test(c, nested) for f in filters(body) for c, nested in conditions(f))


def leaves(body):
    for part in body.get("prefetch", []):
        yield part
        yield from leaves(part)


NAMED = {
    "empty should": (
        "Within `nested` the engine finds nothing by a `should` without conditions; for Belfry it counts as left out, as everywhere.",
        lambda peer, body: has(body, lambda c, _: "nested" in c and any(
            f.get("should") == [] for f in [c["nested"]["filter"], *(i for i, _ in conditions(c["nested"]["filter"]))]))),
    "empty of several": (
        "A field condition's `is_empty` and `is_null` are the conditions of that name in Belfry; of several values at a path the "
        "engine's ask whether any one of them is so.",
        lambda peer, body: has(body, lambda c, nested: "key" in c and ("is_empty" in c or "is_null" in c) and ("[" in c["key"] or nested))),
    "fused distances": (
        "DBSF adds up Euclidean distances as they are in the engine, which then prefers the far ones; Belfry takes the near ones.",
        lambda peer, body: isinstance(body.get("query"), dict) and body["query"].get("fusion") == "dbsf" and any(map(peer.is_distance, leaves(body)))),
    "threshold of examples": (
        "In a Euclidean space the engine takes every score for a distance when it is compared with `score_threshold`: also best_score, "
        "sum_scores, discover and context, which are better when larger.",
        lambda peer, body: any("score_threshold" in b and isinstance(b.get("query"), dict) and {"recommend", "discover", "context"} & set(b["query"])
                               and peer.spaces[b.get("using", "")][1] == "Euclid" for b in [body, *leaves(body)])),
    "mean of directions": (
        "Under cosine the mean of examples is one of directions in Belfry; Qdrant's server takes vectors that a request has as they are.",
        lambda peer, body: any(isinstance(b.get("query"), dict) and b["query"].get("recommend", {}).get("strategy") == "average_vector"
                               and peer.spaces[b.get("using", "")][1] == "Cosine" for b in [body, *leaves(body)])),
    "examples of prefetches": (
        "Qdrant's server leaves out the points that any of the prefetches starts from; Belfry those from which the list itself starts.",
        lambda peer, body: bool(body.get("prefetch")) and bool(peer.referenced(body))),
    "null in a formula": (
        "A null counts as no value in Belfry, so that the default is taken; in the engine only where the field has an index.",
        lambda peer, body: "formula" in json.dumps(body)),
    "has_vector in a formula": (
        "The engine's formulas take `has_vector` for true where a point has no vectors in a space of several; its filters do not, nor does Belfry.",
        lambda peer, body: "formula" in json.dumps(body) and has(body, lambda c, _: "has_vector" in c)),
    "parts of payloads": (
        "Of an object or a list that an included path leads into and that has nothing there, the engine shows the empty rest; Belfry nothing.",
        lambda peer, body: isinstance(body.get("with_payload"), list) or "include" in str(body.get("with_payload"))),
    "numbers before times": (
        "In Belfry a field's values say whether it is ordered by numbers or by times; in the engine its index does.",
        lambda peer, body: "order_by" in json.dumps(body)),
}

FAULTS = {
    "overwrite at a key by a filter": (
        "FAULT: `overwrite_payload` with a `key` removes what is there before the filter is asked again: a point that then passes no more loses it.",),
    "order values behind an offset": (
        "FAULT: of a point with several values the ones before the page are shown again: `order_value` begins anew at every offset.",),
    "prefetch without a query": ("FAULT: the points of a prefetch without a query are in the order of ids; here in a random one.",),
}

OTHERS = {
    "product that is zero": ("The engine ends a product at a factor of zero; Belfry looks at the others, and tells that one has no value.",),
    "overwrite at a key": ("The engine overlooks the `key` of `overwrite_payload`, and overwrites everything; Belfry what is at the key.",),
    "page behind all points": ("Behind as many answers as there are points Belfry shows an empty page without looking; the engine an error, if there is one.",),
    "id within nested": ("`has_id` and `has_vector` within `nested` are an error in Belfry; the engine takes them for false.",),
    "refused by both": ("Both refuse it: a formula over a value that is missing or of the wrong kind, or that has no result.",),
}

KNOWN = NAMED | OTHERS | FAULTS


def near(a, b, loose=False):
    return abs(a - b) <= (2e-4 if loose else 1e-5) * max(1, abs(a), abs(b))


def ranking(ours, full, limit, offset, loose):
    """What is wrong with one page of a ranking, if anything; full is the peer's whole one. Equal scores may stand in any order."""
    wanted = full[offset: offset + limit]
    if len(ours) != len(wanted):
        return f"{len(ours)} answers, not {len(wanted)}: only here {[p for p in ours if p[0] not in {i for i, _ in wanted}][:3]}, only there " \
            f"{[p for p in wanted if p[0] not in {i for i, _ in ours}][:3]}"
    known = {}
    for i, s in full:
        known.setdefault(i, []).append(s)
    for place, ((i, s), (j, t)) in enumerate(zip(ours, wanted)):
        if i not in known:
            return f"place {place}: {i} ({s}), which is not to be found; there {j} ({t})"
        if not near(s, t, loose) or not any(near(s, k, loose) for k in known[i]):
            return f"place {place}: {i} ({s}), there {j} ({t}); {i} has {known[i]} there"
    return None if len(set(ours)) == len(ours) else "a point twice"


def compare(peer, form, call, body, result):
    """What is different, or nil."""
    loose = form in LOOSE or "dbsf" in json.dumps(body)
    if call == "count":
        wanted = len(peer.matching(body.get("filter")))
        return None if result["count"] == wanted else f"{result['count']}, not {wanted}"
    if call == "facet":
        counts = peer.facet(body["key"], body.get("filter"))
        ours = [((type(h["value"]).__name__, h["value"]), h["count"]) for h in result["hits"]]
        wanted = sorted(counts.values(), reverse=True)[: body["limit"]]
        wrong = [(v, c, counts.get(v)) for v, c in ours if counts.get(v) != c]
        return None if [c for _, c in ours] == wanted and not wrong else f"{[c for _, c in ours][:9]}, not {wanted[:9]}; wrong: {wrong[:3]}"
    if call == "":
        with_payload = body["with_payload"]
        for p in result:
            wanted = peer.selected(p["id"], with_payload)
            if "parts of payloads" in peer.without:
                wanted = included(peer.payloads[p["id"]], with_payload["include"] if isinstance(with_payload, dict) else with_payload)
            if not same(p.get("payload", {}), wanted):
                return f"{p['id']}: {p.get('payload')}, not {wanted}"
        return None if [p["id"] for p in result] == body["ids"] else "other points"
    if call == "query/groups":
        ours = [(g["id"], [(p["id"], p["score"]) for p in g["hits"]]) for g in result["groups"]]
        wanted = peer.groups(body)
        if [(k, [i for i, _ in g]) for k, g in ours] != [(k, [i for i, _ in g]) for k, g in wanted]:
            return f"{ours[:3]}, not {wanted[:3]}"
        return None if all(near(a[1], b[1]) for (_, g), (_, h) in zip(ours, wanted) for a, b in zip(g, h)) else "other scores"
    points, limit = result["points"], body["limit"]
    order = order_of(body)
    if order:
        return ranking([(p["id"], p.get("order_value")) for p in points], peer.ordered(order, body.get("filter")), limit, body.get("offset", 0), False)
    if call == "scroll":
        ids = [i for i in peer.matching(body.get("filter"))]
        if "offset" in body:
            ids = [i for i in ids if place(i) >= place(body["offset"])]
        ours = [p["id"] for p in points], result["next_page_offset"]
        wanted = ids[:limit], (ids[limit:] or [None])[0]
        return None if ours == wanted else f"{ours[0][:5]} of {len(ours[0])}, next {ours[1]}; not {wanted[0][:5]} of {len(wanted[0])}, next {wanted[1]}"
    if form == "sample":
        ids, may = [p["id"] for p in points], set(peer.matching(body.get("filter")))
        right = len(set(ids)) == len(ids) == min(limit, len(may)) and may.issuperset(ids)
        return None if right else f"{len(ids)} of {len(may)}: {ids[:5]}"
    return ranking([(p["id"], p["score"]) for p in points], peer.ranked(body), limit, body.get("offset", 0), loose)


def kept(value, paths):
    """What of a value lies on paths, each a list of names and "[]"; nil for nothing."""
    if [] in paths:
        return value
    if isinstance(value, dict):
        made = {k: kept(v, [p[1:] for p in paths if p[0] == k]) for k, v in value.items()}
        return {k: v for k, v in made.items() if v is not None or any(p == [k] for p in paths)} or None
    if isinstance(value, list):
        inner = [p[1:] for p in paths if p[0] == "[]"]
        return [e if [] in inner else made for e in value if (made := kept(e, inner)) is not None or [] in inner] or None
    return None


def included(payload, keys):
    tokens = [[t.strip('"') for t in re.findall(r'"[^"]*"|\[\]|[^.\[\]"]+', key)] for key in keys]
    return kept(payload, tokens) or {}


def place(i):
    return (isinstance(i, str), i)


def same(ours, theirs):
    """Whether payloads are the same; 4 and 4.0 are, 1 and true are not."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        # The engine's JSON reads a number of 17 digits as the double beside it at times.
        return abs(ours - theirs) <= 1e-15 * abs(ours)
    return isinstance(ours, bool) == isinstance(theirs, bool) and ours == theirs


def same_vectors(ours, theirs):
    def flat(v):
        v = {"indices": v.indices, "values": v.values} if hasattr(v, "indices") else v
        if isinstance(v, dict):
            return [*v["indices"], *v["values"]]
        return [x for e in v for x in (e if isinstance(e, list) else [e])]

    def match(a, b):
        return len(a) == len(b) and all(map(near, a, b))

    return ours.keys() == theirs.keys() and all(match(flat(ours[n]), flat(theirs[n])) for n in ours)


def verdict(peer, form, call, body, status, result):
    """None for the same, the name of a difference, or what is different."""
    peer.without = frozenset()
    if status != 200:
        if has(body, lambda c, nested: nested and ("has_id" in c or "has_vector" in c)) and status in (400, 422) and "nested" in str(result):
            return "id within nested", None
        try:
            compare(peer, form, call, body, {"count": 0, "hits": [], "points": [], "groups": [], "next_page_offset": None})
        except Exception:
            return "refused by both", None
        return ("product that is zero", None) if form == "formula" and is_zero_product(peer, body, result) else (None, f"{status}: {result}")
    found = ours_without(peer, form, call, body, result, ())
    if found is None:
        return None, None
    traits = [name for name, (_, applies) in NAMED.items() if applies(peer, body)]
    for names in [[name] for name in traits] + [traits]:
        if names and ours_without(peer, form, call, body, result, names) is None:
            return " + ".join(names), None
    if order_of(body) and body.get("offset") and has_places(peer, body, result["points"]):
        return "order values behind an offset", None
    if found.startswith("the engine refuses") and not result.get("points", True) and body.get("offset", 0) >= len(peer.ids):
        return "page behind all points", None
    if any("query" not in part for part in leaves(body)):
        return "prefetch without a query", None
    return None, found


def order_of(body):
    return body.get("order_by") or (body["query"].get("order_by") if isinstance(body.get("query"), dict) else None)


def has_places(peer, body, points):
    """Whether the points of a page have the values that the page has."""
    full = peer.ordered(order_of(body), body.get("filter"))
    wanted = full[body["offset"]: body["offset"] + body["limit"]]
    return len(points) == len(wanted) and all((p["id"], value) in full for p, (_, value) in zip(points, wanted))


def is_zero_product(peer, body, message):
    """Whether what has no value for a point is a factor behind others that make zero."""
    told = re.search(r"for point (\S+): formula(\S*)", message)
    node, point = body["query"]["formula"], told and told[1]
    for name, index in re.findall(r"(\w+)(?:\[(\d+)\])?", told[2]) if told else []:
        if not isinstance(node, dict) or name not in node:
            return False
        if name == "mult" and int(index) > 0:
            formula = {"formula": {"mult": node[name][: int(index)]}, "defaults": body["query"]["defaults"]}
            own = {"must": [{"has_id": [int(point) if point.isdigit() else point]}, body.get("filter") or {}]}
            try:
                if [s for _, s in peer.ranked(body | {"query": formula, "filter": own})] == [0]:
                    return True
            except Exception:
                return False
        node = node[name][int(index)] if index else node[name]
    return False


def ours_without(peer, form, call, body, result, names):
    peer.without = frozenset(names)
    try:
        return compare(peer, form, call, body, result)
    except Exception as error:
        return f"the engine refuses it: {error}"
    finally:
        peer.without = frozenset()
