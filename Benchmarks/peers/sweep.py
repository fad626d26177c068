"""Measures one peer over its search parameters."""

from collections.abc import Iterator

from curves import frontier, reading
from systems import Peer

ENOUGH = 0.997  # nothing is asked of the recalls beyond
WORTH = 0.8  # nor of those below
MODES = ("single", "batch")


def sweep(peer: Peer, targets: list[float], repeat: int) -> list[dict]:
    """Points {"param", "recall", "single": {...}, "batch": {...}}; QPS is the best of the passes.

    1. Every group of parameters is walked in rising effort, one query at a time, until it has recall enough or stops
       gaining; far below the interesting recalls every second step is left out.
    2. What is on the frontier is measured batch against batch.
    3. The points that the figures are read off between are measured in the repeats."""
    points = [point for group in peer.facts["sweep"] for point in walk(peer, group)]
    shown = frontier([point | {"qps": point["single"]["qps"]} for point in points])
    # One point below the interesting recalls, so that the first of them can be read off between two.
    lower = [point["recall"] for point in shown if point["recall"] < WORTH][-1:]
    kept = [point["param"] for point in shown if point["recall"] >= WORTH or point["recall"] in lower]
    for point in points:
        if point["param"] in kept:
            point["batch"] = peer.measure(point["param"], "batch")
    for _ in range(repeat - 1):
        wanted = between(points, targets, peer.facts["batch_loops"])
        for point in points:
            if point["param"] in wanted:
                for mode in MODES:
                    point[mode] = faster(point.get(mode), peer.measure(point["param"], mode))
    return points


def between(points: list[dict], targets: list[float], batch_loops: bool) -> list:
    """The parameters that the figures at the targets rest on, in both modes."""
    found = [reading(curve(points, mode, batch_loops), target) for mode in MODES for target in targets]
    return [point["param"] for one in found if one for point in (one.below, one.above) if point]


def walk(peer: Peer, group: list) -> Iterator[dict]:
    step, stalled, best = 0, 0, 0.0
    while step < len(group) and best < ENOUGH and stalled < 3:
        found = peer.measure_recall(group[step], "single")
        recall = found.pop("recall")
        yield {"param": group[step], "recall": recall, "single": found}
        stalled = stalled + 1 if recall < best + 0.0005 else 0
        best = max(best, recall)
        step += 2 if recall < WORTH - 0.1 else 1


def faster(first: dict | None, second: dict) -> dict:
    return second if first is None or second["qps"] > first["qps"] else first


def curve(points: list[dict], mode: str, batch_loops: bool) -> list[dict]:
    """Points with one "qps" for `curves`. Where a peer's batch call is only a loop over single searches, both ways are
    the same work, and the faster of the two counts in both modes: calls from Python cost microseconds."""
    found = []
    for point in points:
        modes = MODES if batch_loops else [mode]
        measured = [point[one]["qps"] for one in modes if one in point]
        if measured:
            p99 = point["single"].get("p99_us")
            found.append({"param": point["param"], "recall": point["recall"], "qps": max(measured), "p99_us": p99})
    return found
