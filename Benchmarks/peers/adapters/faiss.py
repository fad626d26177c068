import faiss
import numpy as np

from .base import Adapter, ladder


class Faiss(Adapter):
    """An index of faiss's factory; {lists} stands for about 4 square roots of the rows, {half} for half the dimensions
    and {dim} for all."""

    distribution = "faiss-cpu"

    def __init__(self, *shape, factory):
        super().__init__(*shape)
        lists = 2 ** round(np.log2(4 * np.sqrt(self.count)))
        self.factory = factory.format(lists=lists, half=(self.dim + 1) // 2, dim=self.dim)
        self.graph = self.factory.startswith("HNSW")
        self.batch_loops = self.graph

    def build(self, base, folder, threads):
        faiss.omp_set_num_threads(threads)
        index = faiss.index_factory(
            self.dim, self.factory, faiss.METRIC_INNER_PRODUCT if self.product else faiss.METRIC_L2
        )
        if self.graph:
            index.hnsw.efConstruction = 200
        index.train(base)
        index.add(base)
        faiss.write_index(index, str(folder / "index"))

    def load(self, folder):
        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(folder / "index"))
        self.lists = None if self.graph else faiss.extract_index_ivf(self.index)
        self.ids = np.empty((1, self.k), np.int64)
        self.distances = np.empty((1, self.k), np.float32)
        self.outputs = faiss.swig_ptr(self.distances), faiss.swig_ptr(self.ids)

    @property
    def sweep(self):
        if self.graph:
            return [ladder(self.k, 2000)]
        # Candidates for the reordering, in multiples of k: one-bit codes need more of them.
        depths = (4, 8, 16, 32, 64, 128) if "RaBitQ" in self.factory else (2, 4, 8, 16, 32)
        return [[(probes, depth) for probes in ladder(2, 512, 1.3)] for depth in depths]

    def set_param(self, param):
        if self.graph:
            self.index.hnsw.efSearch = param
        else:
            self.lists.nprobe, self.index.k_factor = param

    def prepare(self, query):
        self.queries = np.ascontiguousarray(query)
        return [faiss.swig_ptr(row) for row in self.queries]

    def search_one(self, query):
        # The SWIG function itself: the Python wrapper around it costs several microseconds a call.
        self.index.search_c(1, query, self.k, *self.outputs)
        return self.ids[0].copy()

    def search_batch(self, query):
        return self.index.search(query, self.k)[1]
