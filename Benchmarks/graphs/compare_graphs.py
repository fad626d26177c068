"""Belfry against onnxruntime on small graphs, one row at a time on one thread: a user of a two-tower, by id and by rich
features, and a session of 50 items through GRU4Rec.

Belfry gets an object of fields, looks its values up and embeds it; onnxruntime gets arrays that are ready. The sides take
turns, the first of them changes from round to round; the median of the ratios is printed with their range.

    swift build -c release --package-path Benchmarks --product GraphBenchmark
    swift build -c release --product belfry
    venv/bin/pip install numpy onnxruntime==1.31.1
    venv/bin/python Benchmarks/graphs/compare_graphs.py --towers ../shared/towers --belfry .build/release/belfry \\
        --command Benchmarks/.build/release/GraphBenchmark

The models are the MovieLens-100K reference towers (legacy exporter, opset 17).
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime


def index(field, values):
    return {"input": field, "type": "index", "lookup": {"vocabulary": values, "first_row": 1, "unknown": 0}}


def systems(towers):
    """Name, model, feature columns, rows of fields, and the same rows as arrays."""
    users = json.load(open(f"{towers}/ml100k-twotower-ids-softmax/vocab.json"))["user_id"]
    chosen = np.random.default_rng(0).permutation(len(users))[:100]
    yield (
        "two-tower by ids",
        f"{towers}/ml100k-twotower-ids-softmax/query.legacy.op17.onnx",
        lambda inputs: [index(inputs[0], users)],
        lambda inputs: [{inputs[0]: users[row]} for row in chosen],
        lambda inputs: [{inputs[0]: np.array([row + 1], np.int64)} for row in chosen],
    )
    rich = json.load(open(f"{towers}/ml100k-twotower-rich/vocab.json"))["user"]
    digits = [str(digit) for digit in range(10)]
    random = np.random.default_rng(1)
    rows = [
        {
            "user_id": int(random.integers(len(rich["user_id"]))),
            "age": int(random.integers(len(rich["age_boundaries"]))),
            "gender": int(random.integers(len(rich["gender"]))),
            "occupation": int(random.integers(len(rich["occupation"]))),
            "zip_region": int(random.integers(10)),
        }
        for _ in range(100)
    ]
    lists = {"zip_region": digits, **{name: rich[name] for name in ("user_id", "gender", "occupation")}}
    yield (
        "two-tower of rich features",
        f"{towers}/ml100k-twotower-rich/query.legacy.op17.onnx",
        lambda inputs: [index(name, values) for name, values in lists.items()]
        + [{"input": "age", "type": "index", "lookup": {"boundaries": rich["age_boundaries"], "first_row": 1}}],
        # The age that lies on a boundary belongs to the bucket behind it.
        lambda inputs: [
            {name: lists[name][row[name]] for name in lists} | {"age": rich["age_boundaries"][row["age"]]} for row in rows
        ],
        lambda inputs: [
            {name: np.array([row[name] + (2 if name == "age" else 1)], np.int64) for name in inputs} for row in rows
        ],
    )
    sessions = np.random.default_rng(2).integers(1, 1683, (100, 50))
    yield (
        "GRU4Rec, session of 50",
        f"{towers}/ml100k-gru4rec/query.legacy.op17.onnx",
        lambda inputs: [
            {"input": "items", "type": "list", "length": 50, "lengths": "lengths", "lookup": {"rows": 1683}}
        ],
        lambda inputs: [{"items": session.tolist()} for session in sessions],
        lambda inputs: [{"items": session[None], "lengths": np.array([50], np.int64)} for session in sessions],
    )


class Belfry:
    def __init__(self, arguments, model, columns, folder):
        features, tower = f"{folder}/features.json", f"{folder}/tower"
        json.dump({"format": 1, "columns": columns}, open(features, "w"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        subprocess.run(
            [arguments.belfry, "tower", "import", model, "--features", features, "--to", tower, "--replace"],
            check=True, stdout=subprocess.DEVNULL, env=environment)
        self.process = subprocess.Popen(
            [arguments.command, tower], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.machine = self.process.stdout.readline().strip()

    def run(self, rows, seconds):
        self.process.stdin.write(json.dumps({"rows": rows, "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["calls"] / answer["seconds"], np.array(answer["vectors"])


def run_onnxruntime(session, output, rows, seconds):
    vectors = np.concatenate([session.run([output], row)[0] for row in rows])
    calls, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for row in rows:
            session.run([output], row)
        calls += len(rows)
    return calls / (time.perf_counter() - begin), vectors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--towers", required=True)
    parser.add_argument("--belfry", required=True)
    parser.add_argument("--command", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5)
    arguments = parser.parse_args()
    print("| tower | onnxruntime rows/s | belfry rows/s | ratio | largest difference |")
    print("|---|---:|---:|---:|---:|")
    for name, model, columns, rows, arrays in systems(arguments.towers):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        inputs = [entry.name for entry in session.get_inputs()]
        output = session.get_outputs()[0].name
        with tempfile.TemporaryDirectory() as folder:
            belfry = Belfry(arguments, model, columns(inputs), folder)
            speeds = []
            for turn in range(arguments.rounds):
                def theirs():
                    return run_onnxruntime(session, output, arrays(inputs), arguments.seconds)

                def ours():
                    return belfry.run(rows(inputs), arguments.seconds)

                (b, left), (o, right) = (ours(), theirs()) if turn % 2 else reversed((theirs(), ours()))
                speeds.append((o, b))
            ratios = sorted(b / o for o, b in speeds)
            difference = np.abs(left - right.reshape(left.shape)).max()
            print(
                f"| {name} | {statistics.median(o for o, _ in speeds):,.0f} | "
                f"{statistics.median(b for _, b in speeds):,.0f} | {statistics.median(ratios):.2f} "
                f"({ratios[0]:.2f}–{ratios[-1]:.2f}) | {difference:.1e} |", flush=True)
            belfry.process.stdin.close()
    print(f"\n{belfry.machine}; onnxruntime {onnxruntime.__version__}; {arguments.rounds} rounds")


if __name__ == "__main__":
    main()
