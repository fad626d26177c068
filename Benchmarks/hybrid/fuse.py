"""Ways to make one ranking of two, on what rank.py kept: which way, with which share for words, is best, and for which queries.

    python fuse.py SET …

1. For each set nDCG@10 of both rankings, of each way with a share fitted on other queries (five parts), and at fixed shares.
2. For each way the fixed share that is best over all other sets, measured on the set that was left out.
3. What a share per query could reach, and what signals reach of it.
"""
import sys

import numpy

USUAL, FIXED = "belfry (TM, missing = last)", (0.2, 0.25, 0.35, 0.5)
SHARES = numpy.arange(21) / 20
DEPTH, K = 100, 10
DISCOUNTS = 1 / numpy.log2(numpy.arange(K) + 2)


class Rankings:
    """Both rankings of a set's queries, cut off at `depth`: arrays of one row for each query and one column for each point."""

    def __init__(self, name, depth=DEPTH):
        kept = numpy.load(f"rankings/{name}.npz")
        self.name, self.ideal, self.before, self.most = name, kept["ideal"], kept["before"], kept["most"]
        self.real, self.gains = kept["scores"].astype(float), 2.0 ** kept["grades"] - 1
        self.points = kept["points"]
        self.there = self.points >= 0
        self.rank = numpy.full(self.real.shape, 10 ** 6)
        for kind in (0, 1):
            scores = numpy.where(kept["listed"][kind], self.real[kind], -numpy.inf)
            order = numpy.argsort(-scores, axis=1, kind="stable")
            numpy.put_along_axis(self.rank[kind], order, numpy.arange(scores.shape[1])[None, :], axis=1)
            self.rank[kind][~kept["listed"][kind]] = 10 ** 6
        self.in_list = self.rank < depth
        self.union = self.in_list.any(0)
        self.count = self.in_list.sum(2)
        some = numpy.maximum(self.count, 1)
        self.top = numpy.where(self.count > 0, numpy.where(self.in_list, self.real, -numpy.inf).max(2), 0)
        self.last = numpy.where(self.count > 0, numpy.where(self.in_list, self.real, numpy.inf).min(2), 0)
        self.mean = numpy.where(self.in_list, self.real, 0).sum(2) / some
        spread = numpy.where(self.in_list, self.real - self.mean[:, :, None], 0)
        self.deviation = numpy.sqrt((spread ** 2).sum(2) / some)
        self.cut_off = self.count >= depth
        # No column that no list has.
        wide = max(int(self.union.sum(1).max()), K + 1)
        order = numpy.argsort(~self.union, axis=1, kind="stable")[:, :wide]
        for name in ("real", "rank", "in_list"):
            setattr(self, name, numpy.take_along_axis(getattr(self, name), order[None], 2))
        for name in ("gains", "points", "there", "union"):
            setattr(self, name, numpy.take_along_axis(getattr(self, name), order, 1))

    def first(self, count):
        """The first queries alone."""
        few = object.__new__(Rankings)
        few.name = self.name
        for name, value in vars(self).items():
            if isinstance(value, numpy.ndarray):
                by_kind = name in ("real", "rank", "in_list", "count", "top", "last", "mean", "deviation", "cut_off")
                setattr(few, name, value[:, :count] if by_kind else value[:count])
        return few

    def ndcg(self, scores):
        """nDCG@10 of every query by these scores."""
        scores = numpy.where(self.union, scores, -numpy.inf)
        best = numpy.argpartition(-scores, K, axis=1)[:, :K]
        order = numpy.argsort(-numpy.take_along_axis(scores, best, 1), axis=1, kind="stable")
        best = numpy.take_along_axis(best, order, 1)
        gains = numpy.take_along_axis(numpy.where(self.union, self.gains, 0), best, 1)
        return (gains * DISCOUNTS).sum(1) / self.ideal


def part(value, top, least):
    return numpy.where(top > least, (value - least) / numpy.where(top > least, top - least, 1), 0)


def scaled(r, least=None, missing="zero", meaning_least=-1.0):
    """Scores from 0, for `least` or the list's last, to 1, for its best. A point that a list lacks gets 0, what the list's last
    one has (`last`), or its real score (`real`)."""
    parts = []
    for kind in (0, 1):
        low = (r.last[kind] if least is None else numpy.full(len(r.ideal), (meaning_least, 0.0)[kind]))[:, None]
        own = part(r.real[kind], r.top[kind][:, None], low)
        rest = {"zero": 0, "last": numpy.where(r.cut_off[kind][:, None], part(r.last[kind][:, None], r.top[kind][:, None], low), 0),
                "real": own}[missing]
        parts.append(numpy.where(r.in_list[kind], own, rest))
    return parts


def standard(r, missing):
    parts = []
    for kind in (0, 1):
        wide = numpy.where(r.deviation[kind] > 1e-9, r.deviation[kind], 1)[:, None]
        own = (r.real[kind] - r.mean[kind][:, None]) / wide
        last = (r.last[kind] - r.mean[kind])[:, None] / wide
        parts.append(numpy.where(r.in_list[kind], own, own if missing == "real" else last))
    return parts


def by_distribution(r):
    """Three deviations to each side are 0 and 1; a point that a list lacks has nothing there."""
    return [numpy.where(r.in_list[kind], numpy.clip((z + 3) / 6, 0, 1), 0) for kind, z in enumerate(standard(r, "last"))]


def by_rank(k):
    return lambda r: [numpy.where(r.in_list[kind], (k + 1) / (k + 1 + r.rank[kind]), 0) for kind in (0, 1)]


def absolute(missing):
    """The cosine as it is, and the share that a point has of all that the question's words could score."""
    def parts(r):
        both = [r.real[0], r.real[1] / numpy.maximum(r.most, 1e-9)[:, None]]
        tops = [r.last[0], r.last[1] / numpy.maximum(r.most, 1e-9)]
        if missing == "real":
            return both
        return [numpy.where(r.in_list[kind], both[kind], numpy.where(r.cut_off[kind], tops[kind], 0)[:, None]) for kind in (0, 1)]
    return parts


WAYS = {
    "belfry (TM, missing = last)": lambda r: scaled(r, 0, "last"),
    "TM, missing = 0": lambda r: scaled(r, 0, "zero"),
    "TM, real scores (TM2C2)": lambda r: scaled(r, 0, "real"),
    "TM, cosine from 0, real": lambda r: scaled(r, 0, "real", 0.0),
    "min-max, missing = 0": lambda r: scaled(r),
    "z-score, real scores": lambda r: standard(r, "real"),
    "distribution (DBSF)": by_distribution,
    "absolute, real": absolute("real"),
    **{f"RRF {k}": by_rank(k) for k in (0, 10, 60)},
}


def curve(r, way):
    """nDCG@10 of every query at every share: an array of queries × shares."""
    meaning, said = WAYS[way](r)
    return numpy.stack([r.ndcg((1 - share) * meaning + share * said) for share in SHARES], 1)


def folds(count, parts=5, seed=1):
    return numpy.random.default_rng(seed).permutation(count) % parts


def cross_fitted(curve):
    """Each query at the share that is best for the other parts."""
    own = folds(len(curve))
    fitted = numpy.array([curve[own != part].mean(0).argmax() for part in range(5)])
    return curve[numpy.arange(len(curve)), fitted[own]]


def interval(differences, times=2000):
    drawn = numpy.random.default_rng(1).integers(0, len(differences), (times, len(differences)))
    low, high = numpy.percentile(differences[drawn].mean(1), [2.5, 97.5])
    return f"{differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def fixed(names, curves, what):
    """The share that is best over all other sets, on the set that was left out; sets count alike, each by what it gains beside
    the better of its two rankings."""
    means = numpy.array([curves[name].mean(0) for name in names])
    gain = means - numpy.maximum(means[:, :1], means[:, -1:])
    chosen = [(gain.sum(0) - gain[place]).argmax() for place in range(len(names))]
    left_out = [means[place, share] for place, share in enumerate(chosen)]
    print(f"{what:28} left out:", *(f"{value:.4f}" for value in left_out), f" mean {numpy.mean(left_out):.4f}; shares",
          *(f"{SHARES[share]:.2f}" for share in chosen), f"; of all {SHARES[gain.sum(0).argmax()]:.2f}, mean gain there "
          f"{gain.mean(0).max():+.4f}, least {gain[:, gain.sum(0).argmax()].min():+.4f}")


def table(names):
    kept = {name: Rankings(name) for name in names}
    print("nDCG@10 | queries | encoder | BM25 as it was | words | " + " | ".join(f"hybrid {share}" for share in FIXED)
          + " | cross-fitted | beside the better of encoder and BM25 | beside words | best share | best share per query")
    own = {name: curve(kept[name], USUAL) for name in names}
    for name, r in kept.items():
        encoder, said, fitted = own[name][:, 0], own[name][:, 20], cross_fitted(own[name])
        better = encoder if encoder.mean() >= r.before.mean() else r.before
        print(" | ".join([
            name, str(len(encoder)), f"{encoder.mean():.4f}", f"{r.before.mean():.4f}", f"{said.mean():.4f}",
            *(f"{own[name][:, round(share * 20)].mean():.4f}" for share in FIXED), f"{fitted.mean():.4f}",
            interval(fitted - better), interval(fitted - said), f"{SHARES[own[name].mean(0).argmax()]:.2f}",
            f"{own[name].max(1).mean():.4f}"]), flush=True)
        for share in FIXED:
            print(f"    share {share} beside the better of encoder and BM25: {interval(own[name][:, round(share * 20)] - better)}")
    print("\nmean nDCG@10 at shares 0, 0.05 … 1")
    for name in names:
        print(f"{name:18}", *(f"{value:.3f}" for value in own[name].mean(0)))
    print("\nways: cross-fitted by query; then at fixed shares (of more than 1,000 queries the first 1,000)")
    few = {name: r.first(1000) for name, r in kept.items()}
    for way in WAYS:
        curves = {name: curve(few[name], way) for name in names}
        fitted = [cross_fitted(curves[name]).mean() for name in names]
        print(f"{way:28} fitted:  ", *(f"{value:.4f}" for value in fitted), f" mean {numpy.mean(fitted):.4f}")
        fixed(names, curves, "")
        if len(names) > 3 and "hm" in names:
            fixed([name for name in names if name != "hm"], curves, "    without hm")
        sys.stdout.flush()


if __name__ == "__main__":
    table(sys.argv[1:])
