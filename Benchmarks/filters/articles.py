"""H&M's articles: their texts through wordllama, the attributes that they have, and queries as people type them.

Price and day of the last sale are known of the articles that were sold in the six days of purchases.csv.gz: 17,161 of
105,542. A row that was not sold lacks them.
"""

import csv
import gzip
from datetime import date
from pathlib import Path

import numpy as np

QUERIES = 100
FIELDS = {"color": "keyword", "group": "keyword", "type": "keyword", "index": "keyword", "price": "float", "day": "integer"}
ADJECTIVES = ["cheap", "warm", "summer", "soft", "cotton", "long", "striped", "casual", "elegant", "oversized", "lace", ""]
PEOPLE = ["for women", "for men", "for girls", "for a baby", "for the gym", "for a wedding", "for work", "", "", ""]


def read(folder: Path) -> tuple[list[str], list[dict]]:
    """Texts and payload of all articles."""
    sales: dict[str, list[tuple[float, int]]] = {}
    with gzip.open(folder / "purchases.csv.gz", "rt") as file:
        for line in csv.DictReader(file):
            sold = (float(line["price"]), date.fromisoformat(line["t_dat"]).toordinal())
            sales.setdefault(line["article_id"].zfill(10), []).append(sold)
    texts, payload = [], []
    with gzip.open(folder / "articles.csv.gz", "rt") as file:
        for line in csv.DictReader(file):
            kind, color = line["product_type_name"], line["colour_group_name"]
            texts.append(f"{line['prod_name']}. {color} {kind}. {line['detail_desc']}")
            payload.append(
                {"color": color, "group": line["product_group_name"], "type": kind, "index": line["index_group_name"]})
            if sold := sales.get(line["article_id"].zfill(10)):
                payload[-1]["price"] = round(float(np.mean([price for price, _ in sold])), 6)
                payload[-1]["day"] = max(day for _, day in sold)
    return texts, payload


def one_of(field: str, *values: str) -> dict:
    return {"in": {"field": field, "values": list(values)}}


def load(folder: Path, seed: int) -> tuple[np.ndarray, np.ndarray, dict, list[dict], list[dict]]:
    import wordllama
    from wordllama import WordLlama

    rng = np.random.default_rng(seed)
    texts, payload = read(folder)
    # Its files are in the package; by itself it looks for one of them on the network.
    model = WordLlama.load(cache_dir=Path(wordllama.__file__).parent)
    rows = model.embed(texts, norm=True)

    def often(field: str, least: int) -> list[str]:
        values, counts = np.unique([line[field] for line in payload], return_counts=True)
        return [str(value) for value, count in zip(values, counts) if count >= least]

    colors, kinds, groups = often("color", 300), often("type", 300), often("group", 1_000)
    group_of = {line["type"]: line["group"] for line in payload}
    of_group = np.array([line["group"] for line in payload])
    centers = {group: rows[of_group == group].mean(axis=0) for group in groups}
    prices = np.sort([line["price"] for line in payload if "price" in line])
    days = sorted({line["day"] for line in payload if "day" in line})
    asked, seen = [], set()
    while len(asked) < QUERIES:
        color, kind = str(rng.choice(colors)), str(rng.choice(kinds))
        adjective, people = str(rng.choice(ADJECTIVES)), str(rng.choice(PEOPLE))
        named = color.lower() if rng.random() < 0.6 else ""
        text = " ".join(f"{adjective} {named} {kind.lower()} {people}".split())
        if text not in seen and group_of[kind] in centers:
            seen.add(text)
            asked.append((text, color, kind))
    queries = model.embed([text for text, _, _ in asked], norm=True)

    def price(share: float) -> dict:
        """A range with this share of the priced articles, that nobody has asked for before."""
        width = int(share * len(prices))
        start = int(rng.integers(0, len(prices) - width))
        return {"range": {"field": "price", "gte": float(prices[start]) - rng.random() * 1e-7, "lt": float(prices[start + width])}}

    def far_group(query: int) -> str:
        return min(centers, key=lambda group: float(centers[group] @ queries[query]))

    def other_color(color: str) -> str:
        return str(rng.choice([other for other in colors if other != color]))

    makers = {
        "color of the query": lambda q, color, kind: one_of("color", color),
        "another color": lambda q, color, kind: one_of("color", other_color(color)),
        "one of three colors": lambda q, color, kind: one_of("color", color, other_color(color), other_color(color)),
        "group of the query": lambda q, color, kind: one_of("group", group_of[kind]),
        "the farthest group": lambda q, color, kind: one_of("group", far_group(q)),
        "half of the prices": lambda q, color, kind: price(0.5),
        "a tenth of the prices": lambda q, color, kind: price(0.1),
        "sold since a day": lambda q, color, kind: {"range": {"field": "day", "gte": days[1 + q % (len(days) - 1)]}},
        "group, color and price": lambda q, color, kind: {
            "and": [one_of("group", group_of[kind]), one_of("color", color), price(0.5)]},
        "type and color": lambda q, color, kind: {"and": [one_of("type", kind), one_of("color", color)]},
        "color or price": lambda q, color, kind: {"or": [one_of("color", color), price(0.3)]},
        "far group and color": lambda q, color, kind: {"and": [one_of("group", far_group(q)), one_of("color", color)]},
    }
    cells = [
        {"name": name, "form": "attributes", "correlation": "own", "share": None, "queries": list(range(QUERIES)),
         "filters": [make(q, color, kind) for q, (_, color, kind) in enumerate(asked)]}
        for name, make in makers.items()
    ]
    return rows, queries, FIELDS, payload, cells
