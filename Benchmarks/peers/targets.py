"""What a recall target gives on queries that nobody has seen, how it is distributed, and what it costs.

    python targets.py --belfry ../../.build/release/belfry --data wordllama glove --index hnsw ivf
    python targets.py --belfry ../../.build/release/belfry --texts --index hnsw ivf --seeds 1 2 3 4 5 --json targets.json

Vectors (`--data`): rows of the data sets of datasets.py, of which 2,000 are in no index. For each index, k and target the
mean recall, and the distances computed over those of the cheapest fixed effort of the sweep that finds as much of the same
queries. That effort is chosen with the answers in hand, which a calibration cannot have.

Texts (`--texts`): the titles of 36,016 industrial products and of 54,667 of a DIY shop in one collection, with an index
forced and no queries named, so that it is calibrated on queries made of its own titles. It is asked

| queries | where they are from |
|---|---|
| hand | Indexes/products/queries.txt, written by hand |
| terms | what people typed into the DIY shop's search (2,500 of 11,795) |
| rows | titles of the collection itself, each a query of its own |

by `belfry audit`. No index saw any query of these while it was built. Over the build's seeds: the mean recall and the
least of the seeds; the share of the queries that find less than the target less 0.15 and the share that miss the nearest,
each with the upper end of its 95 % interval (Wilson) over the seed's queries; distances; scanned though nobody asked for it;
noticed as unlike.
"""

import argparse
import csv
import json
import math
import os
import random
import re
import subprocess
from pathlib import Path

import sources
from dataset import NAMES, Dataset
from systems import Belfry

ROOT = Path(__file__).resolve().parents[2]


def rows(data: Dataset, index: str, k: int, targets: list[float], arguments: argparse.Namespace) -> list[dict]:
    belfry = Belfry(arguments.belfry, index, data, k, targets, seed=1)
    points = belfry.run(batch=False, repeat=1, build_threads=2)["points"]
    swept = [point for point in points if point.get("target") is None]
    found = []
    for point in (point for point in points if point.get("target") is not None):
        enough = [other["evaluations"] for other in swept if other["recall"] >= point["recall"]]
        found.append(
            {
                "data": data.name,
                "index": index,
                "k": k,
                "target": point["target"],
                "param": point["param"],
                "recall": point["recall"],
                "cost": point["evaluations"] / min(enough) if enough else None,
            }
        )
    return found


def table(found: list[dict], targets: list[float]) -> str:
    """A line for each data set, index and k; recall and cost for each target."""
    lines = ["| data | index | k | " + " | ".join(f"{target}" for target in targets) + " |"]
    lines.append("|---|---|---:|" + "---:|" * len(targets))
    for key in dict.fromkeys((row["data"], row["index"], row["k"]) for row in found):
        cells = []
        for row in found:
            if (row["data"], row["index"], row["k"]) != key:
                continue
            short = " **short**" if row["recall"] < row["target"] - 0.005 else ""
            cost = f"{row['cost']:.2f}" if row["cost"] else "–"
            cells.append(f"{row['recall']:.4f} ({cost}){short}")
        lines.append(f"| {key[0]} | {key[1]} | {key[2]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


# Texts


def run(arguments: argparse.Namespace, *words: object) -> str:
    done = subprocess.run([arguments.belfry, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def prepare_texts(folder: Path, data: Path) -> dict[str, Path]:
    """The catalogue of titles, and the files of queries."""
    shop = data / "homedepot_search_relevance"
    titles = []
    catalogue = sources.CACHE / "qte-industrial-catalog" / "product-E-20-09-2026.csv"
    with open(catalogue, encoding="utf-8-sig", newline="") as file:
        titles += [("q" + row[0], row[1]) for row in list(csv.reader(file))[1:] if len(row) > 1 and row[1].strip()]
    with open(shop / "products.csv", encoding="utf-8", errors="replace", newline="") as file:
        titles += [("h" + row["product_uid"], row["product_title"]) for row in csv.DictReader(file)]
    with open(folder / "titles.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title"])
        writer.writerows(dict(titles).items())
    with open(shop / "judgements.csv", encoding="utf-8", errors="replace", newline="") as file:
        terms = sorted({row["search_term"] for row in csv.DictReader(file)})
    chance = random.Random(1)
    chance.shuffle(terms)
    files = {"hand": ROOT / "Indexes" / "products" / "queries.txt"}
    for name, texts in (("terms", terms[:2_500]), ("rows", [title for _, title in chance.sample(titles, 2_000)])):
        files[name] = folder / f"{name}.txt"
        files[name].write_text("\n".join(re.sub(r"\s+", " ", text) for text in texts) + "\n", encoding="utf-8")
    return files


def texts(arguments: argparse.Namespace) -> list[dict]:
    folder = sources.CACHE / "bench" / "titles"
    folder.mkdir(parents=True, exist_ok=True)
    queries = prepare_texts(folder, Path(arguments.shared_data))
    vectors = {}
    for name, path in queries.items():
        vectors[name] = folder / f"{name}.npy"
        run(arguments, "embed", sources.CACHE / "all-MiniLM-L6-v2.tower", "--input", path, "--output", vectors[name])
    found = []
    for index in arguments.index:
        (folder / "recipe.yaml").write_text(
            "rows: {file: titles.csv}\nid: id\ntext: \"{title}\"\npayload: {title: string}\n"
            f"tower: {sources.CACHE}/all-MiniLM-L6-v2.tower\nvectors: {{metric: cosine}}\nindex: {index}\nrecall: 0.95\n"
        )
        for seed in arguments.seeds:
            run(arguments, "build", folder, "--replace", "--seed", seed)
            for name in queries:
                for k in arguments.k:
                    recalls = ",".join(map(str, arguments.recall))
                    style = "texts" if name != "rows" else "any"
                    text = run(
                        arguments, "audit", folder, "--queries", queries[name] if style == "texts" else vectors[name],
                        "--recall", recalls, "-k", k, "--json",
                    )
                    for audit in json.loads(text):
                        audit.pop("recalls")
                        found.append({"queries_of": name, "index": index, "seed": seed} | audit)
            print(f"{index}, seed {seed}: done", flush=True)
    return found


def upper(share: float, count: int) -> float:
    """The upper end of Wilson's 95 % interval."""
    z = 1.96
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle + spread) / (1 + z * z / count)


def text_table(found: list[dict]) -> str:
    lines = [
        "| queries | index | k | asked | recall (least seed) | low | nearest missed | distances | scanned | unlike |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for key in dict.fromkeys((row["queries_of"], row["index"], row["k"], row["target"]) for row in found):
        cell = [row for row in found if (row["queries_of"], row["index"], row["k"], row["target"]) == key]
        mean = {name: sum(row[name] for row in cell) / len(cell) for name in cell[0] if name.startswith(("share", "rec", "eval"))}
        count = cell[0]["queries"]
        shares = [
            f"{100 * mean[name]:.1f} % (≤ {100 * upper(mean[name], count):.1f} %)"
            for name in ("share_low", "share_missing_nearest")
        ]
        least = min(row["recall"] for row in cell)
        lines.append(
            f"| {key[0]} | {key[1]} | {key[2]} | {key[3]} | {mean['recall']:.4f} ({least:.4f}) | {' | '.join(shares)} | "
            f"{mean['evaluations']:,.0f} | {100 * mean['share_scanned']:.1f} % | {100 * mean['share_unlike']:.1f} % |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--belfry", required=True)
    parser.add_argument("--data", nargs="+", choices=NAMES, default=[])
    parser.add_argument("--texts", action="store_true")
    parser.add_argument("--shared-data", default=os.environ.get("BELFRY_DATA", str(ROOT.parent / "shared" / "data")))
    parser.add_argument("--index", nargs="+", choices=["hnsw", "ivf"], default=["hnsw", "ivf"])
    parser.add_argument("--k", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--recall", type=float, nargs="+", default=[0.9, 0.95, 0.99])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if not arguments.data and not arguments.texts:
        arguments.data = NAMES
    found = []
    for name in arguments.data:
        data = Dataset(name)
        for index in arguments.index:
            for k in arguments.k:
                found += rows(data, index, k, arguments.recall, arguments)
    if found:
        print(table(found, arguments.recall))
    if arguments.texts:
        measured = texts(arguments)
        print(text_table(measured))
        found += measured
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
