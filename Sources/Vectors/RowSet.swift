import CKernels

/// A set of row numbers below a fixed bound, one bit each: tombstones, a filter's answer, a query's own row.
public struct RowSet: Hashable, Sendable {
    /// The bound: rows are `0..<capacity`.
    public let capacity: Int
    /// How many rows are in the set.
    public private(set) var count = 0
    /// Row `r` is bit `r % 64` of word `r / 64`.
    package private(set) var words: [UInt64]

    /// The empty set of rows below `capacity`.
    public init(capacity: Int) {
        precondition(capacity >= 0)
        self.capacity = capacity
        words = [UInt64](repeating: 0, count: (capacity + 63) / 64)
    }

    /// The set of `rows`.
    public init(_ rows: some Sequence<Int>, capacity: Int) {
        self.init(capacity: capacity)
        for row in rows { insert(row) }
    }

    /// Whether the set holds `row`. No row outside the capacity is in the set.
    public func contains(_ row: Int) -> Bool {
        guard row >= 0, row < capacity else { return false }
        return words[row >> 6] >> UInt64(row & 63) & 1 != 0
    }

    /// Adds a row. Returns whether it was not there before.
    @discardableResult
    public mutating func insert(_ row: Int) -> Bool {
        precondition(row >= 0 && row < capacity, "row \(row) of \(capacity)")
        guard !contains(row) else { return false }
        words[row >> 6] |= 1 << UInt64(row & 63)
        count += 1
        return true
    }

    /// Takes a row out. Returns whether it was there before.
    @discardableResult
    public mutating func remove(_ row: Int) -> Bool {
        guard contains(row) else { return false }
        words[row >> 6] &= ~(1 << UInt64(row & 63))
        count -= 1
        return true
    }
}

extension RowSet {
    /// The rows below `capacity` whose bits `word` gives, 64 at a time.
    package init(capacity: Int, _ word: (_ index: Int) -> UInt64) {
        self.init(capacity: capacity)
        words.withUnsafeMutableBufferPointer { words in
            for index in words.indices { words[index] = word(index) }
        }
        cutLastWord()
        count = words.withUnsafeBufferPointer { belfry_words_count(Self.isa, $0.baseAddress, $0.count) }
    }

    /// Takes out of the last word what is not below the capacity.
    private mutating func cutLastWord() {
        if capacity & 63 != 0 { words[words.count - 1] &= 1 << UInt64(capacity & 63) - 1 }
    }

    private static let isa = InstructionSet.current.isa

    /// The bits of rows `64 * index` and on; none beyond the capacity.
    package func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }

    /// The rows that are in both sets.
    package func intersection(_ other: RowSet) -> RowSet {
        // What the smaller one does not have is in no word of it.
        var result = capacity <= other.capacity ? self : other
        result.combine(result.capacity == capacity ? other : self, belfry_words_and)
        return result
    }

    /// The rows that are in one of the sets, of which this one has the capacity.
    package func union(_ other: RowSet) -> RowSet {
        if count == 0, capacity == other.capacity { return other }
        var result = self
        result.combine(other, belfry_words_or)
        if other.capacity > capacity {
            result.cutLastWord()
            result.count = result.words.withUnsafeBufferPointer {
                belfry_words_count(Self.isa, $0.baseAddress, $0.count)
            }
        }
        return result
    }

    /// The rows that are in this set alone.
    package func subtracting(_ other: RowSet) -> RowSet {
        if other.count == 0 { return self }
        var result = self
        result.combine(other, belfry_words_and_not)
        return result
    }

    private typealias Combination = (
        belfry_isa, UnsafeMutablePointer<UInt64>?, UnsafePointer<UInt64>?, UnsafePointer<UInt64>?, Int
    ) -> Int

    /// Makes of each word of this set what a kernel makes of it and that of another one, which is empty beyond its end.
    private mutating func combine(_ other: RowSet, _ kernel: Combination) {
        let common = min(words.count, other.words.count)
        count = words.withUnsafeMutableBufferPointer { words in
            other.words.withUnsafeBufferPointer { others in
                kernel(Self.isa, words.baseAddress, words.baseAddress, others.baseAddress, common)
                    + belfry_words_count(Self.isa, words.baseAddress.map { $0 + common }, words.count - common)
            }
        }
    }

    /// Adds many rows at once.
    /// - Returns: The place of the first that is not below the capacity, which ends it; nil where there is none.
    package mutating func insert(rows: UnsafeBufferPointer<UInt32>) -> Int? {
        let (bound, wordCount) = (UInt32(clamping: capacity), words.count)
        var wrong: Int?
        let added = words.withUnsafeMutableBufferPointer { words in
            var added = 0
            for place in rows.indices {
                let row = rows[place]
                guard row < bound, Int(row >> 6) < wordCount else {
                    wrong = place
                    break
                }
                let (word, bit) = (Int(row >> 6), UInt64(row & 63))
                added += Int(~(words[word] >> bit) & 1)
                words[word] |= 1 << bit
            }
            return added
        }
        count += added
        return wrong
    }

    /// The rows of the set, in order.
    package var listed: [UInt32] {
        var rows: [UInt32] = []
        rows.reserveCapacity(count)
        for (index, word) in words.enumerated() {
            var left = word
            while left != 0 {
                rows.append(UInt32(index * 64 + left.trailingZeroBitCount))
                left &= left - 1
            }
        }
        return rows
    }
}

// MARK: bytes

extension RowSet {
    /// The set as bytes: row `r` is bit `r % 8` of byte `r / 8`.
    package var bytes: [UInt8] {
        let all = words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
        return Array(all.prefix((capacity + 7) / 8))
    }

    /// The set of these bytes; nil where they are not those of a set of so many rows.
    package init?(bytes: [UInt8], capacity: Int) {
        guard capacity >= 0, bytes.count == (capacity + 7) / 8 else { return nil }
        self.init(capacity: capacity) { index in
            var word: UInt64 = 0
            for place in 0..<min(8, bytes.count - index * 8) {
                word |= UInt64(bytes[index * 8 + place]) << UInt64(place * 8)
            }
            return word
        }
        guard self.bytes == bytes else { return nil }
    }
}
