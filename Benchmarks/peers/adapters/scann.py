import numpy as np
from scann.scann_ops.py import scann_ops_pybind
from scann.scann_ops.py.scann_builder import ReorderType

from .base import Adapter, ladder


class Scann(Adapter):
    """Lists, 4-bit codes, reordering in bfloat16. For inner products: anisotropic codes of residuals and SOAR spilling;
    ScaNN has neither for squared distances."""

    distribution = "scann"
    batch_loops = False

    def __init__(self, *shape, spread=3.0):
        super().__init__(*shape)
        self.lists = round(spread * np.sqrt(self.count))

    def build(self, base, folder, threads):
        product = self.product
        spilling = {"soar_lambda": 1.5, "overretrieve_factor": 2.0} if product else {}
        searcher = (
            scann_ops_pybind.builder(base, self.k, "dot_product" if product else "squared_l2")
            .set_n_training_threads(threads)
            .tree(
                num_leaves=self.lists,
                num_leaves_to_search=self.lists // 10,
                training_sample_size=min(len(base), 250_000),
                quantize_centroids=True,
                **spilling,
            )
            .score_ah(
                2 if self.dim <= 512 else 4,
                anisotropic_quantization_threshold=0.2 if product else float("nan"),
            )
            .reorder(100, quantize=ReorderType.BFLOAT16)
            .build()
        )
        searcher.serialize(str(folder), relative_path=True)

    def load(self, folder):
        self.searcher = scann_ops_pybind.load_searcher(str(folder))
        self.searcher.set_num_threads(1)

    @property
    def sweep(self):
        depths = [3 * self.k, 5 * self.k, 8 * self.k, 14 * self.k, 24 * self.k, 40 * self.k]
        return [[(leaves, depth) for leaves in ladder(2, self.lists // 2, 1.3)] for depth in depths]

    def set_param(self, param):
        self.leaves, self.depth = param

    def search_one(self, query):
        return self.searcher.searcher.search(query, self.k, self.depth, self.leaves)[0]

    def search_batch(self, query):
        return self.searcher.search_batched(query, self.k, self.depth, self.leaves)[0]
