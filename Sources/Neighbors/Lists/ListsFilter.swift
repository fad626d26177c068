import CKernels
import Files
import Vectors

/// Which rows a search may return: a filter's answer and the tombstones, as the scan asks for them.
struct ListsFilter {
    private let keeping: RowSet?
    private let excluding: RowSet?

    /// - Throws: `invalidInput` for a set that is not of the lists' rows.
    init(keeping: RowSet?, excluding: RowSet?, _ lists: ListsReader) throws(BelfryError) {
        (self.keeping, self.excluding) = (keeping, excluding)
        for set in [keeping, excluding] {
            guard let set, set.capacity != lists.rowCount else { continue }
            throw BelfryError(
                .invalidInput, "The row set is of \(set.capacity) rows; the lists have \(lists.rowCount).",
                at: .init(file: lists.path), remedy: "Make the set for this segment.")
        }
    }

    /// How many rows are let through, if there are rows to keep.
    var admitted: Int? {
        guard let keeping else { return nil }
        guard excluding != nil else { return keeping.count }
        return count(0, keeping.capacity)
    }

    /// How many rows from `first` until before `end` are let through.
    func count(_ first: Int, _ end: Int) -> Int {
        guard first < end else { return 0 }
        var count = 0
        for word in first >> 6...(end - 1) >> 6 {
            var bits = keeping?.words[word] ?? ~0
            if let excluding { bits &= ~excluding.words[word] }
            if word == first >> 6 { bits &= ~0 << UInt64(first & 63) }
            if word == (end - 1) >> 6 { bits &= ~0 >> UInt64(63 - (end - 1) & 63) }
            count += bits.nonzeroBitCount
        }
        return count
    }

    /// Gives the bits of the row sets, if there are any, to `body`.
    func withBits(_ body: (UnsafePointer<belfry_row_filter>?) -> Void) {
        if keeping == nil && excluding == nil { return body(nil) }
        (keeping?.words ?? []).withUnsafeBufferPointer { keep in
            (excluding?.words ?? []).withUnsafeBufferPointer { drop in
                var filter = belfry_row_filter(
                    keep: keeping == nil ? nil : keep.baseAddress, drop: excluding == nil ? nil : drop.baseAddress)
                body(&filter)
            }
        }
    }
}
