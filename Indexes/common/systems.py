"""What the training scripts share: where data and cache lie, what is made already, files, ONNX, and Belfry's import.

    from systems import ...      after  sys.path.insert(0, str(Path(__file__).parents[1] / "common"))

A system's script makes one folder for each variant, cache/<system>/<variant>, which holds items, users and tests as
JSON lines, the ONNX files with their feature columns, and `tower`, the pair that Belfry made of them.
"""
import argparse, gzip, hashlib, json, os, shutil, subprocess, sys, time, warnings
from pathlib import Path
import numpy as np, torch

indexes = Path(__file__).resolve().parents[1]
data = Path(os.environ.get("BELFRY_DATA") or indexes.parents[1] / "shared/data").resolve()
cache = Path(os.environ.get("BELFRY_CACHE") or Path.home() / ".cache/belfry").expanduser() / "systems"


def arguments(description, variants):
    """The command line of a training script, `train.py [variant ...] [--train]`; prints torch's version."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("variants", nargs="*", metavar="variant", help=", ".join(variants) + "; all without any")
    parser.add_argument("--train", action="store_true", help="train again, whatever is made already")
    chosen = parser.parse_args()
    unknown = set(chosen.variants) - set(variants)
    if unknown: parser.error(f"no variant {', '.join(sorted(unknown))}: there are {', '.join(variants)}")
    chosen.variants = chosen.variants or list(variants)
    print("torch", torch.__version__)
    return chosen


def make(folder, files, train, body):
    """Runs `body(folder)`, unless the folder was made by the same script of the same data; says how long it took."""
    folder, script = Path(folder), Path(sys.argv[0]).resolve()
    digest = hashlib.sha256(f"torch {torch.__version__}".encode())
    for file in [script, Path(__file__), *map(Path, files)]: digest.update(hashlib.sha256(file.read_bytes()).digest())
    mark = folder / "digest"
    if not train and mark.exists() and mark.read_text() == digest.hexdigest():
        print(f"{folder}: made already")
        return
    mark.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    started = time.time()
    body(folder)
    mark.write_text(digest.hexdigest())
    print(f"{folder}: made in {time.time() - started:.0f} s", flush=True)


def seeded(seed=42):
    """Seeds torch, uses the threads of $BELFRY_THREADS (1 without it), and gives numpy's generator of the same seed."""
    torch.manual_seed(seed)
    torch.set_num_threads(int(os.environ.get("BELFRY_THREADS") or 1))
    return np.random.default_rng(seed)


def write_jsonl(path, rows):
    """One JSON object a line; compressed, the same bytes every time, if the name ends in .gz."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    Path(path).write_bytes(gzip.compress(lines, 6, mtime=0) if str(path).endswith(".gz") else lines)


def vocabulary(path, values, first_row=1, unknown=0):
    """Writes a vocabulary, one value a line, and gives the lookup that reads it; row 0 is the unknown value's."""
    Path(path).write_text("".join(f"{value}\n" for value in values), encoding="utf-8")
    return {"vocabulary": {"file": Path(path).name}, "first_row": first_row, "unknown": unknown}


def tensors(columns, rows, folder):
    """The inputs that `columns` make of rows, by name, for training: `index`, `multi_hot` and `number` ones.

    Belfry does the same when it serves; a value that is missing or unknown gets the column's row for that, or 0.
    """
    made = {}
    for column in columns:
        field, lookup = column.get("field", column["input"]), column.get("lookup", {})
        values, first = [row.get(field) for row in rows], lookup.get("first_row", 0)
        if "boundaries" in lookup:
            places = np.searchsorted(lookup["boundaries"], [np.nan if v is None else v for v in values], side="right")
            rows_of = [column.get("missing", 0) if v is None else first + int(p) for v, p in zip(values, places)]
            made[column["input"]] = torch.tensor(rows_of)
        elif column["type"] == "number":
            numbers = torch.tensor([column.get("default", 0) if v is None else v for v in values], dtype=torch.float32)
            made[column["input"]] = ((numbers - column.get("mean", 0)) / column.get("std", 1))[:, None]
        else:
            words = lookup["vocabulary"]
            if isinstance(words, dict): words = (Path(folder) / words["file"]).read_text(encoding="utf-8").splitlines()
            place = {str(word): first + i for i, word in enumerate(words)}
            if column["type"] == "multi_hot":
                hot = np.zeros((len(rows), first + len(words)), np.float32)
                for i, value in enumerate(values): hot[i, [place[word] for word in value if word in place]] = 1
                made[column["input"]] = torch.from_numpy(hot)
            else:
                texts = [None if v is None else str(v)[:lookup.get("prefix")] for v in values]
                made[column["input"]] = torch.tensor([place.get(text, lookup.get("unknown", 0)) for text in texts])
    return made


def export(model, inputs, columns, path, outputs=("vector",)):
    """Writes `path`.onnx and `path`.json: the graph for any number of rows, and the columns that fill its inputs.

    `inputs` are tensors by name, of two rows or more, in the order of `forward`.
    """
    free = {name: {0: "rows"} for name in [*inputs, *outputs]}
    for column in columns:
        if column["type"] in ("list", "text") and not column.get("fixed"):
            for name in (column["input"], column.get("mask"), column.get("float_mask"), column.get("token_types")):
                if name: free[name][1] = "length"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), tuple(inputs.values()), f"{path}.onnx", input_names=list(inputs), output_names=list(outputs),
            dynamic_axes=free, opset_version=17, dynamo=False)
    Path(f"{path}.json").write_text(json.dumps({"format": 1, "columns": columns}, ensure_ascii=False, indent=1))


def import_pair(folder, query, item):
    """Exports two models, each as (model, inputs, columns), and makes them the pair `folder`/tower."""
    export(*query, folder / "query")
    export(*item, folder / "item")
    belfry("tower", "import", folder / "query.onnx", "--features", folder / "query.json", "--pair",
           folder / "item.onnx", "--pair-features", folder / "item.json", "--to", folder / "tower", "--replace")


def import_session(folder, model, inputs, columns, items):
    """Exports a model that gives (scores, hidden), and makes it and its output layer the pair `folder`/tower."""
    export(model, inputs, columns, folder / "session", outputs=("scores", "hidden"))
    settings = json.loads((folder / "session.json").read_text()) | {"output": "hidden", "items": items}
    (folder / "session.json").write_text(json.dumps(settings, ensure_ascii=False, indent=1))
    belfry("tower", "import", folder / "session.onnx", "--features", folder / "session.json", "--session",
           "--to", folder / "tower", "--replace")


def check(folder, queries, items, scores):
    """Compares the scores of the pair `folder`/tower, for rows of both, with PyTorch's: [queries, items]."""
    vectors = []
    for tower, rows in (("query", queries), ("item", items)):
        write_jsonl(folder / "check.jsonl", rows)
        belfry("embed", folder / f"tower/{tower}.tower", "--input", folder / "check.jsonl",
               "--output", folder / "check.npy")
        vectors.append(np.load(folder / "check.npy"))
    for name in ("check.jsonl", "check.npy"): (folder / name).unlink()
    difference = np.abs(vectors[0] @ vectors[1].T - scores.detach().numpy()).max()
    print(f"{len(queries)} × {len(items)} scores differ from PyTorch's by {difference:.1e} at most", flush=True)
    if not difference <= 1e-4: sys.exit(f"{folder}: the towers do not compute what was trained")


def belfry(*arguments):
    """Runs belfry: $BELFRY, or the one on PATH, or the one built here. Its output is given back."""
    built = indexes.parent / ".build/release/belfry"
    binary = os.environ.get("BELFRY") or shutil.which("belfry") or (built if built.exists() else None)
    if not binary: sys.exit("There is no belfry: build it (swift build -c release), or name it in BELFRY.")
    done = subprocess.run([str(binary), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode: sys.exit(f"belfry {' '.join(map(str, arguments))}\n{done.stderr}")
    return done.stdout
