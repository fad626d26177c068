/// Which rows of a graph run together: as many as give each row the vector that it has alone.
package enum RowGrouping: String, Hashable, Sendable, CaseIterable {
    /// Any.
    case together
    /// Those whose texts and lists are equally long: the graph sees padding in spite of its mask.
    case lengths = "equal_lengths"
    /// One at a time: a row's vector depends on the rows beside it.
    case alone
}
