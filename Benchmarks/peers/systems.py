"""The systems as run.py sees them: a peer behind its worker process, and belfry behind its command."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from adapters import Variant
from dataset import Dataset

HERE = Path(__file__).parent


def environment(threads: int) -> dict[str, str]:
    """This process's, with the pinned BLAS core taken out and thread pools of the given size."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return kept | {name: str(threads) for name in pools}


class Peer:
    def __init__(self, variant: Variant, data: Dataset, k: int, log: Path, clock: str) -> None:
        self.variant, self.data, self.k, self.log, self.clock = variant, data, k, log, clock
        self.process: subprocess.Popen | None = None

    def build(self, threads: int) -> dict:
        """The record of the saved index; built in a process of its own where there is none for these rows."""
        path = self.data.folder / "indexes" / self.variant.name / "build.json"
        record = json.loads(path.read_text()) if path.exists() else {}
        wanted = {"options": self.variant.options, "rows": self.data.meta["sha256"]["base.npy"]}
        if any(record.get(name) != value for name, value in wanted.items()):
            command = [sys.executable, HERE / "worker.py", "build", self.variant.name, self.data.name]
            with open(self.log, "a") as log:
                subprocess.run(
                    [*command, str(self.k), str(threads)], check=True, env=environment(threads), stdout=log, stderr=log
                )
        return json.loads(path.read_text())

    def __enter__(self) -> "Peer":
        command = [sys.executable, HERE / "worker.py", "search", self.variant.name, self.data.name, str(self.k)]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                command, env=environment(1), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.facts = self.answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.variant.name} ended by itself, see {self.log}")
        return json.loads(line)

    def measure(self, param: int | list[int], mode: str, ids: str | None = None) -> dict:
        self.process.stdin.write(json.dumps({"param": param, "mode": mode, "ids": ids}) + "\n")
        self.process.stdin.flush()
        found = self.answer()
        return found | {"qps": found["cpu_qps"]} if self.clock == "cpu" else found

    def measure_recall(self, param: int | list[int], mode: str) -> dict:
        """As `measure`, with the recall of what was found."""
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/ids.npy"
            return self.measure(param, mode, path) | {"recall": self.data.recall(np.load(path))}


class Belfry:
    """`belfry bench` with its sweep; every call is one process on the index saved by the first."""

    def __init__(self, command: str, index: str, data: Dataset, k: int, targets: list[float], seed: int) -> None:
        self.command, self.index, self.data, self.k, self.targets, self.seed = command, index, data, k, targets, seed
        self.folder = data.folder / "indexes" / f"belfry-{index}"

    def run(self, batch: bool, repeat: int, build_threads: int) -> dict:
        parts = {part: self.data.path(part) for part in ("base", "query", "truth")}
        options = {f"--{name}": path for name, path in parts.items()} | {
            "--metric": self.data.metric,
            "--index": self.index,
            "--save": self.folder,
            "--build-threads": build_threads,
            "--threads": 1,
            "--repeat": repeat,
            "--seed": self.seed,
            "--recall": ",".join(str(target) for target in self.targets),
            "--k": self.k,
        }
        command = [self.command, "bench", *(str(word) for pair in options.items() for word in pair)]
        command += ["--sweep", "--json", *(["--batch"] if batch else [])]
        # Its threads are set by --threads and --build-threads.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
        done = subprocess.run(command, env=kept, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
        return json.loads(done.stdout)

    def rebuild(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
