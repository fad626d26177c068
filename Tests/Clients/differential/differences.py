"""Knows by name where answers are meant to be different.

A named difference is recognized twice: the question has the trait, and the peer, asked without its quirk (`Peer.without`), answers
what Belfry answers.
"""

import itertools
import json
import re

from comparing import compare, order_of


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
        "DBSF adds up Euclidean distances as they are in the engine, which then prefers the far ones; Belfry those of negative squares.",
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

OTHERS = {
    "product that is zero": ("The engine ends a product at a factor of zero; Belfry looks at the others, and tells that one has no value.",),
    "overwrite at a key": ("The engine overlooks the `key` of `overwrite_payload`, and overwrites everything; Belfry what is at the key.",),
    "null onto nothing": ("A null in `set_payload` takes a member away in Belfry; the engine keeps it where the point has no payload.",),
    "page behind all points": ("Behind as many answers as there are points Belfry shows an empty page without looking; the engine an error, if there is one.",),
    "id within nested": ("`has_id` and `has_vector` within `nested` are an error in Belfry; the engine takes them for false.",),
    "tie at a limit": ("Of points with equal scores where a prefetch's limit cuts them off, each keeps others.",),
    "refused by both": ("Both refuse it: a formula over a value that is missing or of the wrong kind, or that has no result.",),
}

KNOWN = NAMED | OTHERS


def verdict(peer, form, call, body, status, result):
    """None for the same, the name of a difference, or what is different."""
    peer.without = frozenset()
    if status != 200:
        if has(body, lambda c, nested: nested and ("has_id" in c or "has_vector" in c)) and status in (400, 422) and "nested" in str(result):
            return "id within nested", None
        if form != "formula":
            return None, f"{status}: {result}" + ("; the engine refuses it as well" if is_refused(peer, form, call, body) else "")
        if is_refused(peer, form, call, body):
            return "refused by both", None
        for name, (_, applies) in NAMED.items():
            # What only Belfry's prefetches find may have no value.
            if applies(peer, body) and is_refused(peer, form, call, body, name):
                return name, None
        return ("product that is zero", None) if is_zero_product(peer, body, result) else (None, f"{status}: {result}")
    found = ours_without(peer, form, call, body, result, ())
    if found is None:
        return None, None
    traits = [name for name, (_, applies) in NAMED.items() if applies(peer, body)]
    for names in [[name] for name in traits] + [traits]:
        if names and ours_without(peer, form, call, body, result, names) is None:
            return " + ".join(names), None
    if found.startswith("the engine refuses") and not result.get("points", True) and body.get("offset", 0) >= len(peer.ids):
        return "page behind all points", None
    return ("tie at a limit", None) if has_other_ties(peer, form, call, body, result, traits) else (None, found)


def has_other_ties(peer, form, call, body, result, traits):
    """Whether the engine answers the same if one of its prefetches keeps others of the points that are tied at its end."""
    for part in leaves(body):
        tied, kept = peer.tied(part, body)
        for left_out in itertools.islice(itertools.combinations(tied, len(tied) - kept), 50):
            peer.left_out = {id(part): left_out}
            try:
                if left_out and any(ours_without(peer, form, call, body, result, names) is None for names in ([], traits)):
                    return True
            finally:
                peer.left_out = {}
    return False


def is_refused(peer, form, call, body, *names):
    """Whether the engine, without some quirks, has no answer."""
    nothing = {"count": 0, "hits": [], "points": [], "groups": [], "next_page_offset": None}
    return (ours_without(peer, form, call, body, nothing, names) or "").startswith("the engine refuses")


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
