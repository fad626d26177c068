import numpy as np
import svs

from .base import Adapter, ladder


class Svs(Adapter):
    """Vamana over float16. The wheel's LVQ and LeanVec leave the process on CPUs that are not Intel's."""

    distribution = "scalable-vs"

    def __init__(self, *shape, degree=64):
        super().__init__(*shape)
        self.degree = degree
        self.distance = svs.DistanceType.MIP if self.product else svs.DistanceType.L2

    def build(self, base, folder, threads):
        parameters = svs.VamanaBuildParameters(
            alpha=0.95 if self.product else 1.2,
            graph_max_degree=self.degree,
            prune_to=self.degree - 4,
            window_size=200,
        )
        index = svs.Vamana.build(parameters, base.astype(np.float16), self.distance, num_threads=threads)
        index.save(*(str(folder / part) for part in ("config", "graph", "data")))

    def load(self, folder):
        self.index = svs.Vamana(
            str(folder / "config"),
            svs.GraphLoader(str(folder / "graph")),
            svs.VectorDataLoader(str(folder / "data"), svs.DataType.float16),
            self.distance,
            num_threads=1,
        )

    @property
    def sweep(self):
        return [[*ladder(2, self.k - 1), *ladder(self.k, 2000)]]

    def set_param(self, param):
        # The buffer keeps k results even where the search stops by a smaller window.
        parameters = self.index.search_parameters
        parameters.buffer_config = svs.SearchBufferConfig(param, max(param, self.k))
        self.index.search_parameters = parameters

    def search_one(self, query):
        return self.index.search(query, self.k)[0][0]

    def search_batch(self, query):
        return self.index.search(query, self.k)[0]
