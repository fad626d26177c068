"""Writes judged sets as rows: documents and questions with grades, which recipes beside this file read.

    python prepare.py DATA OUT        (DATA/npl, DATA/cisi, DATA/nfcorpus -> OUT/NAME.documents.jsonl, OUT/NAME.questions.jsonl)

The README says where the data come from, and who judged what.
"""
import collections
import json
import pathlib
import re
import sys

data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def write(name, documents, questions, grades):
    """`documents`: id -> fields. `questions`: id -> text. `grades`: question -> {document: grade}."""
    with open(out / f"{name}.documents.jsonl", "w") as file:
        for number, fields in documents.items():
            file.write(json.dumps({"id": number, **fields}) + "\n")
    judged = [question for question in questions if grades.get(question)]
    with open(out / f"{name}.questions.jsonl", "w") as file:
        for question in judged:
            file.write(json.dumps({"question": questions[question], "relevant": grades[question]}) + "\n")
    count = sum(len(grades[question]) for question in judged)
    print(f"{name}: {len(documents)} documents, {len(judged)} questions, {count} relevant")


def line(text):
    return " ".join(text.split())


def qrels(path, grade=3):
    grades = collections.defaultdict(dict)
    for row in path.read_text().splitlines():
        fields = row.split()
        grades[fields[0]][fields[2]] = int(fields[grade])
    return grades


def npl():
    folder = data / "npl"
    texts = (folder / "doc-text.trec").read_text()
    documents = {
        number: {"text": line(text)}
        for number, text in re.findall(r"<DOCNO>(\d+)</DOCNO>(.*?)</DOC>", texts, flags=re.S)}
    texts = (folder / "query-text.trec").read_text()
    # They are in capitals, which say nothing.
    questions = {
        number: line(text).lower()
        for number, text in re.findall(r"<num>(\d+)</num><title>(.*?)</title>", texts, flags=re.S)}
    write("npl", documents, questions, qrels(folder / "qrels"))


def records(path):
    """The records of a file of the Glasgow collections: each a dictionary of its sections by their letters."""
    for record in re.split(r"^\.I ", path.read_text(errors="replace"), flags=re.M)[1:]:
        number, *sections = re.split(r"^\.([A-Z])\s*$", record, flags=re.M)
        yield number.strip(), {letter: line(text) for letter, text in zip(sections[::2], sections[1::2])}


def cisi():
    folder = data / "cisi"
    documents = {
        number: {"title": texts.get("T", ""), "text": texts.get("W", "")}
        for number, texts in records(folder / "CISI.ALL")}
    questions = {
        number: line(" ".join([texts.get("T", ""), texts.get("W", "")]))
        for number, texts in records(folder / "CISI.QRY")}
    grades = collections.defaultdict(dict)
    for row in (folder / "CISI.REL").read_text().splitlines():
        question, document = row.split()[:2]
        grades[question][document] = 1
    write("cisi", documents, questions, grades)


def nfcorpus():
    folder = data / "nfcorpus"
    documents = {}
    for name in ("test.docs", "dev.docs"):
        for row in (folder / name).read_text().splitlines():
            number, text = row.split("\t", 1)
            documents[number] = {"text": text}
    questions = dict(row.split("\t", 1) for row in (folder / "test.titles.queries").read_text().splitlines())
    write("nfcorpus", documents, questions, qrels(folder / "test.2-1-0.qrel"))


npl()
cisi()
nfcorpus()
