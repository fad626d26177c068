"""Ratios: belfry and the best peers measured in turns, A B C A B C …, so that what slows the machine slows all."""

import statistics
from contextlib import ExitStack

from curves import Reading, reading
from sweep import MODES, curve
from systems import Belfry, Peer


def rivals(results: dict, targets: list[float], large: bool) -> list[str]:
    """The best peer at each recall in either mode, and further ones in order until there are two; on a large data set
    all that were measured."""
    names = [name for name, one in results.items() if "points" in one]
    if large:
        return names
    found: list[str] = []
    ranked = []
    for mode in MODES:
        for target in targets:
            order = sorted(
                (name for name in names if results[name][mode].get(str(target))),
                key=lambda name: -results[name][mode][str(target)]["qps"],
            )
            ranked.append(order)
    for place in range(len(names)):
        for order in ranked:
            if place < len(order) and order[place] not in found:
                found.append(order[place])
        if len(found) >= 2:
            return found
    return found


def again(peer: Peer, result: dict, mode: str, target: float) -> float | None:
    """The peer's QPS at the recall, its two points measured again."""
    was = reading(curve(result["points"], mode, result["batch_loops"]), target)
    if was is None:
        return None
    modes = MODES if result["batch_loops"] else [mode]

    def qps(point: dict) -> float:
        return max(peer.measure(point["param"], one)["qps"] for one in modes)

    return was.between(target, qps(was.below) if was.below else 0.0, qps(was.above))


def belfry_curve(points: list[dict]) -> list[dict]:
    return [{name: point.get(name) for name in ("param", "recall", "qps", "p99_us")} for point in points]


def take_turns(belfry: Belfry, peers: list[Peer], results: dict, targets: list[float], rounds: int) -> dict:
    """{mode: {target: {"rounds": [{system: QPS}], "median", "min", "max"}}}, ratios of belfry to the best peer of the
    same round."""
    taken = {mode: {str(target): [] for target in targets} for mode in MODES}
    with ExitStack() as stack:
        for peer in peers:
            stack.enter_context(peer)
        for _ in range(rounds):
            for mode, per_target in taken.items():
                points = belfry_curve(belfry.run(mode == "batch", 1, 2)["points"])
                for target in targets:
                    was: Reading | None = reading(points, target)
                    per_target[str(target)].append({"belfry": was.qps if was else None})
                for peer in peers:
                    for target in targets:
                        found = again(peer, results[peer.variant.name], mode, target)
                        per_target[str(target)][-1][peer.variant.name] = found
    return {
        mode: {target: summary(taken_rounds) for target, taken_rounds in one.items()} for mode, one in taken.items()
    }


def summary(taken: list[dict]) -> dict:
    ratios = []
    for one in taken:
        peers = [qps for name, qps in one.items() if name != "belfry" and qps]
        if one["belfry"] and peers:
            ratios.append(one["belfry"] / max(peers))
    if not ratios:
        return {"rounds": taken}
    return {"rounds": taken, "median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
