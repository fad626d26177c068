"""What a recall target gives on queries that calibration has not seen, and what it costs.

    python targets.py --belfry ../../.build/release/belfry --data wordllama glove --index hnsw ivf --json targets.json

For each data set, index, k and target: the mean recall over the data set's queries, which no index has seen; and the
distances computed, over those of the cheapest fixed effort of the sweep that reaches the target on the same queries. That
effort is chosen with the answers in hand, which a calibration cannot have.
"""

import argparse
import json

from dataset import NAMES, Dataset
from systems import Belfry


def rows(data: Dataset, index: str, k: int, targets: list[float], arguments: argparse.Namespace) -> list[dict]:
    belfry = Belfry(arguments.belfry, index, data, k, targets, seed=1)
    points = belfry.run(batch=False, repeat=1, build_threads=2)["points"]
    swept = [point for point in points if point.get("target") is None]
    found = []
    for point in (point for point in points if point.get("target") is not None):
        enough = [other["evaluations"] for other in swept if other["recall"] >= point["target"]]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--belfry", required=True)
    parser.add_argument("--data", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--index", nargs="+", choices=["hnsw", "ivf"], default=["hnsw", "ivf"])
    parser.add_argument("--k", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--recall", type=float, nargs="+", default=[0.9, 0.95, 0.99])
    parser.add_argument("--json")
    arguments = parser.parse_args()
    found = []
    for name in arguments.data:
        data = Dataset(name)
        for index in arguments.index:
            for k in arguments.k:
                found += rows(data, index, k, arguments.recall, arguments)
    print(table(found, arguments.recall))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
