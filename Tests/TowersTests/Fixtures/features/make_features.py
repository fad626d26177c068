"""Makes the fixtures beside it: a configuration of feature columns, rows, and the tensors that they become.

    python make_features.py        (Python alone; hashes and n-grams are written out here)
"""
import json
import math
import os
import zlib

here = os.path.dirname(os.path.abspath(__file__))
cities = ["Zürich", "Łódź", "Osaka", "大阪", "São Paulo"]
rows = [
    {"user": 5, "age": 34, "city": "Zürich", "zip": "8001", "genres": ["drama", "noir"], "title": "The Bell", "price": 9.99,
     "count": 0, "clip": [0.5, -1, 2.25], "tags": "red | blue|red", "history": [3, 1, 4, 1, 5, 9, 2, 6], "kind": "a"},
    {"user": "7", "age": 18, "city": "osaka", "zip": "K1A", "genres": [], "title": "ÉCOLE d’été", "price": 0.01, "count": 99,
     "clip": [1, 2, 3], "tags": ["blue", "green"], "history": [7], "kind": 12},
    {"user": 5.0, "age": 17.99, "city": "大阪", "zip": "", "genres": ["noir", "noir", "opera"], "title": "a", "price": 100,
     "count": 7, "clip": [0, 0, 0], "tags": "", "history": [1, 77, 2], "kind": ""},
    {"user": 1234567890123, "age": None, "city": "Łódź", "genres": ["drama"], "title": "", "price": 1, "count": 1.5,
     "clip": [1e-3, 1e3, -0.0], "history": [9, 9], "kind": "ß", "ignored": {"a": 1}},
]


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def murmur3(text):
    data, value = text.encode(), 0
    rotate = lambda x, n: (x << n | x >> (32 - n)) & 0xFFFFFFFF
    mix = lambda k: rotate(k * 0xCC9E2D51 & 0xFFFFFFFF, 15) * 0x1B873593 & 0xFFFFFFFF
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        value = (rotate(value ^ mix(int.from_bytes(data[i:i + 4], "little")), 13) * 5 + 0xE6546B64) & 0xFFFFFFFF
    value ^= mix(int.from_bytes(data[whole:], "little")) ^ len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    value = (value ^ value >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return value ^ value >> 16


assert fnv1a64("a") == 0xAF63DC4C8601EC8C and murmur3("hello") == 0x248BFA47 and zlib.crc32(b"123456789") == 0xCBF43926


def text_of(value):
    return str(int(value)) if isinstance(value, float) else str(value)


def characters(text, sizes, before="", after=""):
    text = before + text.lower() + after
    return [text[i:i + n] for n in sizes for i in range(len(text) - n + 1)]


def words(text, sizes):
    parts = text.lower().split()
    return [" ".join(parts[i:i + n]) for n in sizes for i in range(len(parts) - n + 1)]


def pad(lists, width=None, left=False, value=0):
    width = width or max([1] + [len(x) for x in lists])
    fill = [[value] * (width - len(x)) for x in lists]
    return [f + x if left else x + f for x, f in zip(lists, fill)]


def vocabulary(names, first=0, unknown=None):
    places = {str(name): first + i for i, name in enumerate(names)}
    return lambda value: places.get(text_of(value), unknown(text_of(value)) if callable(unknown) else unknown)


columns, expected = [], {}


def column(input, kind, tensor, further={}, **members):
    columns.append({"input": input, "type": kind, **members})
    expected.setdefault(input, tensor)
    expected.update(further)


user = vocabulary([5, 7, 9], first=4, unknown=lambda text: 1 + fnv1a64(text) % 3)
column("user", "index", [[user(r["user"])] for r in rows],
       lookup={"vocabulary": [5, 7, 9], "first_row": 4, "unknown": {"first_row": 1, "rows": 3}})
bounds = [18, 25.5, 35]
column("age", "index", [[0 if r["age"] is None else 1 + sum(b <= r["age"] for b in bounds)] for r in rows],
       lookup={"boundaries": bounds, "first_row": 1}, missing=0)
city = vocabulary([c.lower() for c in cities], first=1, unknown=0)
column("city", "index", [[city(r["city"].lower())] for r in rows],
       lookup={"vocabulary": {"file": "cities.txt"}, "first_row": 1, "unknown": 0, "lowercase": True})
region = vocabulary(list("0123456789"), first=1, unknown=11)
column("region", "index", [[region(r.get("zip", "x")[:1])] for r in rows], field="zip", default="x",
       lookup={"vocabulary": list("0123456789"), "first_row": 1, "unknown": 11, "prefix": 1})
for hash, function in [("fnv1a64", fnv1a64), ("crc32", lambda t: zlib.crc32(t.encode())), ("murmur3_32", murmur3)]:
    column("hashed", "index", [[f(text_of(r["user"])) % 1000 + 1
                                for f in (fnv1a64, lambda t: zlib.crc32(t.encode()), murmur3)] for r in rows],
           field="user", lookup={"hash": hash, "buckets": 1000, "first_row": 1})
column("numbers", "number", [[math.log(r["price"]), (r["price"] - 50) / 12.5, (math.log1p(r["count"]) - 0.5) / 1.5]
                             for r in rows], field="price", log="log")
column("numbers", "number", None, field="price", mean=50, std=12.5)
column("numbers", "number", None, field="count", log="log1p", min=0.5, max=2)
column("clip", "vector", [r["clip"] for r in rows], length=3)
genre = vocabulary(["drama", "noir"], first=1, unknown=0)
hot = [[float(i in [genre(g) for g in r["genres"]]) for i in range(3)] for r in rows]
column("genres", "multi_hot", hot, lookup={"vocabulary": ["drama", "noir"], "first_row": 1, "unknown": 0})
tag = vocabulary(["red", "blue"])
tags = [r.get("tags", []) for r in rows]
tags = [[t.strip() for t in x.split("|") if t.strip()] if isinstance(x, str) else x for x in tags]
counts = [[float(sum(tag(t) == i for t in x)) for i in range(2)] for x in tags]
column("tags", "multi_hot", counts, separator="|", counts=True, default=[],
       lookup={"vocabulary": ["red", "blue"], "unknown": "skip"})
history = [[i for i in r["history"] if i < 10][-5:] for r in rows]
column("history", "list", pad(history), {"length": [[len(x)] for x in history]}, length=5, keeps="last", minimum=1,
       lengths="length", lookup={"rows": 10, "unknown": "skip"})
left = [[10 if i > 9 else i for i in r["history"]][:6] for r in rows]
column("left", "list", pad(left, 6, True, 99), {"left_mask": pad([[1.0] * len(x) for x in left], 6, True)},
       field="history", length=6, fixed=True, pads="left", padding=99, float_mask="left_mask",
       lookup={"rows": 10, "unknown": 10})
grams = [[1 + zlib.crc32(g.encode()) % 4096 for g in characters(r["title"], [2, 3], "^", "$")][:9] for r in rows]
column("grams", "list", pad(grams, 9), {"grams_mask": pad([[1] * len(x) for x in grams], 9)}, field="title", length=9,
       fixed=True, mask="grams_mask", ngrams={"sizes": [2, 3], "before": "^", "after": "$"},
       lookup={"hash": "crc32", "buckets": 4096, "first_row": 1})
bags = [[0.0] * 32 for _ in rows]
for bag, r in zip(bags, rows):
    for g in words(r["title"], [1, 2]):
        bag[fnv1a64(g) % 32] = 1.0
column("words", "multi_hot", bags, field="title", ngrams={"unit": "word", "sizes": [1, 2]},
       lookup={"hash": "fnv1a64", "buckets": 32})
column("kind", "string", [[text_of(r["kind"])] for r in rows])

with open(os.path.join(here, "cities.txt"), "w", encoding="utf-8") as file:
    file.write("\n".join(c.lower() for c in cities) + "\n")


def write(name, value):
    with open(os.path.join(here, name), "w", encoding="utf-8") as file:
        if isinstance(value, list):
            lines = ",\n".join(" " + json.dumps(v, ensure_ascii=False) for v in value)
            file.write("[\n" + lines + "\n]\n")
        else:
            lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in value.items())
            file.write("{\n" + lines + "\n}\n")


write("features.json", {"format": 1, "columns": columns})
write("rows.json", rows)
write("expected.json", expected)
