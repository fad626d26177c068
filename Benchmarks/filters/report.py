"""Side by side: what run.py has measured, as tables in Markdown.

    python report.py FOLDER OUTPUT [--target 0.95] [--only "label, near"] [--short] [--grouped]

Recall is recomputed here from the answers, by one rule for all. Times are those of filters that nobody has asked before: of
each query the median over the rounds, and of these the median and the 99th percentile. A ratio of processor times does not
know what else ran on the machine; LanceDB and milvus-lite may use several threads, whose times it adds. Of a system's
settings the cell shows the fastest that reaches 0.9, or the one of the highest recall where none does.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from truth import Dataset, Judge

REACHED = 0.9
# What there is one of for each query, and what went wrong.
PARTS = {"first", "first_cpu", "first_search", "again_search", "scan_search", "walk", "errors"}


class Cell:
    """One cell of one system and setting, or several as if they were one, of all its rounds."""

    def __init__(self, rounds: list[dict[str, dict]], judge: Judge, names: dict[str, int]) -> None:
        recalls = np.array(
            [sum((judge.recalls(place, one[name]["answers"]) for name, place in names.items()), []) for one in rounds])
        self.rounds = [
            {part: sum((one[name][part] for name in names), []) for part in one[next(iter(names))] if part in PARTS}
            for one in rounds]
        self.recalls = recalls.mean(axis=0)
        self.recall, self.lowest = recalls.mean(), recalls.min()
        first = self.middle("first")
        self.p50, self.p99 = np.median(first), np.percentile(first, 99)
        self.processor = np.median(self.middle("first_cpu"))
        self.errors = max(len(one.get("errors", [])) for one in rounds)

    def middle(self, name: str) -> np.ndarray:
        """Each query's median over the rounds; without queries that have no time."""
        return middle([one[name] for one in self.rounds])

    def text(self, least: float) -> str:
        recall = f"{self.recall:.3f}" if self.recall >= least else f"**{self.recall:.3f}**"
        return f"{recall}, {digits(self.p50)} ({digits(self.p99)})" + (f", {self.errors} errors" if self.errors else "")

    @property
    def evaluation(self) -> float:
        """What finding the points took: the difference between a new filter and the same once more."""
        return np.median(middle([
            [None if first is None else first - again for first, again in zip(one["first_search"], one["again_search"])]
            for one in self.rounds]))

    @property
    def over_best(self) -> float:
        """Query by query, the time beside the better of a scan and a walk."""
        return np.median(middle([
            [again / min(scan, walk or np.inf)
             for again, scan, walk in zip(one["again_search"], one["scan_search"], one["walk"])] for one in self.rounds]))


def middle(rounds: list[list]) -> np.ndarray:
    times = np.array([[np.nan if time is None else time for time in one] for one in rounds], float)
    times = times[:, ~np.isnan(times).all(axis=0)]
    return np.nanmedian(times, axis=0) if times.size else np.array([np.nan])


def digits(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def load(output: Path) -> dict[tuple[str, str], list[dict]]:
    """The rounds of each system and setting."""
    runs = defaultdict(list)
    for path in sorted(output.glob("*.json")):
        result = json.loads(path.read_text())
        runs[result["system"], result["params"]].append({cell["name"]: cell for cell in result["cells"]})
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--only", nargs="+", help="cells whose names have one of these")
    parser.add_argument("--grouped", action="store_true", help="the forms of a filter as one, but for lists of ids")
    parser.add_argument("--short", action="store_true", help="without the second table")
    options = parser.parse_args()
    data = Dataset(options.folder)
    judge, runs = Judge(data), load(options.output)
    others = sorted({system for system, _ in runs if system != "belfry"})
    print("Recall, p50 (p99) in ms.\n")
    print(f"| filter | passing | belfry | {' | '.join(others)} | best other / belfry | by processor |")
    print("|---" * (len(others) + 5) + "|")
    details, ratios = [], []
    groups: dict[str, dict[str, int]] = defaultdict(dict)
    for place, cell in enumerate(data.cells):
        if options.only and not any(part in cell["name"] for part in options.only):
            continue
        is_grouped = options.grouped and cell["form"] != "10,000 ids"
        group = f"{cell['correlation']}, {100 * cell['share']:g} %" if is_grouped else cell["name"]
        groups[group][cell["name"]] = place
    for name, names in groups.items():
        found = {}
        for key, rounds in runs.items():
            if rounds := [one for one in rounds if names.keys() <= one.keys()]:
                found[key] = Cell(rounds, judge, names)
        own = found.get(("belfry", f"recall {options.target:g}"))
        shown, reached = [], []
        for system in others:
            cells = [one for key, one in found.items() if key[0] == system]
            good = [one for one in cells if one.recall >= REACHED]
            reached += good
            best = min(good, key=lambda one: one.p50) if good else max(cells, key=lambda one: one.recall, default=None)
            shown.append(best.text(REACHED) if best else "–")
        ratio = processor = "–"
        if own and reached and not np.isnan(own.p50):
            value = min(one.p50 for one in reached) / own.p50
            ratio, processor = digits(value), digits(min(one.processor for one in reached) / own.processor)
            ratios.append((name, value))
        passing = np.mean([one["passing"] for place in names.values() for one in judge.truth[place]]) / len(data.rows)
        own_text = own.text(options.target - 0.005) if own else "–"
        print(f"| {name} | {100 * passing:.3g} % | {own_text} | {' | '.join(shown)} | {ratio} | {processor} |")
        if own:
            details.append((name, own))
    if details and not options.short:
        details_of(details, options.target)
    if ratios:
        values = np.array([value for _, value in ratios])
        print(f"\nOf {len(values)} cells: median ratio {np.median(values):.2f}, {(values >= 2).sum()} at 2 or more, "
              f"{(values < 1).sum()} below 1: " + "; ".join(f"{name} {value:.2f}" for name, value in ratios if value < 1))


def details_of(details: list[tuple[str, Cell]], target: float) -> None:
    print(f"\nBelfry at {target:g}. Queries below the target; p50 in ms: a new filter, without payload, of that the evaluation; "
          "the same filter once more, without payload; a scan of what passes; a walk to the last row that should be found; "
          "the filter once more beside the better of both.\n")
    print("| filter | recall | lowest | below | new | without payload | evaluation | again | scan | walk | again/best |")
    print("|---" * 11 + "|")
    short = []
    for name, one in details:
        ratio = one.over_best
        marks = (["recall"] if one.recall < target - 0.005 else []) + (["time"] if ratio > 1.3 else [])
        if marks:
            short.append(f"{name} ({' and '.join(marks)}: {one.recall:.3f}, {ratio:.2f})")
        figures = [np.median(one.middle(part)) for part in ("first", "first_search")]
        figures += [one.evaluation] + [np.median(one.middle(part)) for part in ("again_search", "scan_search", "walk")]
        texts = " | ".join("–" if np.isnan(figure) else f"{figure:.3f}" for figure in figures)
        print(f"| {name} | {one.recall:.3f} | {one.lowest:.1f} | {100 * np.mean(one.recalls < target):.0f} % | {texts} | "
              f"{ratio:.2f} |")
    print(f"\n{len(short)} of {len(details)} cells have a recall below the target or a time above 1.3: " + "; ".join(short))


if __name__ == "__main__":
    main()
