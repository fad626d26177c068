"""Writes short texts like shops' titles, and queries of one to five words, as people typed them.

    python make_texts.py PRODUCTS.csv JUDGEMENTS.csv OUT 1000000

The products and judgements are Home Depot's (see Indexes/homedepot). A text is a title of which every third word comes from
another title: the words are as common as in the titles, and no two texts are the same.
"""

import csv
import random
import sys

products, judgements, out, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
generator = random.Random(5)
with open(products, newline="", encoding="utf-8", errors="replace") as file:
    titles = [row["product_title"].split() for row in csv.DictReader(file)]
with open(judgements, newline="", encoding="utf-8", errors="replace") as file:
    terms = sorted({" ".join(row["search_term"].split()) for row in csv.DictReader(file)})
with open(out + "/texts.txt", "w", encoding="utf-8") as file:
    for _ in range(count):
        own, other = generator.choice(titles), generator.choice(titles)
        words = [generator.choice(other) if generator.random() < 1 / 3 else word for word in own]
        file.write(" ".join(words) + "\n")
for words in range(1, 6):
    some = [term for term in terms if len(term.split()) == words]
    generator.shuffle(some)
    with open(f"{out}/queries-{words}.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(some[:200]) + "\n")
