"""Writes which films share at least three plot keywords: what belfry evaluate holds similar films against.

    python prepare.py        ($BELFRY_DATA/tmdb5000/movies.csv -> $BELFRY_CACHE/systems/similar-movies)
"""
import collections
import csv
import json
import os
import pathlib

data = pathlib.Path(os.environ.get("BELFRY_DATA", pathlib.Path(__file__).parents[2] / "../shared/data"))
cache = pathlib.Path(os.environ.get("BELFRY_CACHE", pathlib.Path.home() / ".cache/belfry"))
folder = cache / "systems/similar-movies"
folder.mkdir(parents=True, exist_ok=True)

keywords = {}
with open(data / "tmdb5000/movies.csv", encoding="utf-8", newline="") as file:
    for film in csv.DictReader(file):
        if film["overview"].strip():
            keywords[film["id"]] = {keyword["id"] for keyword in json.loads(film["keywords"])}

films = collections.defaultdict(list)
for film, own in keywords.items():
    for keyword in own:
        films[keyword].append(film)

queries = 0
with open(folder / "shared-keywords.jsonl", "w") as file:
    for film, own in keywords.items():
        shared = collections.Counter(other for keyword in own for other in films[keyword] if other != film)
        relevant = sorted(other for other, count in shared.items() if count >= 3)
        if relevant:
            queries += 1
            file.write(json.dumps({"id": film, "relevant": relevant}) + "\n")
print(f"{folder}/shared-keywords.jsonl: {queries} films of {len(keywords)}")
