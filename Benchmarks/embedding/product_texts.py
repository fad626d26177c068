"""Writes texts from the catalogue of Indexes/products, one a line, for compare_onnxruntime.py.

    python3 product_texts.py titles 2000 > titles.txt
    python3 product_texts.py descriptions 1000 > descriptions.txt
"""
import csv
import os
import random
import sys

kind, count = sys.argv[1], int(sys.argv[2])
cache = os.environ.get("BELFRY_CACHE", os.path.expanduser("~/.cache/belfry"))
path = os.path.join(cache, "qte-industrial-catalog", "product-E-20-09-2026.csv")
with open(path, encoding="utf-8-sig", newline="") as file:
    rows = list(csv.reader(file))[1:]
random.seed(1)
random.shuffle(rows)
for row in rows[:count]:
    text = row[1] if kind == "titles" else row[1] + " " + row[2]
    print(" ".join(text.split()))
