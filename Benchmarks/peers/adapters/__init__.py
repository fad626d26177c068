"""The peers by name: module, class and configuration. A peer with several names is measured in each, and the best of
them counts at each recall."""

import importlib
from dataclasses import dataclass, field

from .base import Adapter


@dataclass(frozen=True)
class Variant:
    name: str
    module: str
    kind: str
    options: dict = field(default_factory=dict)
    metrics: tuple[str, ...] = ("l2", "ip", "cosine")
    large: bool = False  # measured on data sets of a million rows, too

    def make(self, metric: str, dim: int, count: int, k: int) -> Adapter:
        return getattr(importlib.import_module(f"adapters.{self.module}"), self.kind)(
            metric, dim, count, k, **self.options
        )


VARIANTS = [
    Variant("hnswlib-16", "hnswlib", "Hnswlib", {"links": 16}, large=True),
    Variant("hnswlib-32", "hnswlib", "Hnswlib", {"links": 32}),
    Variant("svs-f16", "svs", "Svs", large=True),
    Variant("scann", "scann", "Scann", large=True),
    Variant("faiss-hnsw", "faiss", "Faiss", {"factory": "HNSW32"}),
    Variant("faiss-ivfpq", "faiss", "Faiss", {"factory": "IVF{lists},PQ{half}x4fs,RFlat"}),
    Variant("faiss-rabitq", "faiss", "Faiss", {"factory": "RR{dim},IVF{lists},RaBitQfs,RFlat"}),
    Variant("usearch-bf16", "usearch", "Usearch", {"dtype": "bf16"}),
    Variant("usearch-i8", "usearch", "Usearch", {"dtype": "i8"}, ("ip", "cosine")),
    Variant("vsag-sq8", "vsag", "Vsag", {"codes": "sq8_uniform"}),
    Variant("vsag-sq4", "vsag", "Vsag", {"codes": "sq4_uniform"}),
    Variant("ngt-onng", "ngt", "Ngt"),
    Variant("zvec-int8", "zvec", "Zvec"),
]


def chosen(names: list[str] | None) -> list[Variant]:
    """The variants of the given names or name beginnings ("faiss" is all of faiss); all of them for None."""
    if names is None:
        return VARIANTS
    unknown = [name for name in names if not any(one.name.startswith(name) for one in VARIANTS)]
    if unknown:
        raise SystemExit(f"no peer {', '.join(unknown)}: there are {', '.join(one.name for one in VARIANTS)}")
    return [one for one in VARIANTS if any(one.name.startswith(name) for name in names)]
