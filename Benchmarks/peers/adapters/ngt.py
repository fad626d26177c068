import ngtpy

from .base import Adapter


class Ngt(Adapter):
    """ONNG: the edges of an ANNG, optimized. The wheel has no tool to build NGT's quantized graphs (QG)."""

    distribution = "ngt"

    def build(self, base, folder, threads):
        first, second = str(folder / "anng"), str(folder / "onng")
        ngtpy.create(first, self.dim, edge_size_for_creation=100, edge_size_for_search=0, distance_type="L2")
        index = ngtpy.Index(first)
        index.batch_insert(base, num_threads=threads)
        index.save()
        index.close()
        optimizer = ngtpy.Optimizer(num_of_outgoings=10, num_of_incomings=120, log_disabled=True)
        # Tuning of the search parameters would take minutes and is what the sweep does.
        optimizer.set_processing_modes(
            search_parameter_optimization=False, prefetch_parameter_optimization=False, accuracy_table_generation=False
        )
        optimizer.execute(first, second)

    def load(self, folder):
        self.index = ngtpy.Index(str(folder / "onng"), read_only=True, log_disabled=True)

    @property
    def sweep(self):
        # Thousandths of NGT's epsilon, which widens the search radius.
        return [[*range(-100, 0, 20), *range(0, 200, 15), *range(200, 500, 50)]]

    def set_param(self, param):
        self.epsilon = param / 1000
        self.index.set(epsilon=self.epsilon, num_of_search_objects=self.k)

    def search_one(self, query):
        return self.index.search(query, self.k, self.epsilon, with_distance=False)

    def search_batch(self, query):
        results = ngtpy.BatchResults()
        self.index.batch_search(query, results, self.k, with_distance=False)
        return results.get_ids()
