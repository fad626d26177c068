"""Searches by words beside tantivy and bm25s, on the same texts and queries, in turns, on one thread each.

    python run.py FOLDER WORDBENCHMARK [ROUNDS]

FOLDER has what make_texts.py has written. Needs `pip install tantivy bm25s PyStemmer`.
"""

import glob
import os
import statistics
import subprocess
import sys
import time

import bm25s
import Stemmer
import tantivy

folder, program, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5


def lines(name):
    with open(f"{folder}/{name}", encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


texts = lines("texts.txt")
sets = {name: lines(name) for name in (f"queries-{words}.txt" for words in range(1, 6))}
with open(f"{folder}/all.txt", "w", encoding="utf-8") as file:
    file.write("\n".join(query for queries in sets.values() for query in queries) + "\n")
sets["all.txt"] = lines("all.txt")

schema = tantivy.SchemaBuilder().add_text_field("text", stored=False, tokenizer_name="en_stem").build()
os.makedirs(folder + "/tantivy", exist_ok=True)
index = tantivy.Index(schema, path=folder + "/tantivy", reuse=False)
start = time.time()
writer = index.writer(512_000_000, 1)
for text in texts:
    writer.add_document(tantivy.Document(text=text))
writer.commit()
writer.wait_merging_threads()
index.reload()
searcher = index.searcher()
size = sum(os.path.getsize(file) for file in glob.glob(folder + "/tantivy/*"))
print(f"tantivy: {time.time() - start:.1f} s, {searcher.num_segments} segments, {size / len(texts):.0f} bytes a text", flush=True)


def ask_tantivy(queries):
    for query in queries:
        parsed = index.parse_query_lenient(query, ["text"])[0]
        searcher.search(parsed, 10)


stemmer = Stemmer.Stemmer("english")
start = time.time()
retriever = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
retriever.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
print(f"bm25s: {time.time() - start:.1f} s", flush=True)


def ask_bm25s(queries):
    for query in queries:
        tokens = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, show_progress=False)
        retriever.retrieve(tokens, k=10, show_progress=False, n_threads=0)


process = subprocess.Popen(
    [program, f"{folder}/texts.txt", "--folder", f"{folder}/belfry"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print("belfry: " + process.stdout.readline().strip(), flush=True)


def ask_belfry(name):
    process.stdin.write(f"{folder}/{name}\n")
    process.stdin.flush()
    return float(process.stdout.readline().split()[0])


for name, queries in sets.items():
    times = {"belfry": [], "tantivy": [], "bm25s": []}
    for turn in range(rounds + 1):
        for system, ask in (("belfry", ask_belfry), ("tantivy", ask_tantivy), ("bm25s", ask_bm25s)):
            # A thousand times as slow: once is enough.
            if system == "bm25s" and turn != 1:
                continue
            start = time.perf_counter()
            own = ask(name if system == "belfry" else queries)
            took = own if own is not None else time.perf_counter() - start
            if turn > 0:
                times[system].append(1e3 * took / len(queries))
    shown = {system: f"{statistics.median(all):.3f} ms ({min(all):.3f}–{max(all):.3f})" for system, all in times.items()}
    ratios = [min(other, times["bm25s"][0]) / own for own, other in zip(times["belfry"], times["tantivy"])]
    print(f"{name}: {len(queries)} queries; {shown}; better of both ÷ belfry {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f}–{max(ratios):.2f})", flush=True)
process.stdin.close()
process.wait()
