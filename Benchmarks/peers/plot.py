"""Recall against QPS as one HTML page with SVG in it, nothing loaded from elsewhere."""

import html
import math

from curves import frontier
from rounds import belfry_curve
from sweep import curve

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 440, 70, 40, 30
LOW, HIGH = 0.8, 1.0
COLORS = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#999999", "#0b7a75", "#e07b00", "#7755cc"]
COLORS += ["#8c564b", "#1f9bcf", "#b5651d"]


def page(result: dict) -> str:
    body = [f"<p>{html.escape(result['cpu'])}, {result['date']}, one thread, k = {result['options']['k']}</p>"]
    for name, one in result["data"].items():
        for mode, title in (("single", "one query at a time"), ("batch", "all queries in one call")):
            body.append(f"<h2>{html.escape(name)}, {title}</h2>")
            body.append(figure(curves_of(one, mode)))
    style = "body{font:14px sans-serif;max-width:1000px;margin:2em auto}text{font:12px sans-serif}"
    head = f'<meta charset="utf-8"><title>Recall against QPS</title><style>{style}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{''.join(body)}</body></html>\n"


def curves_of(one: dict, mode: str) -> dict[str, list[dict]]:
    found = {}
    runs = one.get("belfry", {}).get("runs")
    if runs:
        found["belfry"] = belfry_curve(runs[mode]["points"])
    for name, peer in one["peers"].items():
        if "points" in peer:
            found[name] = curve(peer["points"], mode, peer["batch_loops"])
    kept = {name: [point for point in frontier(points) if point["recall"] >= LOW] for name, points in found.items()}
    return {name: points for name, points in kept.items() if points}


def figure(curves: dict[str, list[dict]]) -> str:
    every = [point["qps"] for points in curves.values() for point in points]
    if not every:
        return "<p>No points.</p>"
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    high = max(high, low + 1)

    def x(recall: float) -> float:
        return LEFT + (recall - LOW) / (HIGH - LOW) * (WIDTH - LEFT - 10)

    def y(qps: float) -> float:
        return TOP + (high - math.log10(qps)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg viewBox="0 0 {WIDTH + 170} {HEIGHT}" xmlns="http://www.w3.org/2000/svg">']
    for step in range(11):
        recall = LOW + (HIGH - LOW) * step / 10
        parts.append(line(x(recall), TOP, x(recall), HEIGHT - BOTTOM))
        parts.append(f'<text x="{x(recall):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{recall:.2f}</text>')
    for power in range(low, high + 1):
        for factor in (1, 2, 5):
            qps = factor * 10.0**power
            if qps <= 10.0**high:
                parts.append(line(LEFT, y(qps), WIDTH - 10, y(qps)))
                parts.append(f'<text x="{LEFT - 6}" y="{y(qps) + 4:.1f}" text-anchor="end">{qps:,.0f}</text>')
    middle = (LEFT + WIDTH - 10) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 4}" text-anchor="middle">recall</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 10}" text-anchor="end">QPS</text>')
    for place, (name, points) in enumerate(curves.items()):
        color, width = ("#000000", 3) if name == "belfry" else (COLORS[place % len(COLORS)], 1.5)
        path = " ".join(f"{x(point['recall']):.1f},{y(point['qps']):.1f}" for point in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>')
        for point in points:
            told = f"{name}: {point['param']}, recall {point['recall']:.4f}, {point['qps']:,.0f} QPS"
            parts.append(
                f'<circle cx="{x(point["recall"]):.1f}" cy="{y(point["qps"]):.1f}" r="3" fill="{color}">'
                f"<title>{html.escape(told)}</title></circle>"
            )
        top = TOP + 10 + 20 * place
        parts.append(f'<rect x="{WIDTH}" y="{top}" width="12" height="12" fill="{color}"/>')
        parts.append(f'<text x="{WIDTH + 18}" y="{top + 11}">{html.escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'
