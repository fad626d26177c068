import numpy as np
import zvec
from zvec.model.collection import QueryContext

from .base import Adapter, ladder


class Zvec(Adapter):
    """HNSW over int8 codes, refined by float32. Searches go to the native call with queries made beforehand, and return
    zvec's own row numbers, which become ours after the clock has stopped. The package has no batch call."""

    distribution = "zvec"

    def __init__(self, *shape, links=32):
        super().__init__(*shape)
        self.links = links

    def build(self, base, folder, threads):
        zvec.init(optimize_threads=threads, log_level=zvec.LogLevel.ERROR)
        index = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.IP if self.product else zvec.MetricType.L2,
            m=self.links,
            ef_construction=300,
            quantize_type=zvec.QuantizeType.INT8,
            use_contiguous_memory=True,
            use_flat_contiguous_memory=True,
        )
        vectors = zvec.VectorSchema("v", zvec.DataType.VECTOR_FP32, dimension=self.dim, index_param=index)
        collection = zvec.create_and_open(str(folder / "rows"), zvec.CollectionSchema(name="rows", vectors=vectors))
        for first in range(0, len(base), 1000):
            rows = enumerate(base[first : first + 1000], first)
            collection.insert([zvec.Doc(id=str(row), vectors={"v": vector}) for row, vector in rows])
        collection.optimize(zvec.OptimizeOption(concurrency=threads))
        collection.flush()
        collection.close()

    def load(self, folder):
        zvec.init(query_threads=1, log_level=zvec.LogLevel.ERROR)
        self.collection = zvec.open(str(folder / "rows"), zvec.CollectionOption(read_only=True))

    @property
    def sweep(self):
        return [ladder(self.k, 2000)]

    def set_param(self, param):
        self.param = zvec.HnswQueryParam(ef=param, is_using_refiner=True)

    def prepare(self, query):
        self.kept = [zvec.Query("v", vector=row, param=self.param) for row in query]
        native = self.collection._obj
        return [
            self.collection._querier._build_search_query(
                QueryContext(topk=self.k, filter=None, queries=[one]), one, native
            )
            for one in self.kept
        ]

    def search_one(self, query):
        return self.collection._obj.QueryInternalIds(query, False)

    def search_batch(self, query):
        return [self.search_one(one) for one in self.prepare(query)]

    def rows(self, ids: np.ndarray) -> np.ndarray:
        known = self.collection.resolve_internal_ids(ids.ravel())
        return np.array([-1 if row is None else int(row) for row in known]).reshape(ids.shape)
