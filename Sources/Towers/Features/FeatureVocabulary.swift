import Files

/// Values in the order of a model's rows, and the way from a value back to its place.
///
/// A value is known by its bytes: 5 and "5" are one, é and e◌́ are two. The bytes lie one behind the other, and a hash
/// table of 32-bit places points at them, so that a value costs its bytes and 12 to 20 more.
struct FeatureVocabulary: Sendable {
    private var bytes: [UInt8] = []
    /// Where each value ends; the one before it ends where it begins.
    private var ends: [UInt32] = []
    /// Place + 1, or 0 for a free slot; a power of two, at most half full.
    private var slots: [UInt32]

    /// How many values there are.
    var count: Int { ends.count }

    /// An empty vocabulary with room for `count` values.
    init(capacity count: Int) {
        var size = 4
        while size < 2 * count { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
        ends.reserveCapacity(count)
    }

    /// Adds a value behind the others. False: it is there already, or there is no more room.
    mutating func add(_ value: some Collection<UInt8>) -> Bool {
        guard 2 * (count + 1) <= slots.count, bytes.count + value.count <= UInt32.max else { return false }
        let begin = bytes.count
        bytes.append(contentsOf: value)
        let slot = bytes.withUnsafeBufferPointer { self.slot(UnsafeBufferPointer(rebasing: $0[begin...])) }
        guard slots[slot] == 0 else {
            bytes.removeLast(bytes.count - begin)
            return false
        }
        ends.append(UInt32(bytes.count))
        slots[slot] = UInt32(count)
        return true
    }

    /// The place of a value.
    func place(_ value: UnsafeBufferPointer<UInt8>) -> Int? {
        let found = slots[slot(value)]
        return found == 0 ? nil : Int(found) - 1
    }

    /// The value at a place.
    subscript(place: Int) -> ArraySlice<UInt8> {
        bytes[(place == 0 ? 0 : Int(ends[place - 1]))..<Int(ends[place])]
    }

    /// The slot that holds `value`, or the free one where it belongs.
    private func slot(_ value: UnsafeBufferPointer<UInt8>) -> Int {
        // Swift's hasher has a secret of the process, so that nobody can write a vocabulary that is slow to look into.
        var hasher = Hasher()
        hasher.combine(bytes: UnsafeRawBufferPointer(value))
        let mask = slots.count - 1
        var slot = hasher.finalize() & mask
        while slots[slot] != 0, !isEqual(Int(slots[slot]) - 1, value) { slot = (slot + 1) & mask }
        return slot
    }

    private func isEqual(_ place: Int, _ value: UnsafeBufferPointer<UInt8>) -> Bool {
        let begin = place == 0 ? 0 : Int(ends[place - 1])
        let count = Int(ends[place]) - begin
        guard count == value.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            for index in 0..<count where bytes[begin + index] != value[index] { return false }
            return true
        }
    }
}

extension FeatureVocabulary {
    /// More than any vocabulary that is worth a row of weights for each value.
    static let maxValues = 1 << 27
    static let maxBytes = 1 << 30

    /// Reads a text file of one value a line.
    init(file: String) throws(BelfryError) {
        let mapped = try MappedFile(file, access: .sequential)
        defer { withExtendedLifetime(mapped) {} }
        let text = mapped.bytes
        guard text.count <= Self.maxBytes else {
            throw BelfryError(
                .unsupported, "The vocabulary has \(text.count) bytes; at most \(Self.maxBytes) are read.",
                at: .init(file: file))
        }
        var lines = 1
        for byte in text where byte == 10 { lines += 1 }
        guard lines <= Self.maxValues else {
            throw BelfryError(
                .unsupported, "The vocabulary has \(lines) lines; at most \(Self.maxValues) are read.",
                at: .init(file: file))
        }
        self.init(capacity: lines)
        var begin = 0
        while begin < text.count {
            var end = begin
            while end < text.count, text[end] != 10 { end += 1 }
            let next = end + 1
            if end > begin, text[end - 1] == 13 { end -= 1 }
            let line = text[begin..<end]
            func failure(_ what: String) -> BelfryError {
                BelfryError(.invalidInput, what, at: .line(count + 1, of: file))
            }
            guard !line.isEmpty else { throw failure("The line is empty: a vocabulary has one value on each line.") }
            guard String(validating: line, as: UTF8.self) != nil else { throw failure("The line is not UTF-8.") }
            guard add(line) else {
                throw failure("The value “\(String(decoding: line, as: UTF8.self))” is there twice.")
            }
            begin = next
        }
    }
}
