import json

import numpy as np
import pyvsag

from .base import Adapter, ladder


class Vsag(Adapter):
    """HGraph over quantized rows, reordered by float32. The Python package has no batch call."""

    distribution = "pyvsag"

    def __init__(self, *shape, codes="sq8_uniform", links=32):
        super().__init__(*shape)
        self.codes, self.links = codes, links
        pyvsag.set_logger_off()

    def parameters(self, threads):
        return json.dumps(
            {
                "dtype": "float32",
                "metric_type": "ip" if self.product else "l2",
                "dim": self.dim,
                "index_param": {
                    "base_quantization_type": self.codes,
                    "precise_quantization_type": "fp32",
                    "use_reorder": True,
                    "max_degree": self.links,
                    "ef_construction": 300,
                    "build_thread_count": threads,
                },
            }
        )

    def build(self, base, folder, threads):
        index = pyvsag.Index("hgraph", self.parameters(threads))
        index.build(base.ravel(), np.arange(len(base)), len(base), self.dim)
        index.save(str(folder / "index"))

    def load(self, folder):
        self.index = pyvsag.Index("hgraph", self.parameters(1))
        self.index.load(str(folder / "index"))

    @property
    def sweep(self):
        return [ladder(self.k, 2000)]

    def set_param(self, param):
        self.search = json.dumps({"hgraph": {"ef_search": param}})

    def search_one(self, query):
        return self.index.knn_search(query, self.k, self.search)[0]

    def search_batch(self, query):
        return [self.search_one(row) for row in query]
