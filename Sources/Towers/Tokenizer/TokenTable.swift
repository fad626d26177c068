/// Ids by the bytes of their tokens: an open-addressing hash table whose look-ups make no strings.
final class TokenTable: @unchecked Sendable {
    private struct Slot {
        var hash: UInt64 = 0
        var begin: Int = 0
        var length: Int32 = 0
        var id: Int32 = -1
    }

    // Owned memory instead of arrays: look-ups take no reference counts.
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    private let bytes: UnsafeMutablePointer<UInt8>

    /// A table of `tokens`; a later one of the same bytes replaces an earlier one.
    init(_ tokens: [(token: [UInt8], id: Int32)]) {
        var capacity = 16
        while capacity < 2 * tokens.count { capacity *= 2 }
        mask = capacity - 1
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(), count: capacity)
        bytes = .allocate(capacity: max(tokens.reduce(0) { $0 + $1.token.count }, 1))
        var end = 0
        for (token, id) in tokens {
            token.withUnsafeBufferPointer { token in
                let key = UnsafeBufferPointer(start: token.baseAddress ?? UnsafePointer(bytes), count: token.count)
                let hash = Self.hash(key.baseAddress!, key.count)
                let slot = find(key.baseAddress!, key.count, hash)
                if slots[slot].id < 0 {
                    (bytes + end).update(from: key.baseAddress!, count: key.count)
                    slots[slot] = Slot(hash: hash, begin: end, length: Int32(key.count), id: id)
                    end += key.count
                } else {
                    slots[slot].id = id
                }
            }
        }
    }

    deinit {
        slots.deallocate()
        bytes.deallocate()
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
    private func find(_ key: UnsafePointer<UInt8>, _ count: Int, _ hash: UInt64) -> Int {
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
        slots[find(key, count, Self.hash(key, count))].id
    }

    /// The id of the token with these bytes, or nil.
    func id(_ token: [UInt8]) -> Int32? {
        guard !token.isEmpty else { return nil }
        let found = token.withUnsafeBufferPointer { id($0.baseAddress!, $0.count) }
        return found < 0 ? nil : found
    }
}
