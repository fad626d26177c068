"""What exact search answers in a golden collection: expected.py BELFRY COLLECTION > expected.json"""

import json
import subprocess
import sys

belfry, collection = sys.argv[1:]
queries = [["similar", str(point)] for point in range(0, 2_100, 175)]
queries += [["search", text] for text in ("red lamp", "oven for room 12", "white flask of series 3", "drill")]
expected = []
for verb, text in queries:
    answer = subprocess.run(
        [belfry, verb, collection, text, "-k", "10", "--exact", "--json"], check=True, capture_output=True, text=True)
    hits = json.loads(answer.stdout)["results"]
    expected.append({"verb": verb, "text": text, "ids": [h["id"] for h in hits], "scores": [h["score"] for h in hits]})
print("[\n" + ",\n".join(json.dumps(one) for one in expected) + "\n]")
