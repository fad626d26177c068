"""From measured points to one figure per recall: the same rule for every system.

A point is {"param", "recall", "qps", ...}. Of a system's points, those count that no other point beats in both recall
and QPS. QPS at a recall r is read off between the last of them below r and the first at or above r: the logarithm of
QPS goes linearly with recall. Where the first point already reaches r, its QPS counts; where none does, there is no
figure.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """QPS at a recall, and the points it lies between; `below` is None where the first point reaches the recall."""

    qps: float
    below: dict | None
    above: dict

    def between(self, target: float, below_qps: float, above_qps: float) -> float:
        """The same reading with the two points' QPS measured again."""
        if self.below is None:
            return above_qps
        return interpolated(target, self.below["recall"], below_qps, self.above["recall"], above_qps)


def interpolated(target: float, low: float, low_qps: float, high: float, high_qps: float) -> float:
    share = (target - low) / (high - low)
    return math.exp((1 - share) * math.log(low_qps) + share * math.log(high_qps))


def frontier(points: list[dict]) -> list[dict]:
    """The points that none beats in both, recall rising and QPS falling."""
    kept: list[dict] = []
    for point in sorted(points, key=lambda one: (-one["recall"], -one["qps"])):
        if not kept or point["qps"] > kept[-1]["qps"]:
            kept.append(point)
    return kept[::-1]


def reading(points: list[dict], target: float) -> Reading | None:
    below = None
    for point in frontier(points):
        if point["recall"] >= target:
            if below is None:
                return Reading(point["qps"], None, point)
            qps = interpolated(target, below["recall"], below["qps"], point["recall"], point["qps"])
            return Reading(qps, below, point)
        below = point
    return None
