"""What a filtered search should find, by brute force: the same rule for every system.

Recall of an answer: of the `min(k, passing)` nearest rows that pass, the share that was found. A row counts where it
passes and is at least as near as the true last one, so that of equal rows any will do.
"""

import json
from pathlib import Path

import numpy as np

from forms import Payload

K = 10
# Scores are of unit vectors in f64; what differs by less is the same.
EQUAL = 1e-6


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)


class Dataset:
    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.meta = json.loads((self.folder / "meta.json").read_text())
        self.fields: dict[str, str] = self.meta["fields"]
        self.rows = np.load(self.folder / "rows.npy", mmap_mode="r")
        self.queries = np.load(self.folder / "queries.npy")
        self.cells: list[dict] = json.loads((self.folder / "filters.json").read_text())

    @property
    def truth(self) -> list[list[dict]]:
        """For each cell and each of its queries: how many rows pass, and the nearest of them with their scores."""
        return json.loads((self.folder / "truth.json").read_text())

    def compute_truth(self) -> None:
        payload = Payload(self.folder, self.fields, len(self.rows))
        # In f32 to find candidates, in f64 to order them.
        scores = {}
        rows = unit(self.rows)
        queries = unit(self.queries)
        for query in {query for cell in self.cells for query in cell["queries"]}:
            scores[query] = rows @ queries[query]
        cells = []
        for cell in self.cells:
            found = []
            for query, filter in zip(cell["queries"], cell["filters"]):
                passing = np.flatnonzero(payload.passing(filter))
                near = scores[query][passing]
                few = min(4 * K, len(passing))
                candidates = passing[np.argpartition(-near, few - 1)[:few]] if few else passing
                exact = self.scores(query, candidates)
                order = np.lexsort((candidates, -exact))[:K]
                # How many rows, passing or not, are as near as the last of them.
                rank = int((scores[query] >= exact[order[-1]] - EQUAL).sum()) if few else 0
                found.append(
                    {"passing": len(passing), "ids": candidates[order].tolist(), "scores": exact[order].tolist(), "rank": rank})
            cells.append(found)
        (self.folder / "truth.json").write_text(json.dumps(cells))

    def scores(self, query: int, rows: np.ndarray) -> np.ndarray:
        vectors = unit(self.rows[rows].astype(np.float64))
        return vectors @ unit(self.queries[query : query + 1].astype(np.float64))[0]


class Judge:
    """Says what recall answers have."""

    def __init__(self, data: Dataset) -> None:
        self.data, self.truth = data, data.truth
        self.payload = Payload(data.folder, data.fields, len(data.rows))

    def recalls(self, cell: int, answers: list[list[int]]) -> list[float]:
        """Recall of each query of a cell that any row passes."""
        recalls = []
        content = self.data.cells[cell]
        for query, filter, truth, answer in zip(content["queries"], content["filters"], self.truth[cell], answers):
            if not truth["ids"]:
                assert not answer, "something was found where nothing passes"
                continue
            answer = np.array(sorted(set(answer)), dtype=np.int64)
            if len(answer):
                passes = self.payload.passing(filter)[answer]
                assert passes.all(), f"row {answer[~passes][0]} does not pass {filter}"
            good = self.data.scores(query, answer) >= truth["scores"][-1] - EQUAL if len(answer) else np.zeros(0)
            recalls.append(min(1.0, good.sum() / len(truth["ids"])))
        return recalls
