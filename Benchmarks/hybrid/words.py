"""BM25 as it was, and the search by words as it is, rebuilt in numpy: for questions that the engine does not answer yet.

`python words.py` checks both against what `belfry evaluate` prints.
"""
import csv
import gzip
import json
import os
import pathlib
import re
import sys

import numpy
import scipy.sparse
import Stemmer

here = pathlib.Path(__file__).parent
data = pathlib.Path(os.environ.get("BELFRY_DATA", "/work/shared/data"))
systems = pathlib.Path(os.environ.get("BELFRY_CACHE", pathlib.Path.home() / ".cache/belfry")) / "systems"

STOP = set(
    "a an and are as at be been but by for from had has have he her his i if in into is it its me my no not of on or "
    "our she so such than that the their them then there these they this those to us was we were what when where which "
    "who will with would you your".split())
stemmer = Stemmer.Stemmer("english")
# Near UAX #29: letters and digits, with what stands between two of them.
WORD = re.compile(r"[^\W_]+(?:(?:(?<=\d)[.,](?=\d)|(?<=[^\W\d_])['.:’](?=[^\W\d_])|_)[^\W_]+)*")
PLAIN = re.compile(r"[^\W_]+")


def plain(text):
    return PLAIN.findall(text.lower())


def stemmed(text, stop=False):
    words = WORD.findall(text.lower().replace("’", "'"))
    if stop:
        kept = [word for word in words if word not in STOP]
        words = kept or words
    return stemmer.stemWords(words)


class Index:
    """BM25F over fields: `fields` is a list of (texts, weight)."""

    def __init__(self, fields, analyze, k1=1.2, b=0.75):
        self.analyze, self.terms = analyze, {}
        rows, columns, counts = [], [], []
        for texts, weight in fields:
            contents = [analyze(text) for text in texts]
            mean = max(sum(map(len, contents)) / max(len(contents), 1), 1e-9)
            for row, content in enumerate(contents):
                share = weight / (1 - b + b * len(content) / mean)
                for term in content:
                    rows.append(row)
                    columns.append(self.terms.setdefault(term, len(self.terms)))
                    counts.append(share)
        self.size = len(fields[0][0])
        frequencies = scipy.sparse.csr_matrix((counts, (rows, columns)), shape=(self.size, len(self.terms)))
        frequencies.sum_duplicates()
        self.frequencies = frequencies
        self.weights = frequencies.copy()
        self.weights.data = frequencies.data * (k1 + 1) / (frequencies.data + k1)
        have = numpy.bincount(frequencies.indices, minlength=len(self.terms))
        self.idf = numpy.log(1 + (self.size - have + 0.5) / (have + 0.5))
        self.by_term = self.weights.multiply(self.idf[None, :]).tocsc()

    def query(self, text, **options):
        """Terms of a text and how many times it has each."""
        counts = {}
        for term in self.analyze(text, **options):
            if term in self.terms:
                counts[self.terms[term]] = counts.get(self.terms[term], 0) + 1
        return counts

    def scores(self, counts):
        scores = numpy.zeros(self.size)
        for term, count in counts.items():
            start, end = self.by_term.indptr[term:term + 2]
            scores[self.by_term.indices[start:end]] += count * self.by_term.data[start:end]
        return scores


def rows_of(path):
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if str(path).endswith("gz") else open(
        path, encoding="utf-8", newline="")
    with opened as file:
        if ".csv" in str(path):
            yield from csv.DictReader(file)
        else:
            yield from map(json.loads, file)


class JudgedSet:
    """`ids`, `text` (what the tower reads), `fields` [(texts, weight)], `queries` (a text, or the place of a row), and for each
    the grades of what is relevant by place, and the candidates' places or None."""

    def __init__(self, name):
        self.name, self.relevant, self.candidates, self.queries, self.missing = name, [], [], [], []
        base = name.split("-")[0]
        if base in ("hm", "hm5"):
            rows = list(rows_of(data / "hm_fashion/articles.csv.gz"))
            # One product of five, where many variants are tried.
            rows = [row for row in rows if base == "hm" or int(row["product_code"]) % 5 == 0]
            self.ids = [row["article_id"] for row in rows]
            names = ("colour_group_name", "product_type_name", "detail_desc")
            self.text = ["{} {}. {}".format(*(row[field] for field in names)) for row in rows]
            self.fields = [([row[field] for row in rows], 1) for field in names]
            groups = {}
            for place, row in enumerate(rows):
                groups.setdefault(row["product_code"], []).append(place)
            asked = [place for place, row in enumerate(rows) if len(groups[row["product_code"]]) > 1]
            drawn = numpy.random.default_rng(1).choice(asked, 2000 if base == "hm" else 1000, replace=False)
            for place in sorted(drawn.tolist()):
                self.ask(place, {other: 1 for other in groups[rows[place]["product_code"]] if other != place})
        elif base == "films":
            rows = [row for row in rows_of(data / "tmdb5000/movies.csv") if row["overview"].strip()]
            self.ids = [row["id"] for row in rows]
            self.text = [row["overview"] for row in rows]
            self.fields = [(self.text, 1)]
            place = {own: number for number, own in enumerate(self.ids)}
            for row in rows_of(systems / "similar-movies/shared-keywords.jsonl"):
                self.ask(place[row["id"]], {place[other]: 1 for other in row["relevant"]})
        elif base == "homedepot":
            rows = list(rows_of(data / "homedepot_search_relevance/products.csv"))
            self.ids = [row["product_uid"] for row in rows]
            self.text = [row["product_title"] for row in rows]
            self.fields = [(self.text, 1)]
            place = {own: number for number, own in enumerate(self.ids)}
            judged = {}
            for row in rows_of(data / "homedepot_search_relevance/judgements.csv"):
                judged.setdefault(row["search_term"], {})[place[row["product_uid"]]] = float(row["relevance"]) - 1
            for term, grades in judged.items():
                relevant = {point: grade for point, grade in grades.items() if grade > 0}
                if relevant:
                    self.ask(term, relevant, list(grades) if name == "homedepot-judged" else None)
        else:
            own = name == "cranfield"
            files = [systems / "cranfield/abstracts.jsonl", systems / "cranfield/questions.jsonl"] if own else [
                here / f"rows/{name}.documents.jsonl", here / f"rows/{name}.questions.jsonl"]
            rows = [row for row in rows_of(files[0]) if (row.get("title", "") + row["text"]).strip()]
            self.ids = [str(row["id"]) for row in rows]
            names = [field for field in ("title", "text") if field in rows[0]]
            self.text = ["\n".join(row[field] for field in names) for row in rows]
            self.fields = [([row[field] for row in rows], 1) for field in names]
            place = {own: number for number, own in enumerate(self.ids)}
            for row in rows_of(files[1]):
                known = {place[point]: grade for point, grade in row["relevant"].items() if point in place}
                lost = [grade for point, grade in row["relevant"].items() if point not in place]
                if known or lost:
                    self.ask(row["question"], known, None, lost)

    def ask(self, query, relevant, candidates=None, missing=()):
        self.queries.append(query)
        self.relevant.append(relevant)
        self.candidates.append(candidates)
        self.missing.append(list(missing))

    def ideal(self, query, k=10):
        grades = sorted([*self.relevant[query].values(), *self.missing[query]], reverse=True)[:k]
        return sum((2 ** grade - 1) / numpy.log2(place + 2) for place, grade in enumerate(grades))

    def ndcg(self, query, ranking, k=10):
        relevant = self.relevant[query]
        gains = ((2 ** relevant.get(int(point), 0) - 1) / numpy.log2(place + 2) for place, point in enumerate(ranking[:k]))
        return sum(gains) / self.ideal(query, k)

    def rank(self, query, scores, k=10):
        """The best places by a score of every row; of equal ones the first."""
        own = self.queries[query]
        if self.candidates[query] is not None:
            chosen = numpy.array(sorted(self.candidates[query]))
        else:
            chosen = numpy.flatnonzero(scores)
        chosen = chosen[chosen != own] if isinstance(own, int) else chosen
        if len(chosen) > 4 * k:
            least = -numpy.partition(-scores[chosen], k)[k]
            chosen = chosen[scores[chosen] >= least]
        return chosen[numpy.argsort(-scores[chosen], kind="stable")][:k]


def before(judged):
    """nDCG@10 of every query by BM25 as it was."""
    index = Index([(judged.text, 1)], plain)
    own = lambda query: judged.text[query] if isinstance(query, int) else query
    return numpy.array([
        judged.ndcg(number, judged.rank(number, index.scores(index.query(own(query)))))
        for number, query in enumerate(judged.queries)])


def by_words(judged, fields=None, k1=1.2, b=0.75, like="document", analyze=stemmed, some=None):
    """nDCG@10 of every query by words, or of the first `some`. A row is asked by its `document` weights, or by how often it
    has a word (`count`), or once for each word (`once`), with or without `stop` words."""
    index = Index(fields or judged.fields, analyze, k1, b)
    numbers = range(len(judged.queries))[:some]
    asked = scipy.sparse.vstack([question(index, judged, number, fields, like) for number in numbers]).tocsr()
    values = []
    for start in range(0, len(numbers), 50):
        scores = (asked[start:start + 50] @ index.by_term.T).tocsr()
        for place, number in enumerate(numbers[start:start + 50]):
            row = scores[place].toarray()[0]
            values.append(judged.ndcg(number, judged.rank(number, row)))
    return numpy.array(values)


def question(index, judged, number, fields=None, like="document"):
    """What a query asks for: a row of counts by term."""
    query = judged.queries[number]
    if isinstance(query, int) and like == "document":
        return index.weights[query]
    text = " ".join(texts[query] for texts, _ in index_fields(judged, fields)) if isinstance(query, int) else query
    counts = index.query(text, stop="stop" in like or not isinstance(query, int))
    values = [1.0] * len(counts) if "once" in like else list(counts.values())
    return scipy.sparse.csr_matrix((values, ([0] * len(counts), list(counts))), shape=(1, len(index.terms)))


def index_fields(judged, fields):
    return fields or judged.fields


if __name__ == "__main__":
    for name in sys.argv[1:]:
        judged = JudgedSet(name)
        print(f"{name}: {len(judged.ids)} rows, {len(judged.queries)} queries; BM25 as it was {before(judged).mean():.4f}, "
              f"by words {by_words(judged).mean():.4f}", flush=True)
