/// Which segments are to become one.
///
/// Every segment costs a search something, and so does every row that no index finds. There are two kinds of merge, and each
/// goes on beside the other:
///
/// - A **copy** makes one segment without an index of several without one. It costs next to nothing, so it comes at once:
///   four of about the same size become one. However fast somebody writes, segments stay few.
/// - An **indexing** merge takes a hundred times as long a row. When there is an index to be built, all segments without one
///   go into it, and with them those with an index that are smaller than what comes of it, or as large as three others.
///   So a row is indexed again about once for every fourfold of the collection.
///
/// A segment of which a fifth is dead is written anew by itself.
///
/// A segment never has more rows than can be built within the memory that there is. Those above half of that are left alone:
/// no two of them fit together. So a collection has as many of these as it needs, and a few smaller ones beside them.
struct MergePolicy {
    /// The most rows of a segment with an index.
    let most: Int
    /// The most rows of a copy, for which there is less memory.
    let mostCopied: Int

    /// So many segments of one size become one.
    private static let factor = 4
    /// The largest segments of the smallest size.
    private static let smallest = 20_000
    /// More segments than this are never kept, of those that fit together.
    static let limit = 6

    /// How large a segment is.
    struct Size {
        /// Rows that are alive, and rows in all.
        var alive, rows: Int
        /// Whether it has an index, or a scan of it was measured to be faster than any.
        var isIndexed = false
        /// Whether it has no index, and is too large for that.
        var wantsIndex = false

        /// Whether it is to be written anew by itself.
        var isWasteful: Bool { (rows - alive) * 5 >= rows }
    }

    /// What a merge is for.
    enum Purpose { case copying, indexing }

    /// The places of segments that are to be merged; empty where all is well.
    func choose(_ segments: [Size], for purpose: Purpose) -> [Int] {
        switch purpose {
        case .copying:
            let copied = segments.indices.filter { !segments[$0].isIndexed }
            return wasteful(copied, segments, mostCopied)
                ?? sameSize(copied, segments, mostCopied)
                ?? tooMany(copied, segments, mostCopied)
                ?? []
        case .indexing:
            let indexed = segments.indices.filter { segments[$0].isIndexed }
            return wasteful(indexed, segments, most)
                ?? sameSize(indexed, segments, most)
                ?? wantingIndex(segments)
                ?? tooMany(Array(segments.indices), segments, most)
                ?? []
        }
    }

    private func wasteful(_ places: [Int], _ segments: [Size], _ most: Int) -> [Int]? {
        places.first { segments[$0].isWasteful && segments[$0].alive <= most }.map { [$0] }
    }

    private func sameSize(_ places: [Int], _ segments: [Size], _ most: Int) -> [Int]? {
        let open = open(places, segments, most)
        let sizes = open.map { Self.size(segments[$0].alive) }
        for size in Set(sizes).sorted() {
            let same = zip(open, sizes).filter { $0.1 == size }.map(\.0)
            if same.count >= Self.factor { return fitting(same, segments, most) }
        }
        return nil
    }

    private func tooMany(_ places: [Int], _ segments: [Size], _ most: Int) -> [Int]? {
        let open = open(places, segments, most)
        guard open.count > Self.limit else { return nil }
        return fitting(Array(open.prefix(open.count - Self.limit + Self.factor - 1)), segments, most)
    }

    /// One that wants an index, the others without one, and those that are worth indexing again with them.
    private func wantingIndex(_ segments: [Size]) -> [Int]? {
        let wanting = segments.indices.filter { segments[$0].wantsIndex && segments[$0].alive <= most }
        guard let largest = wanting.max(by: { segments[$0].alive < segments[$1].alive }) else { return nil }
        var (chosen, rows) = ([largest], segments[largest].alive)
        func take(_ place: Int) {
            guard rows + segments[place].alive <= most else { return }
            rows += segments[place].alive
            chosen.append(place)
        }
        let open = open(Array(segments.indices), segments, most).filter { $0 != largest }
        for place in open where !segments[place].isIndexed { take(place) }
        for place in open where segments[place].isIndexed {
            let (size, all) = (Self.size(segments[place].alive), Self.size(rows))
            let same = open.count { segments[$0].isIndexed && Self.size(segments[$0].alive) == size }
            if size < all || size == all && same >= Self.factor - 1 { take(place) }
        }
        return chosen.sorted()
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

    /// Those that may be merged with another one, the smallest first.
    private func open(_ places: [Int], _ segments: [Size], _ most: Int) -> [Int] {
        places.filter { segments[$0].alive <= most / 2 }
            .sorted { (segments[$0].alive, $0) < (segments[$1].alive, $1) }
    }

    /// The first of some places, from the smallest on, that fit into one segment: two always do.
    private func fitting(_ places: [Int], _ segments: [Size], _ most: Int) -> [Int] {
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
