"""Which queries a fixed share serves badly, and whether anything that is known before the answers says which share a query wants.

    python signals.py SET …
"""
import sys

import numpy

import words
from fuse import DEPTH, SHARES, Rankings, curve, cross_fitted, folds, interval

WAY = "belfry (TM, missing = last)"
FIXED = 0.25


def asked(name, numbers):
    """Of each query: how many words it has that say something, and how many of them no text has."""
    judged = words.JudgedSet(name)
    index = words.Index(judged.fields, words.stemmed)
    length, unknown, digits = [], [], []
    for number in numbers:
        query = judged.queries[number]
        text = judged.text[query] if isinstance(query, int) else query
        terms = words.stemmed(text, stop=True)
        length.append(len(terms))
        unknown.append(sum(term not in index.terms for term in terms))
        digits.append(any(letter.isdigit() for letter in text))
    return numpy.array(length), numpy.array(unknown), numpy.array(digits)


def signals(r, length, unknown):
    """What is known of a query when both lists are there: an array of queries × signals, and their names."""
    top, last, some = r.top, r.last, numpy.maximum(r.count, 1)
    ordered = [-numpy.sort(-numpy.where(r.in_list[kind], r.real[kind], -numpy.inf), axis=1) for kind in (0, 1)]
    tenth = [numpy.where(numpy.isfinite(values[:, 9]), values[:, 9], last[kind]) for kind, values in enumerate(ordered)]
    safe = numpy.maximum(r.top[1], 1e-9)
    both = ((r.rank[0] < 10) & (r.rank[1] < 10)).sum(1) / 10
    # The cosine of the best by words, and how much of the question the nearest by meaning has.
    first = [(r.rank[kind] == 0).argmax(1) for kind in (0, 1)]
    rows = numpy.arange(len(r.ideal))
    named = {
        "words asked (log)": numpy.log1p(length),
        "share of them that no text has": unknown / numpy.maximum(length, 1),
        "best by words, of all it could have": top[1] / numpy.maximum(r.most, 1e-9),
        "best by words over the tenth": (top[1] - tenth[1]) / safe,
        "best cosine": top[0],
        "best cosine over the tenth": top[0] - tenth[0],
        "tenth cosine over the hundredth": tenth[0] - last[0],
        "in both first tens": both,
        "cosine of the best by words": top[0] - r.real[0][rows, first[1]],
        "words of the nearest": r.real[1][rows, first[0]] / safe,
        "points with a word (log)": numpy.log1p(some[1]),
    }
    return numpy.stack(list(named.values()), 1), list(named)


def fit(x, curves, penalty=10.0):
    """A ridge regression of the whole curve on signals and their squares: what it says of other signals."""
    mean, deviation = x.mean(0), numpy.maximum(x.std(0), 1e-9)
    def wide(x):
        z = numpy.clip((x - mean) / deviation, -3, 3)
        return numpy.concatenate([numpy.ones((len(z), 1)), z, z ** 2], 1)
    a = wide(x)
    regular = penalty * numpy.eye(a.shape[1])
    regular[0, 0] = 0
    weights = numpy.linalg.solve(a.T @ a + regular, a.T @ curves)
    return lambda x: wide(x) @ weights


def by_signals(x, curves, penalty=10.0):
    own, values = folds(len(curves)), numpy.zeros(len(curves))
    for part in range(5):
        inside = own == part
        said = fit(x[~inside], curves[~inside], penalty)(x[inside])
        values[inside] = curves[inside][numpy.arange(inside.sum()), said.argmax(1)]
    return values


def classes(name, r, curves, length, unknown, digits):
    at = round(FIXED * 20)
    encoder, said, mixed = curves[:, 0], curves[:, 20], curves[:, at]
    cuts = numpy.quantile(length, [1 / 3, 2 / 3])
    groups = {"all": length >= 0}
    if length.max() <= 20:
        groups |= {f"{n} words": length == n for n in (1, 2, 3, 4)} | {"5 words and more": length >= 5}
    else:
        groups |= {f"up to {cuts[0]:.0f} words": length <= cuts[0],
                   f"{cuts[0]:.0f} to {cuts[1]:.0f} words": (length > cuts[0]) & (length <= cuts[1]),
                   f"more than {cuts[1]:.0f} words": length > cuts[1]}
    groups |= {"all words known": unknown == 0, "one unknown": unknown == 1, "two unknown and more": unknown >= 2,
               "with a digit": digits, "no digit": ~digits,
               "encoder better by 0.1": encoder > said + 0.1, "words better by 0.1": said > encoder + 0.1}
    print(f"\n{name}: classes of queries at share {FIXED}: queries, encoder, words, hybrid, share of queries that lose 0.05 and more "
          "beside the better of both, best share")
    for group, inside in groups.items():
        if inside.sum() >= 8:
            better = numpy.maximum(encoder, said)[inside]
            print(f"    {group:24} {inside.sum():5} {encoder[inside].mean():.3f} {said[inside].mean():.3f} {mixed[inside].mean():.3f} "
                  f"{(mixed[inside] < better - 0.05).mean():.2f} {SHARES[curves[inside].mean(0).argmax()]:.2f}")


kept = {}
for name in sys.argv[1:]:
    r = Rankings(name, DEPTH)
    numbers = numpy.load(f"rankings/{name}.npz")["numbers"]
    length, unknown, digits = asked(name, numbers)
    curves = curve(r, WAY)
    x, named = signals(r, length, unknown)
    kept[name] = (x, curves)
    classes(name, r, curves, length, unknown, digits)
    fixed = cross_fitted(curves)
    print(f"  cross-fitted fixed share {fixed.mean():.4f}; all signals {interval(by_signals(x, curves) - fixed)}; best share per query "
          f"{curves.max(1).mean():.4f}")
    for column, signal in enumerate(named):
        print(f"    {signal:38} {interval(by_signals(x[:, [column]], curves) - fixed)}")

print("\nlearned on all other sets, each counting alike: beside a fixed share that was learned on them")
gains = {name: curves - numpy.maximum(curves[:, 0].mean(), curves[:, 20].mean()) for name, (x, curves) in kept.items()}
for name, (x, curves) in kept.items():
    others = [other for other in kept if other.split("-")[0] != name.split("-")[0]]
    generator = numpy.random.default_rng(3)
    rows = [generator.integers(0, len(kept[other][0]), 1000) for other in others]
    many = numpy.concatenate([kept[other][0][chosen] for other, chosen in zip(others, rows)])
    gain = numpy.concatenate([gains[other][chosen] for other, chosen in zip(others, rows)])
    share = gain.mean(0).argmax()
    said = fit(many, gain, 100.0)(x).argmax(1)
    print(f"    {name:18} fixed {SHARES[share]:.2f} {curves[:, share].mean():.4f}; signals "
          f"{interval(curves[numpy.arange(len(curves)), said] - curves[:, share])}")
