import numpy as np
from usearch.index import Index

from .base import Adapter, ladder


class Usearch(Adapter):
    """Graph over rows of a smaller type; bf16 everywhere, i8 where rows are of length 1."""

    distribution = "usearch"

    def __init__(self, *shape, dtype="bf16", links=16):
        super().__init__(*shape)
        self.dtype, self.links = dtype, links

    def build(self, base, folder, threads):
        index = Index(
            ndim=self.dim,
            metric="ip" if self.product else "l2sq",
            dtype=self.dtype,
            connectivity=self.links,
            expansion_add=200,
        )
        index.add(np.arange(len(base)), base, threads=threads)
        index.save(folder / "index")

    def load(self, folder):
        self.index = Index.restore(folder / "index")

    @property
    def sweep(self):
        return [ladder(self.k, 2000)]

    def set_param(self, param):
        self.index.expansion_search = param

    def search_one(self, query):
        return self.index.search(query, self.k, threads=1).keys

    def search_batch(self, query):
        return self.index.search(query, self.k, threads=1).keys
