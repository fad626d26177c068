"""Measures one peer over its search parameters."""

from collections.abc import Iterator

from curves import frontier
from systems import Peer

ENOUGH = 0.997  # nothing is asked of the recalls beyond
WORTH = 0.8  # nor of those below


def sweep(peer: Peer, repeat: int) -> list[dict]:
    """Points {"param", "recall", "single": {...}, "batch": {...}}; QPS is the best of the repeats.

    1. Every group of parameters is walked in rising effort, one query at a time, until it has recall enough or stops
       gaining; far below the interesting recalls every second step is left out.
    2. What is on the frontier is measured in the repeats, and batch against batch."""
    points = [point for group in peer.facts["sweep"] for point in walk(peer, group)]
    shown = [{"recall": point["recall"], "qps": point["single"]["qps"], "point": point} for point in points]
    kept = [one["point"] for one in frontier(shown) if one["recall"] >= WORTH]
    # One point below the interesting recalls, so that the first of them can be read off between two.
    lower = [one["point"] for one in frontier(shown) if one["recall"] < WORTH]
    for point in kept + lower[-1:]:
        for _ in range(repeat - 1):
            point["single"] = faster(point["single"], peer.measure(point["param"], "single"))
        for _ in range(repeat):
            point["batch"] = faster(point.get("batch"), peer.measure(point["param"], "batch"))
    return points


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
    """Points with one "qps" for `curves`. Where a peer's batch call is only a loop over single searches, it serves as
    the peer's native loop for "single" too, and the faster of the two counts: calls from Python cost microseconds."""
    found = []
    for point in points:
        modes = ["single", "batch"] if mode == "single" and batch_loops else [mode]
        measured = [point[one]["qps"] for one in modes if one in point]
        if measured:
            p99 = point["single"].get("p99_us")
            found.append({"param": point["param"], "recall": point["recall"], "qps": max(measured), "p99_us": p99})
    return found
