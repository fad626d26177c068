"""Makes rankings.json: random rankings with graded judgements, and what trec_eval says of them.

    pip install pytrec-eval-terrier scikit-learn && python make_rankings.py

trec_eval's gain is the grade itself, so that for nDCG it is given 2^grade - 1; its reciprocal rank knows no cut, so that
it is given the first k. nDCG is compared with scikit-learn's, and F1 is scikit-learn's.
"""
import json, random
from pathlib import Path
import pytrec_eval
from sklearn.metrics import f1_score, ndcg_score

ks, points, queries = [1, 5, 10, 20], 40, 25
random.seed(7)


def evaluate(judgements, ranking, measures):
    run = {"q": {point: float(-rank) for rank, point in enumerate(ranking)}}
    return pytrec_eval.RelevanceEvaluator({"q": judgements}, measures).evaluate(run)["q"]


result = []
for _ in range(queries):
    grades = {str(point): random.choice([0, 0, 1, 2, 3]) for point in random.sample(range(points), random.randint(1, 30))}
    grades[random.choice(list(grades))] = 1
    # Points that no ranking can find.
    grades |= {str(points + extra): 2 for extra in range(random.randint(0, 2))}
    ranking = [str(point) for point in random.sample(range(points), random.randint(20, points))]
    expected = {}
    cuts = ",".join(map(str, ks))
    plain = evaluate(grades, ranking, {f"{measure}.{cuts}" for measure in ["P", "recall", "map_cut", "success"]})
    gains = evaluate({point: 2**grade - 1 for point, grade in grades.items()}, ranking, {f"ndcg_cut.{cuts}"})
    for k in ks:
        names = {"precision": "P", "recall": "recall", "map": "map_cut", "hit_rate": "success"}
        for name, theirs in names.items(): expected[f"{name}@{k}"] = plain[f"{theirs}_{k}"]
        expected[f"ndcg@{k}"] = gains[f"ndcg_cut_{k}"]
        expected[f"mrr@{k}"] = evaluate(grades, ranking[:k], {"recip_rank"})["recip_rank"]
        everything = sorted(set(ranking) | set(grades))
        relevant = [grades.get(point, 0) > 0 for point in everything]
        expected[f"f1@{k}"] = f1_score(relevant, [point in ranking[:k] for point in everything], zero_division=0)
        order = {point: rank for rank, point in enumerate(ranking)}
        scores = [-order.get(point, len(ranking)) for point in everything]
        theirs = ndcg_score([[2 ** grades.get(point, 0) - 1 for point in everything]], [scores], k=k)
        assert abs(theirs - expected[f"ndcg@{k}"]) < 1e-9
    result.append({"ranking": ranking, "grades": grades, "expected": {name: round(float(value), 12) for name, value in expected.items()}})
lines = ",\n".join(json.dumps(query) for query in result)
Path(__file__).with_name("rankings.json").write_text(f'{{"k": {ks}, "queries": [\n{lines}\n]}}\n')
