/// Which segments are to become one.
///
/// Sealed segments are small, and every one of them costs a search something. So four of about the same size become one:
/// a row is written again once for every fourfold of the collection. A segment of which a fifth is dead is written anew by
/// itself, and so is one that a large batch has left without an index.
///
/// A segment never has more rows than can be built within the memory that there is. Those above half of that are left alone:
/// no two of them fit together. So a collection has as many of these as it needs, and a few smaller ones beside them.
struct MergePolicy {
    /// The most rows of a segment.
    let most: Int

    /// So many segments of one size become one.
    private static let factor = 4
    /// The largest segments of the smallest size.
    private static let smallest = 20_000
    /// More segments than this are never kept, of those that fit together.
    private static let limit = 6

    /// How large a segment is.
    struct Size {
        /// Rows that are alive, and rows in all.
        var alive, rows: Int
        /// Whether it has no index, and is too large for that: it was one large batch.
        var wantsIndex = false

        /// Whether it is to be written anew by itself.
        var isWasteful: Bool { wantsIndex || (rows - alive) * 5 >= rows }
    }

    /// The places of segments that are to be merged; empty where all is well.
    func choose(_ segments: [Size]) -> [Int] {
        if let wasted = segments.firstIndex(where: { $0.isWasteful && $0.alive <= most }) { return [wasted] }
        let open = segments.indices.filter { segments[$0].alive <= most / 2 }
            .sorted { (segments[$0].alive, $0) < (segments[$1].alive, $1) }
        let sizes = open.map { Self.size(segments[$0].alive) }
        for size in Set(sizes).sorted() {
            let same = zip(open, sizes).filter { $0.1 == size }.map(\.0)
            if same.count >= Self.factor { return fitting(same, segments) }
        }
        guard open.count > Self.limit else { return [] }
        return fitting(Array(open.prefix(open.count - Self.limit + Self.factor - 1)), segments)
    }

    /// Groups of places, each of which is to become one segment: as few as fit, of about equal size, with no dead row left.
    /// A segment that is as it should be is in none.
    func gather(_ segments: [Size]) -> [[Int]] {
        let movable = segments.indices.filter { segments[$0].alive <= most }
            .sorted { (segments[$1].alive, $0) < (segments[$0].alive, $1) }
        let total = movable.reduce(0) { $0 + segments[$1].alive }
        var count = max(1, (total + most - 1) / most)
        while true {
            var groups = [(rows: Int, places: [Int])](repeating: (0, []), count: count)
            // The largest first, each to where there is most room.
            for place in movable {
                let least = groups.indices.min { (groups[$0].rows, $0) < (groups[$1].rows, $1) }!
                groups[least].rows += segments[place].alive
                groups[least].places.append(place)
            }
            guard groups.allSatisfy({ $0.rows <= most }) || count >= movable.count else {
                count += 1
                continue
            }
            return groups.map { $0.places.sorted() }.filter { places in
                places.count > 1
                    || places.contains { segments[$0].wantsIndex || segments[$0].alive < segments[$0].rows }
            }
        }
    }

    /// The first of some places, from the smallest on, that fit into one segment: two always do.
    private func fitting(_ places: [Int], _ segments: [Size]) -> [Int] {
        var (rows, count) = (0, 0)
        for place in places {
            guard rows + segments[place].alive <= most else { break }
            rows += segments[place].alive
            count += 1
        }
        return places.prefix(count).sorted()
    }

    private static func size(_ rows: Int) -> Int {
        var (size, bound) = (0, smallest)
        while rows > bound { (size, bound) = (size + 1, bound * factor) }
        return size
    }
}
