"""Exact neighbors and recall, the same rule for every system.

A score is smaller for nearer rows: the squared distance (l2), minus the inner product (ip), minus the cosine (cosine).
"""

import numpy as np

BLOCK = 16_384
POOL = 256


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1, in the input's precision; a zero row stays zero."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length == 0, 1, length)


def scores(base: np.ndarray, query: np.ndarray, ids: np.ndarray, metric: str) -> np.ndarray:
    """Scores in float64 of base[ids[i, j]] against query[i]: [queries x columns]. An id below 0 or past the end, which
    is how a system says that it found too little, scores infinity."""
    found = np.full(ids.shape, np.inf)
    for first in range(0, len(query), 256):
        part = ids[first : first + 256]
        known = (part >= 0) & (part < len(base))
        rows = base[np.where(known, part, 0)].astype(np.float64)
        asked = query[first : first + 256].astype(np.float64)
        if metric == "l2":
            value = ((rows - asked[:, None, :]) ** 2).sum(axis=2)
        else:
            value = -np.einsum("qkd,qd->qk", rows, asked)
        if metric == "cosine":
            value /= np.linalg.norm(rows, axis=2) * np.linalg.norm(asked, axis=1)[:, None]
        found[first : first + 256] = np.where(known, value, np.inf)
    return found


def neighbors(base: np.ndarray, query: np.ndarray, metric: str, count: int = 100) -> np.ndarray:
    """The exact `count` nearest rows of every query, int32 [queries x count]; equal scores in the order of their ids.

    1. Float32 products, block by block, keep the best POOL candidates.
    2. Candidates are scored and sorted in float64.
    3. Where the rounding of step 1 could have lost a neighbor, the query is done again in float64 over all rows."""
    rows = unit(base) if metric == "cosine" else base
    asked = unit(query) if metric == "cosine" else query
    asked_norm = (asked.astype(np.float64) ** 2).sum(axis=1)
    best = np.full((len(query), 0), np.inf, np.float32)
    best_ids = np.zeros((len(query), 0), np.int64)
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        value = -(asked @ block.T)
        if metric == "l2":
            value = (block.astype(np.float64) ** 2).sum(axis=1).astype(np.float32) + 2 * value
        keep = np.argpartition(value, min(POOL, value.shape[1]) - 1, axis=1)[:, :POOL]
        best = np.hstack([best, np.take_along_axis(value, keep, 1)])
        best_ids = np.hstack([best_ids, keep + first])
        keep = np.argpartition(best, min(POOL, best.shape[1]) - 1, axis=1)[:, :POOL]
        best, best_ids = np.take_along_axis(best, keep, 1), np.take_along_axis(best_ids, keep, 1)
    exact = scores(base, query, best_ids, metric)
    order = np.lexsort((best_ids, exact))
    found = np.take_along_axis(best_ids, order, 1)[:, :count]
    last = np.take_along_axis(exact, order, 1)[:, count - 1]
    # A row outside the pool has a rounded score of at least the pool's largest.
    largest = (rows.astype(np.float64) ** 2).sum(axis=1).max()
    error = rows.shape[1] * 2.0**-24 * (largest + asked_norm)
    outside = best.max(axis=1) + (asked_norm if metric == "l2" else 0) - 2 * error
    for index in np.flatnonzero(outside <= last):
        found[index] = _in_double(base, query[index], metric)[:count]
    return found.astype(np.int32)


def _in_double(base: np.ndarray, query: np.ndarray, metric: str) -> np.ndarray:
    parts = [
        scores(base[first : first + BLOCK], query[None], np.arange(min(BLOCK, len(base) - first))[None], metric)[0]
        for first in range(0, len(base), BLOCK)
    ]
    return np.argsort(np.concatenate(parts), kind="stable")


def recall(found: np.ndarray, kth: np.ndarray) -> float:
    """The share of results, [queries x k] scores, that are at most the true k-th score; 1e-6 of it is forgiven, which
    is what rounding in float32 may cost."""
    return float((found <= (kth + 1e-6 * np.abs(kth))[:, None]).mean())
