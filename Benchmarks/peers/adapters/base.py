"""What a peer's adapter does; one small class each."""

from pathlib import Path

import numpy as np

Param = int | tuple[int, ...]


def ladder(first: int, last: int, factor: float = 1.25) -> list[int]:
    """Whole numbers from first to last, each about `factor` times the one before."""
    steps, value = [], float(first)
    while value <= last:
        if not steps or round(value) > steps[-1]:
            steps.append(round(value))
        value *= factor
    return steps


class Adapter:
    """Rows and queries arrive normalised where the metric is cosine, so that every peer may use its inner product.

    A search returns row numbers of the base. `sweep` holds groups of parameters, each group in rising effort."""

    distribution: str  # the PyPI package
    batch_loops = True  # the batch call is a loop over single searches: it shares no work between queries

    def __init__(self, metric: str, dim: int, count: int, k: int) -> None:
        self.metric, self.dim, self.count, self.k = metric, dim, count, k
        self.product = metric != "l2"

    def build(self, base: np.ndarray, folder: Path, threads: int) -> None:
        """Builds the index and saves it in the folder, which exists and is empty."""
        raise NotImplementedError

    def load(self, folder: Path) -> None:
        raise NotImplementedError

    @property
    def sweep(self) -> list[list[Param]]:
        raise NotImplementedError

    def set_param(self, param: Param) -> None:
        raise NotImplementedError

    def prepare(self, query: np.ndarray) -> list:
        """What search_one takes, for each query; made before the clock starts."""
        return list(query)

    def search_one(self, query) -> np.ndarray:
        raise NotImplementedError

    def search_batch(self, query: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def bytes(self, folder: Path) -> int:
        """The saved index on disk."""
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "build.json")
