"""Side by side: what run.py has measured, as tables in Markdown.

    python report.py FOLDER OUTPUT [--target 0.95] [--brief]

Recall is recomputed here from the answers, by one rule for all. A system's time is that of filters that nobody has asked
before: the median over the queries of the medians of the rounds; p99 in the same way. Of systems with several settings the
cell shows the first that reaches 0.9, or else the one of the highest recall.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from truth import Dataset, Judge


def load(output: Path) -> dict[tuple[str, str], list[dict]]:
    """The rounds of each system and setting, settings in the order of the files."""
    runs = defaultdict(list)
    for path in sorted(output.glob("*.json"), key=lambda path: path.stat().st_mtime):
        result = json.loads(path.read_text())
        runs[result["system"], result["params"]].append(result)
    return runs


def middle(rounds: list[list]) -> np.ndarray:
    """Each query's median over the rounds; without queries that have no time."""
    times = np.array([[np.nan if time is None else time for time in one] for one in rounds], float)
    times = times[:, ~np.isnan(times).all(axis=0)]
    return np.nanmedian(times, axis=0) if times.size else np.array([])


def summary(cells: list[dict], judge: Judge, place: int) -> dict:
    """One cell of one system and setting, of all rounds."""
    recalls = np.mean([judge.recalls(place, cell["answers"]) for cell in cells], axis=0)
    first = middle([cell["first"] for cell in cells])
    medians = [np.nanmedian(np.array(cell["first"], float)) for cell in cells]
    result = {
        "recall": recalls.mean(), "lowest": recalls.min(), "p50": np.median(first), "p99": np.percentile(first, 99),
        "range": (min(medians), max(medians)), "errors": sum(len(cell.get("errors", [])) for cell in cells),
        "recalls": recalls,
    }
    for name in ("first_search", "again", "again_search", "scan_search", "walk"):
        if name in cells[0]:
            result[name] = middle([cell[name] for cell in cells])
    if "walk" in cells[0]:
        # Query by query, and round by round, since the machine is not always the same.
        ratios = [
            [again / min(scan, walk if walk is not None else np.inf)
             for again, scan, walk in zip(cell["again_search"], cell["scan_search"], cell["walk"])] for cell in cells]
        result["ratio"] = float(np.median(np.median(ratios, axis=0)))
        result["scanned"] = float(np.mean(cells[0]["scanned"]))
        evaluation = [
            [None if first is None else first - again for first, again in zip(cell["first_search"], cell["again_search"])]
            for cell in cells]
        result["evaluation"] = float(np.median(middle(evaluation)))
    return result


def text(one: dict, least: float) -> str:
    recall = f"{one['recall']:.3f}" if one["recall"] >= least else f"**{one['recall']:.3f}**"
    return f"{recall}, {digits(one['p50'])} ({digits(one['p99'])})" + (f" {one['errors']} errors" if one["errors"] else "")


def digits(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--only", nargs="+", help="cells whose names have one of these")
    options = parser.parse_args()
    data = Dataset(options.folder)
    judge = Judge(data)
    runs = load(options.output)
    own = ("belfry", f"recall {options.target:g}")
    systems: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for system, params in sorted(runs, key=lambda key: (key[0] != "belfry",)):
        if system != "belfry" or params == own[1]:
            systems[system].append((system, params))
    head = " | ".join(systems)
    print(f"Recall, p50 (p99) in ms.\n\n| filter | passing | {head} | best other / belfry |\n|{'---|' * (len(systems) + 3)}")
    details, wins, worst = [], [], []
    for place, cell in enumerate(data.cells):
        name = cell["name"]
        if options.only and not any(part in name for part in options.only):
            continue
        shown, best = [], None
        for system, settings in systems.items():
            found = []
            for key in settings:
                cells = [one for run in runs[key] for one in run["cells"] if one["name"] == name]
                if cells:
                    found.append(summary(cells, judge, place))
            if not found:
                shown.append("–")
                continue
            reached = [one for one in found if one["recall"] >= 0.9]
            one = min(reached, key=lambda one: one["p50"]) if reached else max(found, key=lambda one: one["recall"])
            shown.append(text(one, options.target - 0.005 if system == "belfry" else 0.9))
            if system == "belfry":
                details.append((name, one))
            elif one["recall"] >= 0.9 and (best is None or one["p50"] < best):
                best = one["p50"]
        passing = np.mean([one["passing"] for one in judge.truth[place]]) / len(data.rows)
        ratio = best / details[-1][1]["p50"] if best and details and details[-1][0] == name else None
        wins.append((name, ratio))
        print(f"| {name} | {100 * passing:.3g} % | {' | '.join(shown)} | {f'{ratio:.2f}' if ratio else 'none reaches 0.9'} |")
    if not details:
        return
    print(f"\nBelfry at {options.target:g}: lowest query, share of queries under the target; ms p50: a new filter, of that the "
          "evaluation; asked again; scan of what passes; walk to the last row; again / the better of both (without payload).\n")
    print("| filter | recall | lowest | under | new | evaluation | again | scan | walk | again/best |\n|" + "---|" * 10)
    for name, one in details:
        walk = one["walk"]
        under = np.mean(one["recalls"] < options.target)
        marks = ("recall " if one["recall"] < options.target - 0.005 else "") + ("time" if one["ratio"] > 1.3 else "")
        if marks:
            worst.append((name, marks.strip(), one))
        print(f"| {name} | {one['recall']:.3f} | {one['lowest']:.1f} | {100 * under:.0f} % | {digits(one['p50'])} | "
              f"{one['evaluation']:.3f} | {digits(np.median(one['again']))} | {np.median(one['scan_search']):.3f} | "
              f"{f'{np.median(walk):.3f}' if len(walk) else '–'} | {one['ratio']:.2f} |")
    print(f"\n{len(worst)} of {len(details)} cells below the target or above 1.3: "
          + "; ".join(f"{name} ({marks}: {one['recall']:.3f}, {one['ratio']:.2f})" for name, marks, one in worst))
    print("Slower than another that reaches 0.9: "
          + "; ".join(f"{name} ({ratio:.2f})" for name, ratio in wins if ratio and ratio < 1))


if __name__ == "__main__":
    main()
