"""Belfry against onnxruntime (f32) at exact token counts: sentences/s for 16, 64 and 256 tokens, one text at a time and
32 at a time, on one and on two threads, in f32 and in bf16.

Belfry gets texts and tokenizes them; onnxruntime gets token ids of equal length, nothing to pad. The sides take turns,
which of them runs first changes from round to round, and a pause between them lets the other's threads fall asleep.
A round in which other processes took more than 3 % of the machine is measured again. Set up as compare_onnxruntime.py
says, then:

    swift build -c release --package-path Benchmarks --product TowerBenchmark
    venv/bin/python Benchmarks/embedding/compare_table.py --tower minilm.tower --graph graph/minilm.graph.op17.onnx \\
        --tokenizer ~/.cache/belfry/all-MiniLM-L6-v2/tokenizer.json \\
        --command Benchmarks/.build/release/TowerBenchmark

Work per sentence of L tokens: L · (21.23 MFLOP + 9,216 · L FLOP). The share of the peak is of 260 GFLOP/s in f32 and 475
in bf16 for each core (AMD Zen 5): --peak and --peak-bf16 for another processor. OPENBLAS_* variables are unset for the
command.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import time

import numpy as np

WORDS = "bell tower church town stone wall river bridge market street house window door garden tree light morning".split()


def texts_of(tokens, count, generator):
    # Each word is one token; the tokenizer adds two.
    return [" ".join(generator.choice(WORDS) for _ in range(tokens - 2)) for _ in range(count)]


class Belfry:
    def __init__(self, arguments):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        self.process = subprocess.Popen(
            [arguments.command, arguments.tower], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.machine = json.loads(self.process.stdout.readline())

    def run(self, texts, threads, precision, seconds):
        request = {"texts": texts, "threads": threads, "precision": precision, "seconds": seconds}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["calls"] * len(texts) / answer["seconds"], np.array(answer["vectors"]), answer["tokens"]


class OnnxRuntime:
    def __init__(self, arguments, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(arguments.graph, options, providers=["CPUExecutionProvider"])
        self.names = {entry.name for entry in self.session.get_inputs()}

    def run(self, ids, seconds):
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        feeds = {name: feeds[name] for name in self.names}
        vectors = self.session.run(None, feeds)[0]
        begin, calls = time.perf_counter(), 0
        while True:
            self.session.run(None, feeds)
            calls += 1
            elapsed = time.perf_counter() - begin
            if elapsed >= seconds:
                return calls * len(ids) / elapsed, vectors


def processor_seconds(processes):
    """Processor time of the machine, and of these processes."""
    with open("/proc/stat") as file:
        fields = list(map(int, file.readline().split()[1:9]))
    own = 0
    for process in processes:
        with open(f"/proc/{process}/stat") as file:
            parts = file.read().rsplit(")", 1)[1].split()
        own += int(parts[11]) + int(parts[12])
    return sum(fields) - fields[3] - fields[4], own, sum(fields)


def wait_for_idle(seconds):
    """Returns when nothing has run for a moment, or after so many seconds."""
    end, calm = time.perf_counter() + seconds, 0
    while calm < 2 and time.perf_counter() < end:
        before = processor_seconds([])
        time.sleep(0.15)
        busy, _, total = (b - a for a, b in zip(before, processor_seconds([])))
        calm = calm + 1 if busy <= 0.04 * total else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True)
    parser.add_argument("--tower", required=True)
    parser.add_argument("--graph", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--tokens", type=int, nargs="+", default=[16, 64, 256])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precision", nargs="+", default=["f32", "bf16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--attempts", type=int, default=4, help="of one round, if others disturb it")
    parser.add_argument("--peak", type=float, default=260)
    parser.add_argument("--peak-bf16", type=float, default=475)
    arguments = parser.parse_args()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(arguments.tokenizer)
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    belfry = Belfry(arguments)
    processes = [os.getpid(), belfry.process.pid]
    machine = belfry.machine
    print(f"instruction set {machine['instructionSet']}, BLAS core {machine['blasCore']}, "
          f"bf16 {'by the CPU' if machine['hasBF16'] else 'emulated'}: on the canary texts 1 - cos "
          f"{machine['cosineLoss']:.1e}, largest difference {machine['largestDifference']:.1e}")
    for precision, milliseconds in machine["loadMilliseconds"].items():
        print(f"{precision}: loaded in {milliseconds:.0f} ms, {machine['residentMegabytes'][precision]:.0f} MB more in memory")
    print("| tokens | batch | threads | | belfry/s | of peak | onnxruntime f32/s | of peak | ratio | range | disturbed |"
          " max difference | 1 - cos |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    generator = random.Random(1)
    for threads in arguments.threads:
        onnx = OnnxRuntime(arguments, threads)
        for tokens in arguments.tokens:
            for batch in arguments.batch:
                texts = texts_of(tokens, batch, generator)
                ids = np.array([encoding.ids for encoding in tokenizer.encode_batch(texts)], np.int64)
                assert ids.shape == (batch, tokens), ids.shape
                flops = tokens * (21.23e6 + 9216 * tokens)
                for precision in arguments.precision:
                    ours, theirs, disturbed = [], [], 0
                    for number in range(arguments.rounds):
                        for attempt in range(arguments.attempts):
                            wait_for_idle(2)
                            before = processor_seconds(processes)
                            sides = [lambda: belfry.run(texts, threads, precision, arguments.seconds),
                                     lambda: onnx.run(ids, arguments.seconds)]
                            results = [None, None]
                            for side in (0, 1) if number % 2 == 0 else (1, 0):
                                time.sleep(0.1)
                                results[side] = sides[side]()
                            after = processor_seconds(processes)
                            busy, own, total = (b - a for a, b in zip(before, after))
                            if busy - own <= 0.03 * total:
                                break
                        else:
                            disturbed += 1
                        assert results[0][2] == batch * tokens, results[0][2]
                        ours.append(results[0][0])
                        theirs.append(results[1][0])
                    found, wanted = results[0][1], results[1][1].astype(np.float64)
                    cosines = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
                    ratios = [a / b for a, b in zip(ours, theirs)]
                    a, b = statistics.median(ours), statistics.median(theirs)
                    peak = (arguments.peak if precision == "f32" else arguments.peak_bf16) * 1e9 * threads
                    print(f"| {tokens} | {batch} | {threads} | {precision} | {a:.1f} | {100 * a * flops / peak:.0f} % | "
                          f"{b:.1f} | {100 * b * flops / (arguments.peak * 1e9 * threads):.0f} % | "
                          f"{statistics.median(ratios):.2f} | {min(ratios):.2f}–{max(ratios):.2f} | {disturbed} | "
                          f"{np.abs(found - wanted).max():.1e} | {1 - cosines.min():.1e} |", flush=True)


if __name__ == "__main__":
    main()
