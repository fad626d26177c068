import Foundation

/// The ids of words that were met before, not thread-safe: a direct-mapped table in which a newer word replaces an
/// older one that falls in its place.
///
/// | Bytes of a slot | |
/// |---|---|
/// | 0–7 | hash |
/// | 8, 9 | length of the word in bytes, number of ids |
/// | 16–47 | the word |
/// | 48–127 | up to 20 ids |
final class WordCache {
    static let longestWord = 32
    private static let maxIDs = 20
    private static let slot = 128
    private static let slots = 8192
    private let memory: UnsafeMutableRawPointer

    init() {
        // Memory that the system clears when a slot is first used.
        memory = calloc(Self.slots, Self.slot)!
    }

    deinit { free(memory) }

    /// Appends the ids of the word if they are known. `count` is 1…`longestWord`.
    @inline(__always)
    func append(_ word: UnsafePointer<UInt8>, _ count: Int, _ hash: UInt64, to ids: inout [Int32]) -> Bool {
        let slot = memory + Int(truncatingIfNeeded: hash) & (Self.slots &- 1) &* Self.slot
        guard slot.load(as: UInt64.self) == hash,
            Int(slot.load(fromByteOffset: 8, as: UInt8.self)) == count
        else { return false }
        let known = (slot + 16).assumingMemoryBound(to: UInt8.self)
        var place = 0
        while place < count {
            if known[place] != word[place] { return false }
            place &+= 1
        }
        let found = (slot + 48).assumingMemoryBound(to: Int32.self)
        let number = Int(slot.load(fromByteOffset: 9, as: UInt8.self))
        for index in 0..<number { ids.append(found[index]) }
        return true
    }

    /// Keeps the ids of the word, if there are not too many.
    func keep(_ word: UnsafePointer<UInt8>, _ count: Int, _ hash: UInt64, _ ids: ArraySlice<Int32>) {
        guard ids.count <= Self.maxIDs else { return }
        let slot = memory + Int(truncatingIfNeeded: hash) & (Self.slots &- 1) &* Self.slot
        slot.storeBytes(of: hash, as: UInt64.self)
        slot.storeBytes(of: UInt8(count), toByteOffset: 8, as: UInt8.self)
        slot.storeBytes(of: UInt8(ids.count), toByteOffset: 9, as: UInt8.self)
        (slot + 16).copyMemory(from: word, byteCount: count)
        ids.withUnsafeBytes { bytes in
            if let start = bytes.baseAddress { (slot + 48).copyMemory(from: start, byteCount: bytes.count) }
        }
    }
}
