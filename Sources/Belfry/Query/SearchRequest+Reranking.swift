extension SearchRequest {
    /// The same search, whose best answers are read once more before they are counted, grouped or told apart.
    public func reranked(_ reranking: Reranking) -> SearchRequest {
        var (outer, inner) = (self, self)
        inner.k = 0
        (inner.offset, inner.groups, inner.diversity, inner.scoreThreshold) = (0, nil, nil, nil)
        // The outer one's hold for it as well.
        (inner.filter, inner.excluding) = (nil, [])
        (outer.query, outer.tower) = (.reranked(inner, reranking), nil)
        return outer
    }
}
