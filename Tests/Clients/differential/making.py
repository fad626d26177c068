"""Made-up collections, changes and filters, as Qdrant's REST interface has them. All of it follows from one seed.

Not made: the removal of one element of a list (`delete_payload` of `stock[0]`), which the engine does not do and Belfry does.
"""

import random
import uuid

BRANDS = ["Acme", "Bolt", "acme", "Åse", "Ǻ", "5", "true", "A", "Ac"]
SHOPS = ["north", "south", "north pier", "Süd", ""]
WORDS = ["red", "shoe", "SHOES", "Élan", "straße", "don't", "x-ray", "3.5", "blue", "hat", "snake_case", "日本語", "ночь", "²"]
DAYS = [
    "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 00:00", "2026-01-02T01:00:00+01:00", "2026-01-02T05:30:00+05:30",
    "2026-01-01T00:00:00.123456Z", "2026-02-30", "yesterday", "", "2024-02-29T12:00:00-08:00", "2026-01-01T12:30Z", "1969-07-20",
]
RANGES = ["2026-01-01", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00.123456Z", "2024-02-29", "2026-01-03 00:00", "0001-01-01"]
TEXTS = ["title", "notes"]
ORDERS = {"price": "number", "rank": "number", "stock[].left": "number", '"a.b"': "number", "country.capital.people": "number",
          "day": "time", "stock[].lots[].day": "time"}
FACETS = ["brand", "tags", "flag", "rank", "stock[].shop", "country.name", "uid", "price", "kind"]
INDEXES = {"brand": "keyword", "price": "float", "rank": "integer", "flag": "bool", "day": "datetime", "uid": "uuid",
           "place": "geo", "title": "text", "notes": "text", "tags": "keyword", "stock[].shop": "keyword", "kind": "keyword",
           "stock[].left": "float", '"a.b"': "integer", "country.name": "keyword", "stock[].lots[].day": "datetime"}

# Which fields suit which conditions: of a point, of an element of `stock`, and of one of its `lots`.
TOP = {
    "word": ["brand", "brand", "kind", "kind", "tags", "tags[]", "brand[0]", "stock[].shop", "country.name", "title", "price", "none", "country", "uid"],
    "number": ["price", "price", "rank", "rank", "tags", "stock[].left", '"a.b"', "country.capital.people", "stock[].lots[].n", "brand", "price[1]"],
    "day": ["day", "day", "stock[].lots[].day", "brand", "day[]"],
    "place": ["place", "place", "stock[].at", "place[]"],
    "any": ["brand", "price", "tags", "tags[]", "stock", "stock[]", "stock[].lots", "stock[].lots[].n", "none", "country.capital", "none.at.all", "day", "flag"],
    "list": ["stock", "stock", "stock[]", "stock[].lots", "tags", "country"],
}
STOCK = {"word": ["shop", "left"], "number": ["left", "lots[].n", "lots[].sizes"], "day": ["lots[].day"], "place": ["at"],
         "any": ["shop", "left", "lots", "lots[].n", "none", "at"], "list": ["lots"]}
LOT = {"word": ["day"], "number": ["n", "sizes"], "day": ["day"], "place": ["none"], "any": ["n", "day", "sizes"], "list": ["none"]}


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.uids = [str(uuid.UUID(int=self.r.getrandbits(128))) for _ in range(6)]
        sizes = [self.r.choice([3, 8, 17, 32]) for _ in range(4)]
        if self.r.random() < 0.35:
            metric = self.r.choice(["Cosine", "Dot", "Euclid"])
            self.config = {"vectors": {"size": sizes[0], "distance": metric}}
            self.spaces = {"": ("dense", metric, sizes[0])}
        else:
            self.config = {"vectors": {n: {"size": s, "distance": d} for n, s, d in zip("abc", sizes, ["Cosine", "Dot", "Euclid"])}}
            self.config["vectors"]["m"] = {"size": sizes[3], "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
            self.spaces = {n: ("multi" if n == "m" else "dense", v["distance"], v["size"]) for n, v in self.config["vectors"].items()}
        self.config["sparse_vectors"] = {"s": {}, "t": {"modifier": "idf"}}
        self.spaces |= {"s": ("sparse", "Dot", 40), "t": ("sparse", "Dot", 40)}
        # Vectors on a grid have many equal scores; others hardly any.
        self.grid = self.r.random() < 0.2
        self.made, self.taken, self.ids = {}, set(), []
        # Whether filters may be such that one side refuses them.
        self.errs = False
        # How rare a term is, both count with rows that are gone, but not with the same ones: only where nothing is changed.
        self.changes = self.r.choice([0, 30, 80])
        if self.changes:
            del self.config["sparse_vectors"]["t"], self.spaces["t"]

    # MARK: points

    def some(self, make, most=3):
        return [make() for _ in range(self.r.randint(0, most))]

    def maybe(self, value, odds=0.06):
        odd = [None, [], [None], True, False, 0, 1, "1", "", {}, [[1]], [[]], {"lat": 1}, [1, "a", None], 9007199254740993, 4.0]
        return self.r.choice(odd) if self.r.random() < odds else value

    def number(self):
        return self.r.choice([self.r.randint(-3, 12), self.r.randint(-3, 12), self.r.randint(-6, 24) / 2, 7.25])

    def place(self):
        near = lambda center: center + self.r.uniform(-1, 1)
        return {"lat": self.r.choice([self.r.uniform(-90, 90), near(52.5), near(52.5), 0]),
                "lon": self.r.choice([self.r.uniform(-180, 180), near(13.4), near(13.4), 179.5, -179.5])}

    def sentence(self):
        return " ".join(self.r.choice(WORDS) + self.r.choice(["", ",", "!", "-"]) for _ in range(self.r.randint(0, 6)))

    def lot(self):
        made = {"n": self.maybe(self.number()), "day": self.maybe(self.r.choice(DAYS)), "sizes": self.some(self.number)}
        return {k: v for k, v in made.items() if self.r.random() < 0.8}

    def stock(self):
        made = {"shop": self.maybe(self.r.choice(SHOPS)), "left": self.maybe(self.number()), "at": self.maybe(self.place()),
                "lots": self.maybe(self.some(self.lot))}
        return {k: v for k, v in made.items() if self.r.random() < 0.8}

    def day(self):
        return self.r.choice([self.r.choice(DAYS), f"2026-01-{self.r.randint(1, 28):02}T{self.r.randint(0, 23):02}:00:00Z"])

    def payload(self):
        r = self.r
        made = {
            "brand": self.maybe(r.choice([r.choice(BRANDS), self.some(lambda: r.choice(BRANDS))])),
            "kind": r.choice(["common"] * 20 + ["rare"] * 3 + [f"k{r.randint(0, 200)}"]),
            "price": self.maybe(r.choice([self.number(), self.number(), self.some(self.number)])),
            "rank": self.maybe(r.randint(0, 400), 0.02),
            "day": self.maybe(r.choice([self.day(), self.day(), self.some(self.day)])),
            "place": self.maybe(r.choice([self.place(), self.place(), self.some(self.place)])),
            "tags": self.maybe(self.some(lambda: self.maybe(r.choice(["new", "used", 1, 2])))),
            "flag": self.maybe(r.choice([True, False, [True, False]])),
            "uid": self.maybe(r.choice(self.uids)),
            "title": self.maybe(r.choice([self.sentence(), self.some(self.sentence)])),
            "notes": self.maybe(self.some(self.sentence)),
            "stock": self.maybe(r.choice([self.some(self.stock), self.some(self.stock), self.stock()])),
            "a.b": self.maybe(self.number()),
            "country": self.maybe({"name": self.maybe(r.choice(["Peru", "Chile"])), "capital": {"people": self.maybe(self.number())}}),
        }
        return {k: v for k, v in made.items() if r.random() < 0.85}

    def id(self):
        while (made := self.r.choice([self.r.randint(0, 5000), self.r.randint(0, 5000), str(uuid.UUID(int=self.r.getrandbits(128)))])) in self.taken:
            pass
        self.taken.add(made)
        return made

    def dense(self, size):
        while True:
            made = [self.r.randint(-8, 8) / 8 if self.grid else round(self.r.gauss(0, 1), 4) for _ in range(size)]
            if any(made):
                return made

    def vector(self, space):
        kind, _, size = self.spaces[space]
        if kind == "sparse":
            indices = sorted(self.r.sample(range(size), self.r.randint(1, 6)))
            return {"indices": indices, "values": [round(self.r.uniform(0.1, 2), 3) for _ in indices]}
        if kind == "multi":
            return [self.dense(size) for _ in range(self.r.randint(1, 3))]
        # A few are there twice: equal scores.
        made = self.made.setdefault(space, [])
        made.append(self.r.choice(made) if made and self.r.random() < 0.01 else self.dense(size))
        return made[-1]

    def vectors(self, odds=0.85):
        return {space: self.vector(space) for space in self.spaces if self.r.random() < odds}

    def point(self, id=None):
        return {"id": self.id() if id is None else id, "vector": self.vectors(), "payload": self.payload()}

    # MARK: changes

    def change(self):
        """A name of an operation, as in `points/batch`, and its body."""
        r = self.r
        kind = r.choice(["upsert", "upsert", "delete", "set_payload", "set_payload", "overwrite_payload", "delete_payload", "clear_payload",
                         "update_vectors", "update_vectors", "delete_vectors"])
        ids = r.sample(self.ids, min(len(self.ids), r.randint(1, 8)))
        if kind == "upsert":
            return kind, {"points": [self.point(r.choice([None, id])) for id in ids]}
        if kind == "update_vectors":
            return kind, {"points": [{"id": id, "vector": self.vectors(0.5) or self.vectors(1)} for id in ids]}
        narrow = {"must": [{"key": "rank", "range": {"gte": (low := r.randint(0, 400)), "lt": low + 8}}]}
        if r.random() < 0.2:
            narrow["must"].append({"key": "country.name", "match": {"value": "Peru"}})
        whom = {"points": ids} if r.random() < 0.6 else {"filter": {"must": [narrow, self.filter(TOP, 1)]} if r.random() < 0.5 else narrow}
        part = {k: v for k, v in self.payload().items() if r.random() < 0.3}
        if kind in ("set_payload", "overwrite_payload"):
            key = r.choice([None, None, None, "country", "country.capital", "extra"])
            return kind, {"payload": part} | ({"key": key} if key else {}) | whom
        if kind == "delete_payload":
            return kind, {"keys": r.sample(["brand", "price", "country.name", "stock[].left", "tags", "stock[].lots", '"a.b"', "none"], 2)} | whom
        if kind == "delete_vectors":
            return kind, {"vector": r.sample(list(self.spaces), r.randint(1, 2))} | whom
        return kind, whom

    # MARK: filters

    def bounds(self, make):
        made = {k: make() for k in self.r.sample(["gt", "gte", "lt", "lte"], self.r.choice([1, 1, 2, 2, 3]))}
        values = sorted(made.values(), key=str) if isinstance(next(iter(made.values())), str) else sorted(made.values())
        low, high = [k for k in made if k[0] == "g"], [k for k in made if k[0] == "l"]
        return dict(zip(low + high, values))

    def match(self, fields):
        r = self.r
        kind, key = r.choice(["value", "value", "any", "except", "prefix", "substring"]), r.choice(fields["word"])
        words = {"kind": ["common", "rare", "k7", "k30"], "uid": self.uids}.get(key, BRANDS + SHOPS + ["new", "used", "Peru", "red"])
        if kind == "value":
            made = r.choice([r.randint(-1, 8), r.choice(words), r.choice(words)])
        elif kind in ("any", "except"):
            made = r.choice([lambda: [r.choice(words) for _ in range(r.randint(0, 4))], lambda: [r.randint(-3, 12) for _ in range(r.randint(1, 4))],
                             lambda: [f"v{i}" for i in range(20)] + ["Acme", "rare"]])()
        else:
            made = r.choice(["", "A", "Ac", "north", "Å", "o", "n", "re", "com", "ü", "1", "k", "k1", self.uids[0][:3]])
        return {"key": key, "match": {kind: made}}

    def ring(self):
        scale = self.r.choice([1, 30, 170])
        middle = (52.5, 13.4) if scale == 1 else (0, 0)
        points = [{"lat": middle[0] + self.r.uniform(-min(scale, 85), min(scale, 85)), "lon": middle[1] + self.r.uniform(-scale, scale)}
                  for _ in range(self.r.randint(3, 6))]
        return {"points": points + points[:1]}

    def geo(self, key):
        r = self.r
        kind = r.choice(["box", "radius", "polygon"])
        if kind == "box":
            a, b = self.place(), self.place()
            bottom, top = sorted([a["lat"], b["lat"]])
            return {"key": key, "geo_bounding_box": {"top_left": {"lat": top, "lon": a["lon"]}, "bottom_right": {"lat": bottom, "lon": b["lon"]}}}
        if kind == "radius":
            return {"key": key, "geo_radius": {"center": self.place(), "radius": r.choice([1e4, 1e5, 5e6, 1e7])}}
        return {"key": key, "geo_polygon": {"exterior": self.ring(), "interiors": [self.ring() for _ in range(r.choice([0, 0, 1]))]}}

    def condition(self, fields, depth):
        r = self.r
        below = {id(TOP): STOCK, id(STOCK): LOT}.get(id(fields))
        kinds = ["match"] * 5 + ["range"] * 4 + ["days"] * 2 + ["geo"] * 2 + ["count", "empty", "null", "is_empty", "is_null"]
        if fields is TOP:
            kinds += ["text"] * 3 + ["flag", "has_id", "has_vector"]
        elif self.errs and r.random() < 0.002:
            kinds = ["has_id"]
        if depth > 0:
            kinds += ["filter"] * 4 + (["nested"] * 4 if below else [])
        kind = r.choice(kinds)
        if kind == "match":
            return self.match(fields)
        if kind == "flag":
            return {"key": "flag", "match": {"value": r.choice([True, False])}}
        if kind == "text":
            words = [r.choice(WORDS + ["Shoe", "RED", "snake", "case", "don", "STRASSE", "nothing"]) for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3]))]
            return {"key": r.choice(TEXTS), "match": {r.choice(["text", "text_any", "phrase"]): r.choice([" ", ", ", "-"]).join(words)}}
        if kind == "range":
            key = r.choice(fields["number"])
            return {"key": key, "range": self.bounds((lambda: r.randint(0, 400)) if key == "rank" else self.number)}
        if kind == "days":
            return {"key": r.choice(fields["day"]), "range": self.bounds(lambda: r.choice([r.choice(RANGES), f"2026-01-{r.randint(1, 28):02}"]))}
        if kind == "geo":
            return self.geo(r.choice(fields["place"]))
        if kind == "count":
            return {"key": r.choice(fields["any"]), "values_count": self.bounds(lambda: r.randint(0, 3))}
        if kind == "empty":
            return {"is_empty": {"key": r.choice(fields["any"])}}
        if kind == "null":
            return {"is_null": {"key": r.choice(fields["any"])}}
        if kind in ("is_empty", "is_null"):
            return {"key": r.choice(fields["any"]), kind: r.choice([True, False])}
        if kind == "has_id":
            return {"has_id": r.sample(self.ids, min(len(self.ids), r.choice([1, 5, 30, 100]))) + [999999]}
        if kind == "has_vector":
            return {"has_vector": r.choice(list(self.spaces))}
        if kind == "filter":
            return self.filter(fields, depth - 1)
        key = r.choice(fields["list"])
        return {"nested": {"key": key, "filter": self.filter(LOT if "lots" in key else below, depth - 1)}}

    def filter(self, fields=TOP, depth=3):
        made = {}
        for clause in self.r.sample(["must", "should", "must_not", "min_should"], self.r.choice([1, 1, 1, 2, 2, 3])):
            conditions = [self.condition(fields, depth) for _ in range(self.r.choice([1, 1, 2, 2, 3]))]
            if clause == "should" and self.r.random() < 0.02:
                conditions = []
            made[clause] = {"conditions": conditions, "min_count": self.r.randint(1, 3)} if clause == "min_should" else conditions
        return made
