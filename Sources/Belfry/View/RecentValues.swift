import Vectors

/// Values that take time to make: those that were asked for last, as many as a number of bytes holds.
///
/// There are two generations. What is kept or asked for is in the young one. Once that holds half of the bytes, it takes the
/// place of the old one, which is forgotten.
struct RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private typealias Generation = [Key: (value: Value, bytes: Int)]

    private var (young, old) = (Generation(), Generation())
    private var youngBytes = 0
    private let most: Int

    /// - Parameter most: bytes of all values, about.
    init(bytes most: Int) { self.most = most }

    /// The value of a key, if it is known.
    mutating func value(_ key: Key) -> Value? {
        if let known = young[key] { return known.value }
        guard let known = old.removeValue(forKey: key) else { return nil }
        add(known, key)
        return known.value
    }

    /// Keeps the value of a key, in the place of the one that there is.
    mutating func keep(_ value: Value, for key: Key, bytes: Int) {
        // Whatever it holds, a key takes some.
        let bytes = bytes + 256
        old[key] = nil
        if let known = young.removeValue(forKey: key) { youngBytes -= known.bytes }
        if bytes <= most / 2 { add((value, bytes), key) }
    }

    private mutating func add(_ value: (value: Value, bytes: Int), _ key: Key) {
        if youngBytes + value.bytes > most / 2 { (old, young, youngBytes) = (young, [:], 0) }
        young[key] = value
        youngBytes += value.bytes
    }
}

extension RowSet {
    /// Bytes that it takes.
    var size: Int { (capacity + 63) / 64 * 8 }
}

extension PointSet {
    /// Bytes that it takes.
    var size: Int { rows.values.reduce(0) { $0 + $1.size + 64 } }
}
