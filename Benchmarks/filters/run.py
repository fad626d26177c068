"""Builds the other systems once, and asks them in rounds, one after another, each in a process of its own.

    python run.py FOLDER OUTPUT [--systems qdrant zvec] [--rounds 3] [--belfry ../.build/release/CollectionFilterBenchmark]

FOLDER is a data set of make_data.py. OUTPUT gets a JSON file per system, setting and round, in which times are in
milliseconds, one per query. Belfry takes part in the rounds where its benchmark is given.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import adapters
from truth import K, Dataset


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def build(data: Dataset, name: str, folder: Path) -> None:
    start = time.perf_counter()
    adapters.adapter(name).build(data, folder)
    seconds = time.perf_counter() - start
    folder.with_suffix(".json").write_text(json.dumps({"build_seconds": seconds, "bytes": folder_bytes(folder)}))
    print(f"{name}: built in {seconds:.0f} s, {folder_bytes(folder) / len(data.rows):.0f} bytes a row", flush=True)


def ask(data: Dataset, name: str, folder: Path, setting: str, only: str, output: Path) -> None:
    system = adapters.adapter(name)
    system.open(data, folder)
    chosen = system.settings[setting]
    for query in data.queries[:20]:
        system.search(query, None, chosen, K)
    result = {"system": name, "params": setting, **json.loads(folder.with_suffix(".json").read_text()), "cells": []}
    for cell in data.cells:
        if only not in cell["name"]:
            continue
        times, cpu, answers, errors = [], [], [], []
        for query, filter in zip(cell["queries"], cell["filters"]):
            prepared, vector = system.prepare(filter), data.queries[query]
            used, start = time.process_time(), time.perf_counter()
            try:
                answer = system.search(vector, prepared, chosen, K)
            except Exception as error:  # What a system cannot do is an empty answer, and told.
                answer = []
                errors.append(f"{type(error).__name__}: {str(error)[:200]}")
            times.append(1e3 * (time.perf_counter() - start))
            cpu.append(1e3 * (time.process_time() - used))
            answers.append(answer)
        result["cells"].append(
            {"name": cell["name"], "answers": answers, "first": times, "first_cpu": cpu, "errors": errors})
        if errors:
            print(f"{name}, {cell['name']}: {len(errors)} errors: {errors[0]}", flush=True)
    output.write_text(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--systems", nargs="+", default=adapters.NAMES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    parser.add_argument("--cells", default="", help="only cells whose name has this")
    parser.add_argument("--settings", nargs="+", help="only these")
    parser.add_argument("--belfry", type=Path)
    parser.add_argument("--targets", type=float, nargs="+", default=[0.95, 0.9])
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        data = Dataset(options.folder)
        step, name, folder, *rest = options.child
        if step == "build":
            build(data, name, Path(folder))
        else:
            ask(data, name, Path(folder), rest[0], options.cells, options.output)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    own = [sys.executable, __file__, str(options.folder)]
    for name in options.systems:
        folder = options.folder / "built" / name
        if not folder.with_suffix(".json").exists():
            child = [*own, "-", "--child", "build", name, str(folder)]
            subprocess.run(child, check=True, env={**os.environ, "FILTERS_BUILD": "1"})
    for round in range(options.first, options.first + options.rounds):
        if options.belfry:
            for target in options.targets:
                output = options.output / f"belfry.{target}.{round}.json"
                command = [options.belfry, options.folder, "--recall", str(target), "--output", output]
                subprocess.run([*command, *(["--cells", options.cells] if options.cells else [])], check=True)
        for name in options.systems:
            for setting in settings(name):
                if options.settings and setting not in options.settings:
                    continue
                output = options.output / f"{name}.{setting.replace(' ', '')}.{round}.json"
                start = time.perf_counter()
                child = ["--cells", options.cells, "--child", "ask", name, str(options.folder / "built" / name), setting]
                subprocess.run([*own, str(output), *child], check=True)
                print(f"round {round}: {name}, {setting}: {time.perf_counter() - start:.0f} s", flush=True)


def settings(name: str) -> list[str]:
    """Of another process: no system shares this one."""
    code = f"import adapters; print('\\n'.join(adapters.adapter({name!r}).settings))"
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=Path(__file__).parent).stdout.splitlines()


if __name__ == "__main__":
    main()
