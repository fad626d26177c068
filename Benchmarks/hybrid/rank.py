"""Keeps both rankings of every query of a judged set for fuse.py: the 200 nearest by meaning and the 200 best by words, and
both scores of every point that either of them has, so that nothing has to be guessed where a point is in one list alone.

    python rank.py BELFRY TOWER COLLECTION SET        (-> rankings/SET.npz)

Vectors are the collection's own (`belfry export`) and the tower's (`belfry embed`); words are those of words.py, whose figures
are the engine's to the fourth digit. Of more than 3,000 queries, 3,000 are drawn.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy
import scipy.sparse

import words

belfry, tower, collection, name = sys.argv[1:5]
depth, most, block = 200, 3000, 50
judged = words.JudgedSet(name)

with tempfile.TemporaryDirectory() as folder:
    run = lambda *arguments: subprocess.run([belfry, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    folder = pathlib.Path(folder)
    run("export", collection, "--to", folder / "rows.npy", "--ids", folder / "ids.txt")
    vectors = numpy.load(folder / "rows.npy").astype(numpy.float32)
    ids = (folder / "ids.txt").read_text().split("\n")
    numbers = list(range(len(judged.queries)))
    if len(numbers) > most:
        numbers = sorted(numpy.random.default_rng(2).choice(numbers, most, replace=False).tolist())
    texts = [" ".join(judged.queries[number].split()) for number in numbers if isinstance(judged.queries[number], str)]
    if texts:
        (folder / "queries.txt").write_text("\n".join(texts) + "\n")
        run("embed", tower, "--input", folder / "queries.txt", "--output", folder / "queries.npy")
        asked_vectors = numpy.load(folder / "queries.npy").astype(numpy.float32)

place = {own: row for row, own in enumerate(ids)}
vectors = vectors[[place[own] for own in judged.ids]]
vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
if not texts:
    asked_vectors = vectors[[judged.queries[number] for number in numbers]]
asked_vectors = asked_vectors / numpy.linalg.norm(asked_vectors, axis=1, keepdims=True)

index = words.Index(judged.fields, words.stemmed)
like = sys.argv[5] if len(sys.argv) > 5 else "document"
asked = scipy.sparse.vstack([words.question(index, judged, number, None, like) for number in numbers]).tocsr()

count = len(numbers)
points = numpy.full((count, 2 * depth), -1, numpy.int32)
scores = numpy.zeros((2, count, 2 * depth), numpy.float32)   # by meaning, by words
listed = numpy.zeros((2, count, 2 * depth), bool)
before = numpy.zeros(count)
old = words.Index([(judged.text, 1)], words.plain)


def best(scores, allowed):
    chosen = allowed if len(allowed) <= depth else allowed[numpy.argpartition(-scores[allowed], depth - 1)[:depth]]
    return chosen[numpy.argsort(-scores[chosen], kind="stable")]


for start in range(0, count, block):
    near = asked_vectors[start:start + block] @ vectors.T
    have = (asked[start:start + block] @ index.by_term.T).toarray()
    for row in range(start, min(start + block, count)):
        number = numbers[row]
        query, kept = judged.queries[number], judged.candidates[number]
        own = judged.text[query] if isinstance(query, int) else query
        before[row] = judged.ndcg(number, judged.rank(number, old.scores(old.query(own))))
        allowed = numpy.arange(len(judged.ids)) if kept is None else numpy.array(kept)
        allowed = allowed[allowed != query] if isinstance(query, int) else allowed
        meaning, said = near[row - start], have[row - start]
        lists = [best(meaning, allowed), best(said, allowed[said[allowed] > 0])]
        union = numpy.unique(numpy.concatenate(lists))
        points[row, :len(union)] = union
        scores[0, row, :len(union)], scores[1, row, :len(union)] = meaning[union], said[union]
        for kind in (0, 1):
            listed[kind, row, :len(union)] = numpy.isin(union, lists[kind])
grades = numpy.array([
    [judged.relevant[number].get(int(point), 0) for point in row] for number, row in zip(numbers, points)], numpy.float32)
ideal = numpy.array([judged.ideal(number) for number in numbers])
# What a question asks for at most: every word, in a point that has nothing else.
most = asked @ index.idf * 2.2
numpy.savez_compressed(
    f"rankings/{name}.npz", points=points, scores=scores, listed=listed, grades=grades, ideal=ideal, before=before, most=most,
    numbers=numbers)
print(f"{name}: {count} queries, BM25 as it was {before.mean():.4f}", flush=True)
