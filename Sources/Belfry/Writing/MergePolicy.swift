/// Which segments are to become one.
///
/// Sealed segments are small, and every one of them costs a search something. So four of about the same size become one:
/// a row is written again once for every fourfold of the collection. A segment of which a fifth is dead is written anew by
/// itself.
enum MergePolicy {
    /// So many segments of one size become one.
    private static let factor = 4
    /// The largest segments of the smallest size.
    private static let smallest = 20_000
    /// More segments than this are never kept.
    private static let most = 6

    /// The places of segments that are to be merged; empty where all is well.
    /// - Parameters:
    ///   - segments: rows that are alive, and rows in all, of every segment.
    ///   - isThorough: whether all of them are to become one, and no dead row is to stay.
    static func choose(_ segments: [(alive: Int, rows: Int)], isThorough: Bool = false) -> [Int] {
        if isThorough {
            let isOne = segments.count == 1 && segments[0].alive == segments[0].rows
            return isOne ? [] : Array(segments.indices)
        }
        if let wasted = segments.firstIndex(where: { ($0.rows - $0.alive) * 5 >= $0.rows }) { return [wasted] }
        let sizes = segments.map { size($0.alive) }
        for size in Set(sizes).sorted() {
            let same = sizes.indices.filter { sizes[$0] == size }
            if same.count >= factor { return same }
        }
        guard segments.count > most else { return [] }
        let bySize = segments.indices.sorted { segments[$0].alive < segments[$1].alive }
        return bySize.prefix(segments.count - most + factor - 1).sorted()
    }

    private static func size(_ rows: Int) -> Int {
        var (size, bound) = (0, smallest)
        while rows > bound { (size, bound) = (size + 1, bound * factor) }
        return size
    }
}
