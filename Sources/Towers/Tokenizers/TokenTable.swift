/// Ids by the bytes of their tokens: an open-addressing hash table whose look-ups make no strings.
final class TokenTable: Sendable {
    private struct Slot: BitwiseCopyable {
        var hash: UInt64 = 0
        var begin: Int = 0
        var length: Int32 = 0
        var id: Int32 = -1
    }

    private let slots: FixedTable<Slot>
    private let mask: Int
    private let bytes: FixedTable<UInt8>

    /// A table of `tokens`; a later one of the same bytes replaces an earlier one.
    init(_ tokens: [(token: [UInt8], id: Int32)]) {
        var capacity = 16
        while capacity < 2 * tokens.count { capacity *= 2 }
        let mask = capacity - 1
        var slots = [Slot](repeating: Slot(), count: capacity)
        var bytes = [UInt8](repeating: 0, count: max(tokens.reduce(0) { $0 + $1.token.count }, 1))
        slots.withUnsafeMutableBufferPointer { slots in
            bytes.withUnsafeMutableBufferPointer { bytes in
                let (slots, bytes) = (slots.baseAddress!, bytes.baseAddress!)
                var end = 0
                for (token, id) in tokens {
                    token.withUnsafeBufferPointer { token in
                        let key = token.baseAddress ?? UnsafePointer(bytes)
                        let hash = Self.hash(key, token.count)
                        let slot = Self.find(key, token.count, hash, slots, mask, bytes)
                        if slots[slot].id < 0 {
                            (bytes + end).update(from: key, count: token.count)
                            slots[slot] = Slot(hash: hash, begin: end, length: Int32(token.count), id: id)
                            end += token.count
                        } else {
                            slots[slot].id = id
                        }
                    }
                }
            }
        }
        self.mask = mask
        (self.slots, self.bytes) = (FixedTable(slots), FixedTable(bytes))
    }

    /// A number that a file's author cannot know, so that a file cannot be made whose tokens all fall in one place.
    static let seed = UInt64.random(in: .min ... .max)

    @inline(__always)
    static func hash(_ key: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        var hash = seed ^ UInt64(truncatingIfNeeded: count) &* 0x9e37_79b9_7f4a_7c15
        var place = 0
        let raw = UnsafeRawPointer(key)
        while place &+ 8 <= count {
            hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            place &+= 8
        }
        if place < count {
            var tail: UInt64 = 0
            while place < count {
                tail = tail << 8 | UInt64(key[place])
                place &+= 1
            }
            hash = mix(hash ^ tail)
        }
        return hash
    }

    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9fb2_1c65_1e98_df25)
        return product.high ^ product.low
    }

    @inline(__always)
    private static func find(
        _ key: UnsafePointer<UInt8>, _ count: Int, _ hash: UInt64, _ slots: UnsafePointer<Slot>, _ mask: Int,
        _ bytes: UnsafePointer<UInt8>
    ) -> Int {
        var place = Int(truncatingIfNeeded: hash) & mask
        while slots[place].id >= 0 {
            if slots[place].hash == hash, Int(slots[place].length) == count {
                let known = bytes + slots[place].begin
                var index = 0
                while index < count, known[index] == key[index] { index &+= 1 }
                if index == count { return place }
            }
            place = (place &+ 1) & mask
        }
        return place
    }

    /// The id of the token with these bytes, or -1.
    @inline(__always)
    func id(_ key: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
        slots[Self.find(key, count, Self.hash(key, count), slots.start, mask, bytes.start)].id
    }

    /// The id of the token with these bytes, or nil.
    func id(_ token: [UInt8]) -> Int32? {
        guard !token.isEmpty else { return nil }
        let found = token.withUnsafeBufferPointer { id($0.baseAddress!, $0.count) }
        return found < 0 ? nil : found
    }
}
