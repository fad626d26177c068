import hnswlib

from .base import Adapter, ladder


class Hnswlib(Adapter):
    """Float32 graph; M and efConstruction as given."""

    distribution = "hnswlib"

    def __init__(self, *shape, links=16, construction=200):
        super().__init__(*shape)
        self.links, self.construction = links, construction

    def build(self, base, folder, threads):
        index = hnswlib.Index("ip" if self.product else "l2", self.dim)
        index.init_index(len(base), M=self.links, ef_construction=self.construction, random_seed=1)
        index.add_items(base, num_threads=threads)
        index.save_index(str(folder / "index"))

    def load(self, folder):
        self.index = hnswlib.Index("ip" if self.product else "l2", self.dim)
        self.index.load_index(str(folder / "index"))
        self.index.set_num_threads(1)

    @property
    def sweep(self):
        return [ladder(self.k, 2000)]

    def set_param(self, param):
        self.index.set_ef(param)

    def search_one(self, query):
        return self.index.knn_query(query, self.k, 1)[0][0]

    def search_batch(self, query):
        return self.index.knn_query(query, self.k, 1)[0]
