"""Belfry against onnxruntime (f32) on the same texts and the same threads: tokens in, vectors out.

Both sides tokenize and encode; the model is loaded before the clock starts. The sides take turns, and which of them
runs first changes from round to round. From a fresh clone:

    Scripts/fetch.sh                                          # the model: ~/.cache/belfry/all-MiniLM-L6-v2
    swift build -c release --product belfry
    .build/release/belfry tower import ~/.cache/belfry/all-MiniLM-L6-v2 --to minilm.tower
    python3 -m venv venv && venv/bin/pip install onnxruntime tokenizers numpy
    # The graph holds no weights: it names those in model.safetensors, which must lie beside it.
    mkdir graph && cp ../shared/towers/minilm-expected/minilm.graph.op17.onnx graph/
    cp ~/.cache/belfry/all-MiniLM-L6-v2/model.safetensors graph/
    venv/bin/python Benchmarks/embedding/compare_onnxruntime.py texts.txt --graph graph/minilm.graph.op17.onnx \\
        --tokenizer ~/.cache/belfry/all-MiniLM-L6-v2/tokenizer.json \\
        --command ".build/release/belfry embed minilm.tower --input {texts} --output {output} --threads {threads} --json"

texts.txt (the default name) has one text a line. The command prints a JSON object whose "seconds" are those of the
embedding alone; without one, its whole wall time counts. onnxruntime gets what a careful user would give it: texts
sorted by length, batches of 32 padded to their longest, the tokenizer library's own threads. OPENBLAS_* variables are
unset for the command. compare_table.py compares the encoders alone, at exact token counts.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import tempfile
import time

import numpy as np


def onnx_runner(arguments):
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    session = onnxruntime.InferenceSession(arguments.graph, options, providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}
    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(arguments.maximum_tokens)

    def run(texts):
        start = time.perf_counter()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
        vectors = None
        for first in range(0, len(order), arguments.batch):
            rows = order[first : first + arguments.batch]
            longest = max(len(ids[row]) for row in rows)
            tokens = np.zeros((len(rows), longest), np.int64)
            mask = np.zeros((len(rows), longest), np.int64)
            for place, row in enumerate(rows):
                tokens[place, : len(ids[row])] = ids[row]
                mask[place, : len(ids[row])] = 1
            feeds = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
            found = session.run(None, {name: feeds[name] for name in names})[0]
            if vectors is None:
                vectors = np.empty((len(texts), found.shape[1]), np.float32)
            vectors[rows] = found
        return time.perf_counter() - start, vectors, sum(map(len, ids))

    return run


def belfry_runner(arguments, path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    output = os.path.join(tempfile.mkdtemp(), "vectors.npy")
    command = [
        part.format(texts=path, output=output, threads=arguments.threads) for part in shlex.split(arguments.command)
    ]

    def run():
        start = time.perf_counter()
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        try:
            seconds = json.loads(done.stdout.strip().splitlines()[-1])["seconds"]
        except (IndexError, ValueError, KeyError, TypeError):
            pass
        return seconds, np.load(output) if os.path.exists(output) else None

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True)
    parser.add_argument("--graph", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("texts", nargs="?", default="texts.txt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--maximum-tokens", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with open(arguments.texts, encoding="utf-8") as file:
        texts = [line.rstrip("\n") for line in file]
    onnx, belfry = onnx_runner(arguments), belfry_runner(arguments, arguments.texts)
    onnx(texts[:64])
    ratios, ours, theirs = [], [], []
    for number in range(arguments.rounds):
        # What runs second finds the processor warm, or throttled: each side is second as often as the other.
        sides = [lambda: theirs.append(onnx(texts)), lambda: ours.append(belfry())]
        for side in sides if number % 2 == 0 else reversed(sides):
            side()
        ratios.append(theirs[-1][0] / ours[-1][0])
        print(f"round {number}: onnxruntime {theirs[-1][0]:.3f} s, belfry {ours[-1][0]:.3f} s, ratio {ratios[-1]:.3f}")
    tokens = theirs[0][2]
    print(
        json.dumps(
            {
                "texts": len(texts),
                "tokens": tokens,
                "threads": arguments.threads,
                "onnxruntime_texts_per_second": round(len(texts) / statistics.median(run[0] for run in theirs), 1),
                "belfry_texts_per_second": round(len(texts) / statistics.median(run[0] for run in ours), 1),
                "ratio_median": round(statistics.median(ratios), 3),
                "ratio_min": round(min(ratios), 3),
                "ratio_max": round(max(ratios), 3),
                "largest_difference": None
                if ours[0][1] is None
                else float(np.abs(ours[0][1] - theirs[0][1]).max()),
            }
        )
    )


if __name__ == "__main__":
    main()
