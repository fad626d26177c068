"""What an adapter does. Everything of a system is in the process, from a package of PyPI."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from forms import lines
from truth import Dataset


class Base:
    # What searches are asked with, the usual one first: a name and whatever the system needs.
    settings: dict[str, Any] = {}

    def build(self, data: Dataset, folder: Path) -> None:
        """Makes the collection with its vector index and an index of every field."""
        raise NotImplementedError

    def open(self, data: Dataset, folder: Path) -> None:
        raise NotImplementedError

    def prepare(self, filter: dict | None) -> Any:
        """The system's own form of a filter. This is not timed; what it does with it then is."""
        raise NotImplementedError

    def search(self, query: np.ndarray, filter: Any, setting: Any, k: int) -> list[int]:
        """The numbers of the rows that it finds. Their payload is fetched as well: Belfry always does."""
        raise NotImplementedError


def batches(data: Dataset, size: int) -> Iterator[tuple[int, np.ndarray, list[dict]]]:
    """The first row of each batch, the batch's vectors and payload."""
    payload: list[dict] = []
    start = 0
    for line in lines(data.folder):
        payload.append(line)
        if len(payload) == size or start + len(payload) == len(data.rows):
            yield start, np.array(data.rows[start : start + len(payload)]), payload
            start += len(payload)
            payload = []


def expression(filter: dict, word: dict[str, str], contains: Any, row: str = "row") -> str:
    """A filter in the dialects of SQL that three of the systems have.

    word: `and`, `or`, the brackets of a list and the quotation mark; contains: the condition on a field of lists, or None
    where the field is not one.
    """
    ((form, content),) = filter.items()
    if form in ("and", "or"):
        return "(" + f" {word[form]} ".join(expression(part, word, contains, row) for part in content) + ")"
    left, right, quote = word["left"], word["right"], word["quote"]
    if form == "in":
        values = left + ", ".join(f"{quote}{value}{quote}" for value in content["values"]) + right
        return contains(content["field"], values) or f"{content['field']} {word['in']} {values}"
    if form == "ids":
        return f"{row} {word['in']} {left}{', '.join(map(str, content))}{right}"
    parts = [f"{content['field']} {sign} {content[end]!r}" for end, sign in (("gte", ">="), ("lt", "<")) if end in content]
    return "(" + f" {word['and']} ".join(parts) + ")"
