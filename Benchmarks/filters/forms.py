"""Filters in a neutral form, and what of a data set passes them.

    {"and": [...]} {"or": [...]}                all, or any, of several
    {"in": {"field": "label", "values": [...]}}  the field, or an element of its list, is one of the values
    {"range": {"field": "u", "gte": 0.1, "lt": 0.3}}
    {"ids": [...]}                               rows by their numbers

A row without the field passes neither `in` nor `range`.
"""

import json
from pathlib import Path

import numpy as np

# Arrays of the fields: numbers (NaN where there is none), or for texts a dictionary from a value to its rows.
Column = np.ndarray | dict


class Payload:
    """The payload of all rows, by field."""

    def __init__(self, folder: Path, fields: dict[str, str], rows: int) -> None:
        self.rows = rows
        self.columns: dict[str, Column] = {
            name: {} if kind.startswith("keyword") else np.full(rows, np.nan) for name, kind in fields.items()
        }
        for row, payload in enumerate(lines(folder)):
            for name, value in payload.items():
                column = self.columns[name]
                if not isinstance(column, dict):
                    column[row] = value
                else:
                    for element in value if isinstance(value, list) else [value]:
                        column.setdefault(element, []).append(row)

    def passing(self, filter: dict) -> np.ndarray:
        """Whether each row passes."""
        ((form, content),) = filter.items()
        if form in ("and", "or"):
            parts = [self.passing(part) for part in content]
            return (np.logical_and if form == "and" else np.logical_or).reduce(parts)
        passes = np.zeros(self.rows, bool)
        if form == "ids":
            passes[content] = True
        elif form == "in":
            for value in content["values"]:
                passes[self.columns[content["field"]].get(value, [])] = True
        elif form == "range":
            column = self.columns[content["field"]]
            passes = ~np.isnan(column)
            if "gte" in content:
                passes &= column >= content["gte"]
            if "lt" in content:
                passes &= column < content["lt"]
        else:
            raise ValueError(f"no form of a filter: {form}")
        return passes


def lines(folder: Path):
    with open(folder / "payload.jsonl") as file:
        yield from map(json.loads, file)
