"""Writes the golden file of FilterOracleTests: made-up points, made-up filters, and which points Qdrant's engine finds.

    python -m venv venv && venv/bin/pip install qdrant-edge-py==0.9.0
    venv/bin/python make_filters.py ../../Fixtures/filters.json

The engine runs inside the process. Its text index (words, lowercase, phrases) is made for the fields in TEXTS; all other
conditions are checked on payloads, so that no index's own idea of a condition is in the way.

Not made, because this engine's Python interface or the engine itself does not have it: matches of booleans (Python's True
arrives as 1), slices, has_id and has_vector within nested, an empty should within nested, whole numbers written 5.0, seconds 60.
"""

import json
import random
import sys
import tempfile

import qdrant_edge as q

from engine import field_condition

TEXTS = ["title", "notes"]
SHOPS = ["north", "south", "north pier", "Süd", ""]
BRANDS = ["Acme", "Bolt", "acme", "Åse", "Ǻ", "5", "true", "A", "Ac"]
WORDS = ["red", "shoe", "SHOES", "Élan", "straße", "don't", "x-ray", "3.5", "blue", "hat", "snake_case", "日本語", "ночь", "²"]
DAYS = [
    "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00", "2026-1-2", "2026-01-02T01:00:00+01:00", "2026-01-02T01:00:00+0100",
    "2026-01-02T05:30:00+05:30", "2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00 UTC",
    "2026-02-30", "2026-01-01T24:00:00Z", "20260101", "yesterday", "", " 2026-01-03", "2026-01-03 ", "+2026-01-03", "-0044-03-15",
    "+12026-01-01", "2024-02-29T12:00:00-08:00", "2026-01-01T12:30", "2026-01-01T12:30Z", "2026-01-03t00:00:00z", "2026-01-03 00:00:00 Z",
]
RANGES = ["2026-01-01", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00.123456Z", "2024-02-29", "2026-01-03 00:00", "0001-01-01"]
r = random.Random(20261130)


def some(make, most=3):
    return [make() for _ in range(r.randint(0, most))]


def odd():
    return r.choice([None, [], [None], True, False, 0, 1, "1", "", {}, [[1]], [[]], {"lat": 1}, [1, "a", None], 9007199254740993])


def maybe(value, odds=0.15):
    return odd() if r.random() < odds else value


def number():
    return r.choice([r.randint(-3, 12), r.randint(-3, 12), r.randint(-3, 12) + 0.5, 7.25])


def place():
    return {"lat": r.choice([r.uniform(-90, 90), 52.5 + r.uniform(-1, 1), 0]), "lon": r.choice([r.uniform(-180, 180), 13.4 + r.uniform(-1, 1), 179.5, -179.5])}


def sentence():
    return r.choice(["", ", ", " "]).join(r.choice(WORDS) + r.choice([" ", ", ", "! ", "-"]) for _ in range(r.randint(0, 5)))


def lot():
    return maybe({k: v for k, v in {"n": maybe(number()), "day": maybe(r.choice(DAYS)), "sizes": some(number)}.items() if r.random() < 0.8}, 0.1)


def stock():
    made = {"shop": maybe(r.choice(SHOPS)), "left": maybe(number()), "at": maybe(place()), "lots": maybe(some(lot))}
    return maybe({k: v for k, v in made.items() if r.random() < 0.8}, 0.08)


def payload():
    made = {
        "brand": maybe(r.choice([r.choice(BRANDS), some(lambda: r.choice(BRANDS))])),
        "price": maybe(r.choice([number(), number(), some(number)])),
        "day": maybe(r.choice([r.choice(DAYS), r.choice(DAYS), some(lambda: r.choice(DAYS))])),
        "place": maybe(r.choice([place(), place(), some(place)])),
        "tags": maybe(some(lambda: maybe(r.choice(["new", "used", 1, 2])))),
        "title": maybe(r.choice([sentence(), some(sentence)])),
        "notes": maybe(some(sentence)),
        "stock": maybe(r.choice([some(stock), some(stock), stock()])),
        "a.b": maybe(number()),
        "country": maybe({"name": maybe(r.choice(["Peru", "Chile"])), "capital": {"people": maybe(number())}}),
    }
    return {k: v for k, v in made.items() if r.random() < 0.85}


TOP = {
    "word": ["brand", "tags", "tags[]", "brand[0]", "stock[].shop", "country.name", "title", "stock[0].shop", "price", "none", "country"],
    "number": ["price", "tags", "stock[].left", '"a.b"', "country.capital.people", "stock[].lots[].n", "brand", "price[1]", "stock[].lots[].sizes"],
    "day": ["day", "stock[].lots[].day", "brand", "day[]"],
    "place": ["place", "stock[].at", "place[]"],
    "any": ["brand", "price", "tags", "tags[]", "stock", "stock[]", "stock[].lots", "stock[].lots[]", "stock[].lots[].n", "none", "country.capital", "none.at.all", "day", "title"],
    "list": ["stock", "stock[]", "stock[].lots", "tags", "country", "stock[1].lots"],
}
STOCK = {
    "word": ["shop", "left", "none"], "number": ["left", "lots[].n", "lots[].sizes"], "day": ["lots[].day"], "place": ["at"],
    "any": ["shop", "left", "lots", "lots[].n", "none", "at"], "list": ["lots"],
}
LOT = {"word": ["day"], "number": ["n", "sizes"], "day": ["day"], "place": ["none"], "any": ["n", "day", "sizes", "sizes[]"], "list": ["none"]}


def bounds(make):
    return {k: make() for k in r.sample(["gt", "gte", "lt", "lte"], r.choice([1, 1, 2, 2, 3]))}


def values():
    return r.choice([
        lambda: [r.choice(BRANDS + SHOPS + ["new", "Peru"]) for _ in range(r.randint(0, 4))],
        lambda: [r.randint(-3, 12) for _ in range(r.randint(1, 4))],
        lambda: [f"v{i}" for i in range(20)] + ["Acme"],
    ])()


def match(fields):
    kind = r.choice(["value", "value", "any", "except", "prefix", "substring"])
    if kind == "value":
        made = r.choice([r.randint(-1, 8), r.choice(BRANDS + SHOPS + ["new", "used", "Peru"])])
    elif kind in ("any", "except"):
        made = values()
    else:
        made = r.choice(["", "A", "Ac", "north", "Å", "o", "n", "re", "shoe", "ü", "1"])
    return {"key": r.choice(fields["word"]), "match": {kind: made}}


def text():
    words = [r.choice(WORDS + ["Shoe", "RED", "snake", "case", "don", "STRASSE", "nothing"]) for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3]))]
    return {"key": r.choice(TEXTS), "match": {r.choice(["text", "text_any", "phrase"]): r.choice([" ", ", ", "-"]).join(words)}}


def box():
    a, b = place(), place()
    top, bottom = sorted([a["lat"], b["lat"]], reverse=True)
    return {"top_left": {"lat": top, "lon": a["lon"]}, "bottom_right": {"lat": bottom, "lon": b["lon"]}}


def ring():
    scale = r.choice([1, 30, 170])
    points = [{"lat": r.uniform(-min(scale, 85), min(scale, 85)), "lon": r.uniform(-scale, scale)} for _ in range(r.randint(3, 6))]
    if scale == 1:
        points = [{"lat": p["lat"] + 52.5, "lon": p["lon"] + 13.4} for p in points]
    return {"points": points + points[:1]}


def geo(fields):
    kind = r.choice(["box", "radius", "polygon"])
    key = r.choice(fields["place"])
    if kind == "box":
        return {"key": key, "geo_bounding_box": box()}
    if kind == "radius":
        return {"key": key, "geo_radius": {"center": place(), "radius": r.choice([1e4, 1e5, 5e6, 1e7])}}
    return {"key": key, "geo_polygon": {"exterior": ring(), "interiors": [ring() for _ in range(r.choice([0, 0, 1]))]}}


def condition(fields, depth, points):
    nests = {id(TOP): STOCK, id(STOCK): LOT}
    kinds = ["match"] * 4 + ["range"] * 3 + ["days"] * 2 + ["geo"] * 2 + ["count", "empty", "null", "is_empty", "is_null"]
    if fields is TOP:
        kinds += ["text"] * 3 + ["has_id", "has_vector"]
    if depth > 0:
        kinds += ["filter"] * 3 + (["nested"] * 3 if id(fields) in nests else [])
    kind = r.choice(kinds)
    if kind == "match":
        return match(fields)
    if kind == "text":
        return text()
    if kind == "range":
        return {"key": r.choice(fields["number"]), "range": bounds(number)}
    if kind == "days":
        return {"key": r.choice(fields["day"]), "range": bounds(lambda: r.choice(RANGES))}
    if kind == "geo":
        return geo(fields)
    if kind == "count":
        return {"key": r.choice(fields["any"]), "values_count": bounds(lambda: r.randint(0, 3))}
    if kind == "empty":
        return {"is_empty": {"key": r.choice(fields["any"])}}
    if kind == "null":
        return {"is_null": {"key": r.choice(fields["any"])}}
    if kind in ("is_empty", "is_null"):
        # On a path of one value: on others they are not what the conditions of that name are, and ours are.
        return {"key": r.choice([f for f in fields["any"] if "[" not in f]), kind: r.choice([True, False])}
    if kind == "has_id":
        return {"has_id": [p["id"] for p in r.sample(points, r.randint(0, 30))] + [999999]}
    if kind == "has_vector":
        return {"has_vector": r.choice(["", "b", "c"])}
    if kind == "filter":
        return filter_(fields, depth - 1, points)
    name = r.choice(fields["list"])
    within = nests[id(fields)]
    if fields is TOP and name.startswith("stock[") and "lots" in name:
        within = LOT
    return {"nested": {"key": name, "filter": filter_(within, depth - 1, points)}}


def filter_(fields, depth, points):
    made = {}
    for clause in r.sample(["must", "should", "must_not", "min_should"], r.choice([1, 1, 1, 2, 2, 3])):
        conditions = [condition(fields, depth, points) for _ in range(r.choice([1, 1, 2, 2, 3]))]
        made[clause] = {"conditions": conditions, "min_count": r.randint(1, 3)} if clause == "min_should" else conditions
    return made


# MARK: the same for the engine


def engine_condition(c):
    if "key" not in c:
        if "is_empty" in c:
            return q.IsEmptyCondition(c["is_empty"]["key"])
        if "is_null" in c:
            return q.IsNullCondition(c["is_null"]["key"])
        if "has_id" in c:
            return q.HasIdCondition(set(engine_id(i) for i in c["has_id"]))
        if "has_vector" in c:
            return q.HasVectorCondition(c["has_vector"])
        if "nested" in c:
            return q.NestedCondition(c["nested"]["key"], engine_filter(c["nested"]["filter"]))
        return engine_filter(c)
    return field_condition(c)


def engine_id(i):
    import uuid
    return uuid.UUID(i) if isinstance(i, str) else i


def engine_filter(f):
    made = {k: [engine_condition(c) for c in f[k]] for k in ("must", "should", "must_not") if k in f}
    if "min_should" in f:
        made["min_should"] = q.MinShould([engine_condition(c) for c in f["min_should"]["conditions"]], f["min_should"]["min_count"])
    return q.Filter(**made)


def main():
    points = []
    for n in range(120):
        name = n if n % 3 else f"{r.getrandbits(128):032x}"
        if isinstance(name, str):
            name = "-".join([name[:8], name[8:12], name[12:16], name[16:20], name[20:]])
        points.append({"id": name, "payload": payload(), "vectors": r.choice([[""], ["b"], ["", "b"]])})
    shard = q.EdgeShard.create(tempfile.mkdtemp(), q.EdgeConfig(vectors={n: q.EdgeVectorParams(size=2, distance=q.Distance.Dot) for n in ["", "b"]}))
    for field in TEXTS:
        shard.update(q.UpdateOperation.create_field_index(field, q.TextIndexParams(tokenizer=q.TokenizerType.Word, lowercase=True, phrase_matching=True)))
    shard.update(q.UpdateOperation.upsert_points([q.Point(engine_id(p["id"]), {v: [1.0, 2.0] for v in p["vectors"]}, p["payload"]) for p in points]))
    order = {str(p["id"]): n for n, p in enumerate(points)}
    cases, seen = [], {}
    while len(cases) < 2000:
        f = filter_(TOP, r.choice([0, 0, 1, 1, 2, 3]), points)
        if len(json.dumps(f)) > 1500:
            continue
        found, _ = shard.scroll(q.ScrollRequest(limit=1000, filter=engine_filter(f), with_payload=False))
        bits = sum(1 << order[str(p.id)] for p in found)
        # Filters that find nothing, or everything, say little: a tenth of them is enough.
        if bits in (0, (1 << len(points)) - 1) and r.random() < 0.85:
            continue
        cases.append({"filter": f, "found": [n for n in range(len(points)) if bits >> n & 1]})
    with open(sys.argv[1], "w") as file:
        file.write('{"points":[\n')
        file.write(",\n".join(json.dumps(p, ensure_ascii=False, separators=(",", ":")) for p in points))
        file.write('\n],"cases":[\n')
        lines = []
        for c in cases:
            bits = sum(1 << n for n in c["found"])
            lines.append(json.dumps([c["filter"], f"{bits:030x}"], ensure_ascii=False, separators=(",", ":")))
        file.write(",\n".join(lines))
        file.write("\n]}\n")


main()
