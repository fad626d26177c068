"""Makes the data sets, each a folder of its own.

    python make_data.py matrix FOLDER [--rows 100000]
    python make_data.py tags FOLDER [--rows 200000]
    python make_data.py hm FOLDER --articles DIRECTORY

A folder holds rows.npy and queries.npy (f32), payload.jsonl (a line per row), meta.json (the fields that are to have an
index), filters.json (cells: a name, queries by their numbers, and one filter for each) and truth.json (brute force).

matrix: share {50 ... 0.01 %} x what the filter knows of the query {nothing, near it, far from it} x form {label, range, and
    of three, or, 10,000 ids}. No two filters of a cell are equal.
tags: bags of tags by Zipf's law, half of them of the row's own cluster; one or two are required.
hm: the articles of H&M (Kaggle 2022), their texts through wordllama, queries as people type them.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import articles
from truth import Dataset, unit

SHARES = [0.5, 0.2, 0.1, 0.05, 0.01, 0.003, 0.001, 0.0001]


class Manifold:
    """Vectors as an encoder's are: clusters of uneven sizes on a curved sheet of few dimensions, with a little noise."""

    def __init__(self, rng: np.random.Generator, dimension: int, clusters: int, latent: int = 24) -> None:
        self.rng = rng
        self.centers = rng.normal(size=(clusters, latent))
        weights = (1 + np.arange(clusters)) ** -0.5
        self.weights = weights / weights.sum()
        self.inner = rng.normal(size=(latent, 128)) / latent**0.5
        self.outer = rng.normal(size=(128, dimension)) / 128**0.5

    def place(self, latents: np.ndarray, noise: float = 0.05) -> np.ndarray:
        parts = []
        for start in range(0, len(latents), 50_000):
            part = np.tanh(1.5 * latents[start : start + 50_000] @ self.inner) @ self.outer
            parts.append((part + noise * self.rng.normal(size=part.shape)).astype(np.float32))
        return np.concatenate(parts)

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Clusters and latents."""
        cluster = self.rng.choice(len(self.centers), count, p=self.weights)
        return cluster, self.centers[cluster] + 0.5 * self.rng.normal(size=(count, self.centers.shape[1]))


def nearest(rows: np.ndarray, centers: np.ndarray) -> np.ndarray:
    parts = [np.argmax(rows[start : start + 20_000] @ centers.T, axis=1) for start in range(0, len(rows), 20_000)]
    return np.concatenate(parts)


def save(folder: Path, rows: np.ndarray, queries: np.ndarray, fields: dict, payload, cells: list[dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "rows.npy", rows.astype(np.float32))
    np.save(folder / "queries.npy", queries.astype(np.float32))
    with open(folder / "payload.jsonl", "w") as file:
        for line in payload:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    meta = {"name": folder.name, "metric": "cosine", "fields": fields}
    (folder / "meta.json").write_text(json.dumps(meta))
    (folder / "filters.json").write_text(json.dumps(cells))
    data = Dataset(folder)
    data.compute_truth()
    for cell, truth in zip(cells, data.truth):
        share = np.mean([one["passing"] for one in truth]) / len(rows)
        print(f"{cell['name']:28} {len(cell['filters'])} queries, {100 * share:.4g} % pass")


ANCHORS, PER_ANCHOR = 10, 5


def matrix(folder: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sheet = Manifold(rng, 384, 1000)
    _, latents = sheet.draw(count)
    rows = sheet.place(latents)
    # Queries lie around some places, and the rows know how far they are from each of these.
    _, places = sheet.draw(ANCHORS)
    anchors = unit(sheet.place(places))
    wanted = np.repeat(places, PER_ANCHOR, axis=0)
    queries = sheet.place(wanted + 0.2 * rng.normal(size=wanted.shape))
    units, asked = unit(rows), unit(queries)
    distance = np.argsort(np.argsort(-(units @ anchors.T), axis=0), axis=0) / count
    coarse_centers = units[rng.choice(count, 200, replace=False)]
    fine_centers = units[rng.choice(count, 10_000, replace=False)]
    columns = {
        "u": rng.random(count).round(7), "v": rng.random(count).round(7),
        "label": rng.integers(0, 200, count), "code": rng.integers(0, 10_000, count),
        "cluster": nearest(units, coarse_centers), "fine": nearest(units, fine_centers),
    }
    for anchor in range(ANCHORS):
        columns[f"d{anchor}"] = distance[:, anchor].round(7)
    names = ["label", "code", "cluster", "fine"]
    fields = {name: "keyword" if name in names else "float" for name in columns}
    sizes = {name: np.bincount(columns[name], minlength=10_000) for name in names}
    near_order = {
        "cluster": np.argsort(-(asked @ coarse_centers.T), axis=1), "fine": np.argsort(-(asked @ fine_centers.T), axis=1)
    }
    order = np.argsort(-(asked @ units.T), axis=1)

    def labels(share: float, kind: str, query: int) -> dict:
        """The labels of a share of the rows."""
        if kind == "none":
            name = "label" if share >= 0.005 else "code"
            labels = rng.permutation(200 if name == "label" else 10_000)
        else:
            name = "cluster" if share > 0.05 else "fine"
            labels = near_order[name][query][:: 1 if kind == "near" else -1]
        mass = np.cumsum(sizes[name][labels])
        # Up to the label that comes nearest to the share.
        taken = 1 + int(np.argmin(np.abs(mass - share * count)))
        return {"in": {"field": name, "values": [f"{name}{label}" for label in labels[:taken]]}}

    def span(share: float, kind: str, query: int, field: str = "u") -> dict:
        # A little more for each query: nobody has asked for it before.
        share *= 1 + 0.0002 * query
        if kind == "none":
            start = rng.uniform(0, 1 - share)
            return {"range": {"field": field, "gte": start, "lt": start + share}}
        field = f"d{query // PER_ANCHOR}"
        return {"range": {"field": field, "lt": share} if kind == "near" else {"field": field, "gte": 1 - share}}

    def three(share: float, kind: str, query: int) -> dict:
        other = share ** (1 / 3) if kind == "none" else max(0.7, share ** (1 / 3))
        first = span(share / other**2, kind, query)
        return {"and": [first, labels(other, "none", query), span(other, "none", query, "v")]}

    def either(share: float, kind: str, query: int) -> dict:
        return {"or": [span(share / 2, kind, query), labels(share / 2, kind, query)]}

    def ids(share: float, kind: str, query: int) -> dict:
        chosen = order[query] if kind != "none" else rng.permutation(count)
        return {"ids": (chosen[-10_000:] if kind == "far" else chosen[:10_000]).tolist()}

    cells = []
    for form, make in [("label", labels), ("range", span), ("and of three", three), ("or", either), ("10,000 ids", ids)]:
        for kind in ["none", "near", "far"]:
            for share in SHARES if form != "10,000 ids" else [10_000 / count]:
                filters = [make(share, kind, query) for query in range(len(queries))]
                name = f"{form}, {kind}, {100 * share:g} %"
                cells.append(
                    {"name": name, "form": form, "correlation": kind, "share": share,
                     "queries": list(range(len(queries))), "filters": filters})
    payload = (
        {name: f"{name}{column[row]}" if name in names else float(column[row]) for name, column in columns.items()}
        for row in range(count))
    save(folder, rows, queries, fields, payload, cells)


VOCABULARY, CLUSTERS, PER_CELL = 50_000, 2_000, 60


def tags(folder: Path, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sheet = Manifold(rng, 192, CLUSTERS)
    cluster, latents = sheet.draw(count)
    rows = sheet.place(latents)
    zipf = 1 / (1 + np.arange(VOCABULARY))
    zipf /= zipf.sum()
    # Every cluster has a vocabulary of its own: the same law, another order.
    shift = rng.integers(0, VOCABULARY, CLUSTERS)
    sizes = 1 + rng.poisson(9, count)
    drawn = rng.choice(VOCABULARY, sizes.sum(), p=zipf)
    own = rng.random(len(drawn)) < 0.5
    drawn[own] = (drawn[own] * 7919 + np.repeat(shift[cluster], sizes)[own]) % VOCABULARY
    bags = [np.unique(bag) for bag in np.split(drawn, np.cumsum(sizes)[:-1])]
    members: dict[int, set[int]] = {}
    for row, bag in enumerate(bags):
        for tag in bag:
            members.setdefault(int(tag), set()).add(row)
    bounds = [
        ("one tag, over 2 %", 1, 0.02, 1), ("one tag, 0.2 to 2 %", 1, 0.002, 0.02), ("one tag, below 0.2 %", 1, 0, 0.002),
        ("two tags, over 0.2 %", 2, 0.002, 1), ("two tags, below 0.2 %", 2, 0, 0.002),
    ]
    cells = [
        {"name": name, "form": "tags", "correlation": "own", "share": high, "queries": [], "filters": []}
        for name, _, _, high in bounds]
    wanted, asked = [], set()
    while any(len(cell["queries"]) < PER_CELL for cell in cells):
        # Somebody looks for something like this row, with tags that it has.
        row = int(rng.integers(count))
        for cell, (_, number, low, high) in zip(cells, bounds):
            if len(bags[row]) < number or len(cell["queries"]) >= PER_CELL:
                continue
            chosen = tuple(sorted(rng.choice(bags[row], number, replace=False).tolist()))
            passing = len(set.intersection(*(members[tag] for tag in chosen))) / count
            if low <= passing < high and chosen not in asked:
                # Of common tags there are few: those may come again.
                if number > 1 or low < 0.02:
                    asked.add(chosen)
                parts = [{"in": {"field": "tags", "values": [f"t{tag}"]}} for tag in chosen]
                cell["queries"].append(len(wanted))
                cell["filters"].append(parts[0] if number == 1 else {"and": parts})
                wanted.append(latents[row] + 0.3 * rng.normal(size=latents.shape[1]))
                break
    queries = sheet.place(np.array(wanted))
    payload = ({"tags": [f"t{tag}" for tag in bag]} for bag in bags)
    save(folder, rows, queries, {"tags": "keyword[]"}, payload, cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["matrix", "tags", "hm"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--articles", type=Path, help="where articles.csv.gz and purchases.csv.gz are")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.kind == "matrix":
        matrix(options.folder, options.rows or 100_000, options.seed)
    elif options.kind == "tags":
        tags(options.folder, options.rows or 200_000, options.seed)
    else:
        save(options.folder, *articles.load(options.articles, options.seed))


if __name__ == "__main__":
    main()
