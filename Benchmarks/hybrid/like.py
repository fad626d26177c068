"""How a point should ask for points like it by words: variants, on sets whose queries are points.

    python like.py QUERIES SET …        (SET: films, hm, or hm5: H&M with one product of five)
"""
import sys

import words


def plain(text, stop=False):
    return words.plain(text)


some = int(sys.argv[1])
for name in sys.argv[2:]:
    judged = words.JudgedSet(name)
    short = len(judged.fields) - 1

    def report(what, **options):
        print(f"{name}: {what:40} {words.by_words(judged, some=some, **options).mean():.4f}", flush=True)

    report("BM25 as it was", like="count", fields=[(judged.text, 1)], analyze=plain)
    for like in ("document", "count", "count stop"):
        report(like, like=like)
    report("one field, document", fields=[(judged.text, 1)])
    report("not stemmed, document", analyze=plain)
    if short:
        for weight in (0.5, 0.3, 0.1):
            fields = [(texts, weight if place < short else 1) for place, (texts, _) in enumerate(judged.fields)]
            report(f"short fields {weight}", fields=fields)
            report(f"short fields {weight}, not stemmed", fields=fields, analyze=plain)
        report("last field alone", fields=judged.fields[-1:])
