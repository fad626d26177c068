"""A prepared data set on disk."""

import json
from functools import cached_property
from pathlib import Path

import numpy as np

import truth
from sources import CACHE

NAMES = ["wordllama", "fashion-mnist", "glove", "minilm", "synthetic-1m"]


class Dataset:
    def __init__(self, name: str) -> None:
        self.name = name
        self.folder: Path = CACHE / "bench" / name
        path = self.folder / "meta.json"
        if not path.exists():
            raise SystemExit(f"{path} is missing: run datasets.py {name} first")
        self.meta = json.loads(path.read_text())
        self.metric, self.dim, self.count = self.meta["metric"], self.meta["dim"], self.meta["n"]

    def path(self, part: str) -> Path:
        return self.folder / f"{part}.npy"

    def prepared(self, part: str) -> np.ndarray:
        """Base or queries as peers get them: of length 1 where the metric is cosine, so that no peer has to divide."""
        rows = np.load(self.path(part))
        return np.ascontiguousarray(truth.unit(rows) if self.metric == "cosine" else rows)

    @cached_property
    def base(self) -> np.ndarray:
        return np.load(self.path("base"), mmap_mode="r")

    @cached_property
    def query(self) -> np.ndarray:
        return np.load(self.path("query"))

    @cached_property
    def truth(self) -> np.ndarray:
        return np.load(self.path("truth")).astype(np.int64)

    def recall(self, ids: np.ndarray) -> float:
        """Of results [queries x k], by true scores from the base's own rows."""
        k = ids.shape[1]
        kth = truth.scores(self.base, self.query, self.truth[:, k - 1 : k], self.metric)[:, 0]
        # An id twice in one result counts once.
        order = np.sort(ids, axis=1)
        repeated = np.zeros(ids.shape, bool)
        repeated[:, 1:] = order[:, 1:] == order[:, :-1]
        return truth.recall(truth.scores(self.base, self.query, np.where(repeated, -1, order), self.metric), kth)
