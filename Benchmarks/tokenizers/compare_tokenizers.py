"""Belfry's tokenizers against the reference libraries: equal ids, and speed on one thread.

    Scripts/fetch-tokenizers.sh                                # the tokenizers: ~/.cache/belfry/tokenizers
    (cd Benchmarks && swift build -c release --product TokenizerBenchmark)
    python3 -m venv venv && venv/bin/pip install tokenizers sentencepiece
    venv/bin/python Benchmarks/tokenizers/compare_tokenizers.py ids --hostile 20000
    venv/bin/python Benchmarks/tokenizers/compare_tokenizers.py time texts.txt titles.txt

`ids` compares with the texts given (one a line, or a JSON array) and with a seeded set of hostile strings; it names the
first differences. `time` runs both sides in turn on the same texts, one thread each, the reference library one text
at a time (`encode`) and as one batch (`encode_batch_fast`); the better of the two counts.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
here = os.path.dirname(os.path.abspath(__file__))


def reference(folder):
    """Two functions: the ids of a text, and encoding all texts of a list."""
    path = os.path.join(folder, "tokenizer.json")
    if os.path.exists(path):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(path)
        tokenizer.no_padding()
        tokenizer.no_truncation()

        def one(texts):
            return sum(len(tokenizer.encode(text).ids) for text in texts)

        def batch(texts):
            return sum(len(encoding) for encoding in tokenizer.encode_batch_fast(texts))

        return (lambda text: tokenizer.encode(text).ids), {"encode": one, "encode_batch_fast": batch}
    import sentencepiece

    model = next(name for name in os.listdir(folder) if name.endswith(".model"))
    processor = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, model))
    one = lambda texts: sum(len(processor.encode(text)) for text in texts)
    batch = lambda texts: sum(map(len, processor.encode(texts, num_threads=1)))
    return processor.encode, {"encode": one, "encode of a list": batch}


class Belfry:
    def __init__(self, command, folder, texts):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8")
        json.dump(texts, self.file)
        self.file.flush()
        self.process = subprocess.Popen(
            [command, folder, self.file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.loaded = json.loads(self.process.stdout.readline())

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.file.close()


SCRIPTS = {
    "ascii": [(0x20, 0x7E)],
    "letters": [(0x61, 0x7A), (0x41, 0x5A), (0x20, 0x20), (0x20, 0x20)],
    "space": [(0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x2000, 0x200F), (0x2028, 0x202F), (0x3000, 0x3000)],
    "controls": [(0x00, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x200B, 0x200F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFD)],
    "latin": [(0xA0, 0x24F), (0x1E00, 0x1EFF)],
    "marks": [(0x300, 0x36F), (0x483, 0x489), (0x591, 0x5BD), (0x20D0, 0x20F0), (0x1AB0, 0x1ABD), (0x61, 0x7A)],
    "greek and cyrillic": [(0x370, 0x3FF), (0x400, 0x52F)],
    "arabic and hebrew": [(0x590, 0x6FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFC)],
    "indic": [(0x900, 0xDFF)],
    "thai and lao": [(0xE00, 0xEFF)],
    "tibetan to khmer": [(0xF00, 0x1100), (0x1780, 0x17FF)],
    "hangul": [(0x1100, 0x11FF), (0xAC00, 0xD7A3), (0x3131, 0x318E)],
    "cjk": [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x3040, 0x30FF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF)],
    "symbols": [(0x2000, 0x2BFF), (0x3000, 0x303F), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF), (0x2160, 0x2188)],
    "emoji": [(0x1F300, 0x1FAFF), (0x200D, 0x200D), (0xFE0F, 0xFE0F), (0x1F3FB, 0x1F3FF), (0x1F1E6, 0x1F1FF)],
    "digits": [(0x30, 0x39), (0x660, 0x669), (0xB2, 0xB3), (0xBC, 0xBE), (0x2460, 0x249B)],
    "anything": [(0x00, 0xD7FF), (0xE000, 0x10FFFF)],
}
FRAGMENTS = [
    "</s>", "<s>", "<pad>", "<unk>", "[CLS]", "[SEP] ", "<EOT>", "\u2581", "\u2581\u2581", "'s", "'LL", "don't", "\r\n",
    "\n\n", "  ", "    ", "\t", "1234567", "e\u0301", "\u0301", "\ufffd", "\ufffd\ufffd", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "ﬁ", "Å", "가각",
    "각", "한국어", "日本語", "ｱﾞ", "ſ", "İ", "ß", "ΑΣ", "\u0000", "a" * 300, "\u0e19\u0e33", "क्षि", "\u0303" * 40, "_", "-",
    "...", "http://x.y/z?a=b&c=d", "3.14159", "½", "Ⅻ", "\u00a0", "\u3000", "\ufeff", "—", "“”",
]


def hostile(count, seed=20261121):
    source = random.Random(seed)
    texts = [""]
    while len(texts) < count:
        parts = []
        for _ in range(source.choice([1, 1, 2, 3, 5, 8])):
            if source.random() < 0.3:
                parts.append(source.choice(FRAGMENTS))
                continue
            ranges = SCRIPTS[source.choice(list(SCRIPTS))]
            for _ in range(source.choice([1, 2, 3, 5, 8, 13, 40])):
                low, high = source.choice(ranges)
                parts.append(chr(source.randint(low, high)))
        texts.append("".join(parts))
    return texts


def read(path):
    with open(path, encoding="utf-8") as file:
        if not path.endswith(".json"):
            return [line.rstrip("\n") for line in file]
        entries = json.load(file)
    return [entry if isinstance(entry, str) else entry["text"] for entry in entries]


def compare_ids(arguments):
    texts = [text for path in arguments.texts for text in read(path)] + hostile(arguments.hostile)
    wrong = 0
    for folder in arguments.folders:
        encode, _ = reference(folder)
        belfry = Belfry(arguments.command, folder, texts)
        found = belfry.ask("ids")
        belfry.close()
        ids, differences = 0, []
        for text, mine in zip(texts, found):
            wanted = encode(text)
            ids += len(wanted)
            if mine != wanted:
                differences.append((text, wanted, mine))
        wrong += len(differences)
        print(f"{os.path.basename(folder)}: {len(texts)} texts, {ids} ids, {len(differences)} texts differ")
        for text, wanted, mine in differences[: arguments.show]:
            print(f"  {text!a}\n    wanted {wanted[:40]}\n    found  {mine[:40]}")
    sys.exit(1 if wrong else 0)


def compare_time(arguments):
    for path in arguments.texts:
        texts = read(path)
        for folder in arguments.folders:
            _, ways = reference(folder)
            belfry = Belfry(arguments.command, folder, texts)
            repeats = max(1, round(arguments.seconds / max(belfry.ask("time 2")["seconds"] / 2, 1e-6)))
            theirs = {name: [] for name in ways}
            ours, ratios = [], []
            for way in ways.values():
                tokens = way(texts)
            for number in range(arguments.rounds):
                sides = ["belfry", *ways]
                for side in sides if number % 2 == 0 else reversed(sides):
                    if side == "belfry":
                        ours.append(belfry.ask(f"time {repeats}")["seconds"] / repeats)
                        continue
                    begin = time.perf_counter()
                    times = 0
                    while times == 0 or time.perf_counter() - begin < arguments.seconds:
                        ways[side](texts)
                        times += 1
                    theirs[side].append((time.perf_counter() - begin) / times)
                ratios.append(min(theirs[name][-1] for name in ways) / ours[-1])
            rates = {name: round(tokens / statistics.median(times) / 1000) for name, times in theirs.items()}
            print(
                json.dumps(
                    {
                        "tokenizer": os.path.basename(folder),
                        "texts": os.path.basename(path),
                        "tokens": tokens,
                        "belfry_thousand_tokens_per_second": round(tokens / statistics.median(ours) / 1000),
                        "theirs_thousand_tokens_per_second": rates,
                        "ratio_median": round(statistics.median(ratios), 2),
                        "ratio_min": round(min(ratios), 2),
                        "ratio_max": round(max(ratios), 2),
                        "load_seconds": round(belfry.loaded["load_seconds"], 3),
                    }
                ),
                flush=True,
            )
            belfry.close()


def main():
    cache = os.environ.get("BELFRY_CACHE", os.path.expanduser("~/.cache/belfry"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ids", "time"])
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--command", default=os.path.join(here, "../.build/release/TokenizerBenchmark"))
    parser.add_argument("--folders", nargs="*")
    parser.add_argument("--hostile", type=int, default=20000)
    parser.add_argument("--show", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    arguments = parser.parse_args()
    if not arguments.folders:
        root = os.path.join(cache, "tokenizers")
        arguments.folders = [os.path.join(root, name) for name in sorted(os.listdir(root)) if "fetch." not in name]
    (compare_ids if arguments.what == "ids" else compare_time)(arguments)


if __name__ == "__main__":
    main()
