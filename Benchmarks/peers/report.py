"""The result of one data set as Markdown tables."""

import statistics

TITLES = {"single": "one query at a time", "batch": "all queries in one call"}


def number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def tables(name: str, result: dict, targets: list[float], k: int) -> str:
    meta = result["meta"]
    lines = [f"## {name}: {meta['n']:,} x {meta['dim']}, {meta['metric']}, k = {k}, one thread", ""]
    for mode, title in TITLES.items():
        lines += [f"**QPS, {title}**", "", *table(result, mode, targets), ""]
        lines += turns(result, mode, targets)
    lines += [f"- {system} kept {busy:.2f} threads busy" for system, busy in crowds(result).items()]
    disturbed = [
        f"{point['param']} ({mode})"
        for mode, run in result.get("belfry", {}).get("runs", {}).items()
        for point in run["points"]
        if point.get("disturbed")
    ]
    if disturbed:
        lines.append(f"- belfry's clock ran over 1.25 times as long as its threads worked at {', '.join(disturbed)}")
    failed = {system: one["error"] for system, one in systems(result).items() if "error" in one}
    return "\n".join(lines + [f"- {system} failed: {error}" for system, error in failed.items()])


def crowds(result: dict) -> dict[str, float]:
    """Peers that did not keep to one thread: in the median pass, for the clocks of a short pass are coarse."""
    found = {}
    for system, one in result["peers"].items():
        passes = [point[mode] for point in one.get("points", []) for mode in TITLES if mode in point]
        busy = statistics.median(each["threads_busy"] for each in passes) if passes else 0
        if busy > 1.1:
            found[system] = busy
    return found


def systems(result: dict) -> dict[str, dict]:
    belfry = {"belfry": result["belfry"]} if "belfry" in result else {}
    return belfry | result["peers"]


def table(result: dict, mode: str, targets: list[float]) -> list[str]:
    best = {
        target: max(
            (one[mode][str(target)]["qps"] for one in result["peers"].values() if reached(one, mode, target)),
            default=None,
        )
        for target in targets
    }
    # Batches have no latency of one query.
    latency = [f"p99 µs at {target}" for target in targets] if mode == "single" else []
    heads = ["system", *(f"recall {target}" for target in targets), *(f"to best peer {target}" for target in targets)]
    heads += [*latency, "build s (CPU s)", "B/vector resident", "evictable of it", "B/vector disk"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for system, one in systems(result).items():
        if mode not in one:
            continue
        found = [one[mode].get(str(target)) for target in targets]
        cells = [system, *(number(entry and entry["qps"]) for entry in found)]
        cells += [
            number(entry["qps"] / best[target], 2) if entry and best[target] else ""
            for entry, target in zip(found, targets, strict=True)
        ]
        cells += [number(entry and entry["p99_us"]) for entry in found] if latency else []
        cells += [build(one["build"]), number(one["resident"]), number(one["evictable"]), number(one["disk"])]
        lines.append("| " + " | ".join(cells) + " |")
        lines += chosen(one, mode, targets, len(cells))
    return lines


def build(one: dict) -> str:
    """Seconds by the clock and, in brackets, of CPU: on a machine with other work they differ by more than threads."""
    seconds = number(one["build_s"], 1)
    return f"{seconds} ({number(one['build_cpu_s'], 1)})" if "build_cpu_s" in one else seconds


def reached(one: dict, mode: str, target: float) -> bool:
    return str(target) in one.get(mode, {})


def chosen(one: dict, mode: str, targets: list[float], columns: int) -> list[str]:
    """Belfry's second line: what it does when asked for the recall instead of given an effort, and the recall it got."""
    asked = one.get(f"{mode}_target")
    if not asked:
        return []
    points = [asked.get(str(target)) for target in targets]
    cells = [f"{number(point['qps'])} (recall {point['recall']:.4f})" if point else "" for point in points]
    filled = ["belfry, asked for the recall", *cells]
    return ["| " + " | ".join(filled + [""] * (columns - len(filled))) + " |"]


def turns(result: dict, mode: str, targets: list[float]) -> list[str]:
    """The ratios taken in turns."""
    if "ratios" not in result:
        return []
    lines = []
    for target in targets:
        one = result["ratios"][mode].get(str(target), {})
        if "median" in one:
            peers = ", ".join(name for name in one["rounds"][0] if name != "belfry")
            lines.append(
                f"- recall {target}: belfry to the best of {peers}, in turns: median {one['median']:.2f}, "
                f"{one['min']:.2f} to {one['max']:.2f} in {len(one['rounds'])} rounds"
            )
    return [*lines, ""] if lines else []
