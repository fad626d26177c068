"""Makes the fixtures beside it: small ONNX towers of random weights, rows, and the vectors that they become.

    python make_towers.py        (numpy, onnx 1.22.0, onnxruntime 1.31.1)

user.onnx and movie.onnx are a two-tower, session.onnx a recurrent model with an output layer and a bias, token.onnx
gives a vector for each token. What the feature columns do is done here once more, by hand.
"""
import json
import os
import zlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

here = os.path.dirname(os.path.abspath(__file__))
random = np.random.default_rng(20261121)
weights = []


def weight(name, *shape, scale=0.5):
    weights.append(numpy_helper.from_array((random.standard_normal(shape) * scale).astype(np.float32), name))
    return name


def constant(name, values, type=np.int64):
    weights.append(numpy_helper.from_array(np.array(values, type), name))
    return name


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs, output if isinstance(output, list) else [output], **attributes)


def save(name, nodes, inputs, outputs):
    global weights
    values = lambda list: [helper.make_tensor_value_info(n, t, s) for n, t, s in list]
    graph = helper.make_graph(nodes, name, values(inputs), values(outputs), weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = os.path.join(here, name + ".onnx")
    onnx.save(model, path)
    weights = []
    return onnxruntime.InferenceSession(path)


def write(name, value):
    with open(os.path.join(here, name), "w", encoding="utf-8") as file:
        if isinstance(value, list):
            file.write("[\n" + ",\n".join(" " + json.dumps(v, ensure_ascii=False) for v in value) + "\n]\n")
        else:
            columns = ",\n".join("  " + json.dumps(v, ensure_ascii=False) for v in value.pop("columns"))
            rest = "".join(f',\n "{k}": {json.dumps(v, ensure_ascii=False)}' for k, v in value.items())
            file.write('{\n "columns": [\n' + columns + "\n ]" + rest + "\n}\n")


def unit(nodes, name):
    nodes += [node("ReduceL2", [name], "length", axes=[1], keepdims=1),
              node("Clip", ["length", constant("tiny", 1e-12, np.float32)], "clipped"),
              node("Div", [name, "clipped"], "vector")]


I, F = TensorProto.INT64, TensorProto.FLOAT
# The user tower: two embeddings, two layers, unit length.
nodes = [node("Gather", [weight("user.weight", 7, 6), "user_id"], "u"),
         node("Gather", [weight("age.weight", 5, 3), "age"], "a"), node("Concat", ["u", "a"], "x", axis=1),
         node("Gemm", ["x", weight("w1", 12, 9), weight("b1", 12)], "h", transB=1), node("Relu", ["h"], "r"),
         node("Gemm", ["r", weight("w2", 8, 12), weight("b2", 8)], "y", transB=1)]
unit(nodes, "y")
session = save("user", nodes, [("user_id", I, ["rows"]), ("age", I, ["rows"])], [("vector", F, ["rows", 8])])
users = [{"user_id": "ann", "age": 34}, {"user_id": "bob", "age": 18}, {"user_id": "nobody", "age": 71},
         {"user_id": "eve"}, {"user_id": "dan", "age": 17.5}]
names, ages = ["ann", "bob", "cid", "dan", "eve"], [18, 30, 50]
ids = np.array([names.index(r["user_id"]) + 1 if r["user_id"] in names else 0 for r in users])
buckets = np.array([1 + sum(b <= r["age"] for b in ages) if "age" in r else 0 for r in users])
np.save(os.path.join(here, "users.npy"), session.run(["vector"], {"user_id": ids, "age": buckets})[0])
write("user.features.json", {"format": 1, "columns": [
    {"input": "user_id", "type": "index", "lookup": {"vocabulary": names, "first_row": 1, "unknown": 0}},
    {"input": "age", "type": "index", "lookup": {"boundaries": ages, "first_row": 1}, "missing": 0}]})
write("users.json", users)

# The movie tower: an embedding, the masked mean of hashed trigrams, genres, the year.
nodes = [node("Gather", [weight("movie.weight", 6, 6), "movie"], "m"),
         node("Gather", [weight("gram.weight", 33, 4), "grams"], "g"),
         node("Unsqueeze", ["mask", constant("last", [2])], "mask3"), node("Mul", ["g", "mask3"], "masked"),
         node("ReduceSum", ["masked", constant("one", [1])], "sum", keepdims=0),
         node("ReduceSum", ["mask", "one"], "count", keepdims=1),
         node("Max", ["count", constant("least", 1, np.float32)], "divisor"), node("Div", ["sum", "divisor"], "mean"),
         node("MatMul", ["genres", weight("genre.weight", 4, 3)], "e"),
         node("Concat", ["m", "mean", "e", "year"], "x", axis=1),
         node("Gemm", ["x", weight("w1", 12, 14), weight("b1", 12)], "h", transB=1),
         node("LayerNormalization", ["h", weight("scale", 12), weight("shift", 12)], "n", epsilon=1e-5),
         node("Tanh", ["n"], "t"), node("Gemm", ["t", weight("w2", 8, 12), weight("b2", 8)], "y", transB=1)]
unit(nodes, "y")
session = save("movie", nodes, [("movie", I, ["rows"]), ("grams", I, ["rows", "grams"]), ("mask", F, ["rows", "grams"]),
                                ("genres", F, ["rows", 4]), ("year", F, ["rows", 1])], [("vector", F, ["rows", 8])])
movies = [{"title": "Heat", "genres": ["crime", "drama"], "year": 1995}, {"title": "Alien", "genres": ["horror"], "year": 1979},
          {"title": "Amélie", "genres": [], "year": 2001}, {"title": "Unheard of", "genres": ["western"], "year": 2024},
          {"title": "M", "genres": ["crime", "crime"], "year": 1931}]
titles, genres = ["Heat", "Alien", "Amélie", "M"], ["crime", "drama", "horror"]
ids = np.array([titles.index(r["title"]) + 2 if r["title"] in titles else 0 for r in movies])
trigrams = lambda t: [1 + zlib.crc32(t[i:i + 3].encode()) % 32 for i in range(len(t) - 2)]
grams = [trigrams("^" + r["title"].lower() + "$")[:9] for r in movies]
width = max(map(len, grams))
mask = np.array([[1.0] * len(g) + [0.0] * (width - len(g)) for g in grams], np.float32)
grams = np.array([g + [0] * (width - len(g)) for g in grams])
hot = np.zeros((len(movies), 4), np.float32)
for row, r in zip(hot, movies):
    row[[genres.index(g) + 1 if g in genres else 0 for g in r["genres"]]] = 1
year = np.array([[(r["year"] - 1990) / 20] for r in movies], np.float32)
feeds = {"movie": ids, "grams": grams, "mask": mask, "genres": hot, "year": year}
np.save(os.path.join(here, "movies.npy"), session.run(["vector"], feeds)[0])
write("movie.features.json", {"format": 1, "columns": [
    {"input": "movie", "field": "title", "type": "index", "lookup": {"vocabulary": titles, "first_row": 2, "unknown": 0}},
    {"input": "grams", "field": "title", "type": "list", "length": 9, "float_mask": "mask",
     "ngrams": {"sizes": [3], "before": "^", "after": "$"}, "lookup": {"hash": "crc32", "buckets": 32, "first_row": 1}},
    {"input": "genres", "type": "multi_hot", "lookup": {"vocabulary": genres, "first_row": 1, "unknown": 0}},
    {"input": "year", "type": "number", "mean": 1990, "std": 20}]})
write("movies.json", movies)

# The session model: embedding, GRU, the state at the last item, scores of 9 items with a bias.
nodes = [node("Gather", [weight("item.weight", 9, 5), "items"], "x"), node("Transpose", ["x"], "xt", perm=[1, 0, 2]),
         node("GRU", ["xt", weight("w", 1, 18, 5), weight("r", 1, 18, 6), weight("b", 1, 36)], ["states"], hidden_size=6,
              linear_before_reset=1),
         node("Squeeze", ["states", constant("direction", [1])], "s"), node("Transpose", ["s"], "st", perm=[1, 0, 2]),
         node("Sub", ["lengths", constant("one", 1)], "place"),
         node("Unsqueeze", ["place", constant("both", [1, 2])], "place3"),
         node("Expand", ["place3", constant("wide", [1, 1, 6])], "places"),
         node("GatherElements", ["st", "places"], "picked", axis=1),
         node("Squeeze", ["picked", "direction"], "hidden"),
         node("Gemm", ["hidden", weight("output.weight", 9, 6), weight("output.bias", 9)], "scores", transB=1)]
session = save("session", nodes, [("items", I, ["rows", "time"]), ("lengths", I, ["rows"])], [("scores", F, ["rows", 9])])
sessions = [{"items": [3, 1, 4]}, {"items": [8]}, {"items": [2, 7, 1, 8, 2, 8]}, {"items": [5, 99, 5]}]
lists = [[i for i in r["items"] if i < 9][-4:] for r in sessions]
lengths = np.array([len(x) for x in lists])
items = np.array([x + [0] * (4 - len(x)) for x in lists])
np.save(os.path.join(here, "scores.npy"), session.run(["scores"], {"items": items, "lengths": lengths})[0])
write("session.features.json", {"format": 1, "columns": [
    {"input": "items", "type": "list", "length": 4, "keeps": "last", "minimum": 1, "lengths": "lengths",
     "lookup": {"rows": 9, "unknown": "skip"}}],
    "output": "hidden",
    "items": {"tensor": "output.weight", "bias": "output.bias", "field": "id", "lookup": {"rows": 9}}})
write("sessions.json", sessions)

# A vector for each token, to be pooled; a second output that nobody wants.
nodes = [node("Gather", [weight("words", 140, 6), "input_ids"], "x"),
         node("MatMul", ["x", weight("w", 6, 6)], "h"), node("Tanh", ["h"], "last_hidden_state"),
         node("ReduceMax", ["last_hidden_state"], "most", axes=[1, 2], keepdims=0)]
save("token", nodes, [("input_ids", I, ["rows", "tokens"])],
     [("last_hidden_state", F, ["rows", "tokens", 6]), ("most", F, ["rows"])])
