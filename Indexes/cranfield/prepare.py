"""Writes the Cranfield collection as rows: abstracts, and questions with grades from 1 to 4.

    python prepare.py        ($BELFRY_DATA/cranfield -> $BELFRY_CACHE/systems/cranfield)

Questions are numbered by their order: the numbers in cran.qry are others than those of the judgements. Grades are those
of QRelsCorrectedforTRECeval, where 4 is a complete answer, 1 of minimal interest, and -1 of none.
"""
import json
import os
import pathlib
import re

data = pathlib.Path(os.environ.get("BELFRY_DATA", pathlib.Path(__file__).parents[2] / "../shared/data")) / "cranfield"
cache = pathlib.Path(os.environ.get("BELFRY_CACHE", pathlib.Path.home() / ".cache/belfry"))
folder = cache / "systems/cranfield"
folder.mkdir(parents=True, exist_ok=True)


def records(name):
    """The records of a file: each a dictionary of its sections by their letters."""
    for record in re.split(r"^\.I ", (data / name).read_text(), flags=re.M)[1:]:
        number, *sections = re.split(r"^\.([A-Z])\s*$", record, flags=re.M)
        texts = {letter: " ".join(text.split()) for letter, text in zip(sections[::2], sections[1::2])}
        yield int(number), texts


with open(folder / "abstracts.jsonl", "w") as file:
    for number, texts in records("cran.all.1400"):
        title, text = texts["T"], texts["W"]
        # An abstract begins with its title.
        row = {"id": number, "title": title, "author": texts["A"], "text": text.removeprefix(title).strip()}
        file.write(json.dumps(row) + "\n")

grades = {}
for line in (data / "QRelsCorrectedforTRECeval").read_text().splitlines():
    question, _, abstract, grade = line.split()
    if int(grade) > 0:
        grades.setdefault(int(question), {})[abstract] = int(grade)

with open(folder / "questions.jsonl", "w") as file:
    for number, (_, texts) in enumerate(records("cran.qry"), start=1):
        file.write(json.dumps({"question": texts["W"], "relevant": grades.get(number, {})}) + "\n")
print(f"{folder}: 1400 abstracts, {number} questions")
