/// What a misspelled name may have meant.
public enum Spelling {
    /// The names that are most like `name`, the nearest first: those that a slip or two of the hand away, and those that
    /// begin with it.
    public static func near(_ name: String, among names: some Sequence<String>, count: Int = 3) -> [String] {
        let wanted = Array(name.lowercased().unicodeScalars)
        let most = max(1, min(3, wanted.count / 3))
        var found: [(distance: Int, name: String)] = []
        for candidate in names {
            let scalars = Array(candidate.lowercased().unicodeScalars)
            var distance = distance(wanted, scalars, atMost: most)
            if distance == nil, wanted.count >= 3, scalars.starts(with: wanted) { distance = most + 1 }
            guard let distance else { continue }
            found.append((distance, candidate))
            // Kept short: names may be many.
            if found.count >= 64 * count { found = nearest(found, count) }
        }
        return nearest(found, count).map(\.name)
    }

    private static func nearest(_ found: [(distance: Int, name: String)], _ count: Int) -> [(
        distance: Int, name: String
    )] {
        Array(found.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(count))
    }

    /// How many characters must be put in, taken out, replaced, or swapped with their neighbor (Damerau, 1964); nil for
    /// more than `most`.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar], atMost most: Int) -> Int? {
        guard abs(a.count - b.count) <= most else { return nil }
        var (before, last) = ([Int](), Array(0...b.count))
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var least = min(row[j] + 1, last[j + 1] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, before[j - 1] + 1) }
                row.append(least)
            }
            guard row.min()! <= most else { return nil }
            (before, last) = (last, row)
        }
        return last[b.count] <= most ? last[b.count] : nil
    }
}
