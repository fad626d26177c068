"""Whether an answer is the engine's.

Equal scores may stand in any order, and be cut anywhere: a page is compared with the engine's whole ranking. Not compared: the score
of what has none (a sample, an order by a field, a page), which is 1 in the engine and 0 in Belfry.
"""

import json
import re

# Of differences of f32 numbers that are much larger: what each of them is rounded by shows.
LOOSE = {"dbsf", "formula", "sum_scores", "context", "discover"}


def order_of(body):
    return body.get("order_by") or (body["query"].get("order_by") if isinstance(body.get("query"), dict) else None)


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
