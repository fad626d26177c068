package import Files
package import Vectors

/// The rows whose dot products with a sparse query are the largest, without approximation, by the inverted index.
///
/// Rows are gone through in windows of 16,384, in which each row has a score. A row must reach the *bar* to be an answer:
/// the k-th best score so far, or at first that of k rows that look good by a few lists. For each window:
///
/// 1. If all terms together cannot lift a row to the bar, the window is left out.
/// 2. Lists are added up to the scores by what they can change per posting, the most first, until those that are left
///    cannot lift a row that has no score, and few rows are still possible. These are looked up in the lists that are
///    left, as long as they can reach the bar. What remains is scored anew in the order of the terms: `prune`.
/// 3. Where the filter keeps few rows, these are looked up in the same way, and no list is added up.
/// 4. Where there is no bar above zero yet, or few postings, all lists are added up in the order of the terms: `addUp`;
///    or all rows that are kept are looked up: `lookUp`.
///
/// Step 2 is MaxScore (Turtle and Flood, 1995) over accumulators of a window, as Lucene does it for disjunctions.
///
/// **What is an answer.** Rows that share at least one index with the query, whatever the product. The distance is −dot;
/// of two rows at the same distance the smaller one is nearer. Scores are to the bit those of `SparseVector.dot`: bounds
/// only decide what is left out, with a margin for the rounding of sums in another order. So the answer does not depend on
/// the way that was taken, and the first k of an answer for more than k are the answer for k. A row whose dot product
/// overflows to NaN is no answer.
///
/// One search at a time: one searcher per thread. Its memory is 200 KB.
package final class SparseSearcher {
    /// What is searched.
    package let postings: PostingsReader
    let window: SparseWindow

    /// A searcher of these postings.
    package init(_ postings: PostingsReader) {
        self.postings = postings
        window = SparseWindow(rows: min(postings.rowCount, PostingsFormat.windowRows))
    }

    /// The `k` nearest rows, nearest first, fewer if fewer share an index with the query.
    /// - Parameter filter: which rows may be returned; nil for all. It may be of fewer rows than there are, and then keeps
    ///   none of the others.
    /// - Throws: `corruptData` if a list that has not been read before is damaged.
    package func search(
        _ query: SparseVector, k: Int, filter: RowFilter? = nil
    ) throws(BelfryError) -> [Neighbor] {
        precondition(k >= 0)
        var terms: [QueryTerm] = []
        terms.reserveCapacity(query.count)
        for (index, value) in zip(query.indices, query.values) {
            guard let place = postings.place(of: index) else { continue }
            terms.append(QueryTerm(try postings.list(place), factor: value))
        }
        guard k > 0, !terms.isEmpty, filter?.count != 0 else { return [] }
        let order = Self.byWorth(terms)
        var top = TopK(k)
        let margin = Self.margin(terms)
        window.begin()
        terms.withUnsafeMutableBufferPointer { terms in
            order.withUnsafeBufferPointer { order in
                for number in 0..<(postings.rowCount + PostingsFormat.windowRows - 1) / PostingsFormat.windowRows {
                    let first = number << PostingsFormat.windowShift
                    for term in terms.indices { terms[term].enter(number) }
                    window.search(
                        terms, order, first..<min(first + PostingsFormat.windowRows, postings.rowCount), margin, filter,
                        &top)
                }
            }
        }
        // What the pointers of the terms point into.
        return withExtendedLifetime(postings) { top.sorted }
    }

    /// The places of the terms, those first that can change the most per posting.
    private static func byWorth(_ terms: [QueryTerm]) -> [Int] {
        let worth = terms.map { $0.listReach / Float($0.listCount) }
        return terms.indices.sorted { worth[$0] > worth[$1] || (worth[$0] == worth[$1] && $0 < $1) }
    }

    /// By how much sums of the same products can differ by their order at the most; nil where they could overflow.
    ///
    /// Each of n products and n sums is off by 2⁻²⁴ of all magnitudes together at the most, in either order.
    private static func margin(_ terms: [QueryTerm]) -> Float? {
        let reach = terms.reduce(Double(0)) { $0 + Double($1.listReach) }
        guard reach < 1e30 else { return nil }
        return Float(reach * Double(terms.count + 4) * 0x1p-22) + .leastNormalMagnitude
    }
}
