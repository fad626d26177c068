"""Writes principal.json, the principal components that PrincipalComponentsTests expects: python3 make_principal.py
(numpy 2.4.6)."""
import json
import os

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
random = np.random.default_rng(7)
cases = []
for rows, columns in [(40, 7), (5, 12), (3, 1), (20, 40)]:
    values = random.normal(size=(rows, columns)) * np.linspace(3, 0.5, columns) + random.normal(size=columns)
    values = values.round(3)
    centered = values - values.mean(axis=0)
    _, singular, components = np.linalg.svd(centered, full_matrices=False)
    kept = components[:2]
    # The largest loading of a component is positive.
    kept *= np.sign(kept[np.arange(len(kept)), np.abs(kept).argmax(axis=1)])[:, None]
    cases.append({
        "rows": values.tolist(), "shares": (singular**2 / (singular**2).sum())[:2].tolist(),
        "components": kept.tolist(), "coordinates": (centered @ kept.T).tolist(),
    })
with open("principal.json", "w") as file:
    json.dump(cases, file)
