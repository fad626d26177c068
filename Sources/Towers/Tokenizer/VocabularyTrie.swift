/// The vocabulary as a trie over UTF-8 bytes: finds the longest entry that begins at a place.
///
/// A WordPiece vocabulary is two tries, entries that begin a word and entries that continue one, which share their
/// memory: edges (node, byte) → node lie in one open-addressing hash table. A lookup never makes a string, and its
/// cost is one probe per byte of the word. Other vocabularies use the first of the two.
final class VocabularyTrie: @unchecked Sendable {
    /// The node before any byte of a word, and of a continuation.
    static let start: UInt32 = 0
    static let continuation: UInt32 = 1

    // Owned memory instead of arrays: the loop below runs once per byte of every text, and takes no reference counts.
    private let edges: UnsafeMutablePointer<UInt64>
    private let tokens: UnsafeMutablePointer<Int32>
    private let mask: Int
    private static let empty = UInt64.max
    /// Nodes are numbered with 24 bits.
    static let mostBytes = 1 << 24 - 2

    /// A trie of `tokens`, none of which continues a word.
    convenience init(_ tokens: [(token: [UInt8], id: Int32)]) {
        self.init(tokens.lazy.map { (bytes: $0.token[...], continues: false, id: $0.id) })
    }

    /// A trie of `entries`; a later entry of the same bytes replaces an earlier one.
    init(_ entries: some Collection<(bytes: ArraySlice<UInt8>, continues: Bool, id: Int32)>) {
        let most = entries.reduce(2) { $0 + $1.bytes.count }
        var table = [UInt64](repeating: Self.empty, count: Self.capacity(edges: most))
        var tokens = [Int32](repeating: -1, count: most)
        var count: UInt32 = 2
        for entry in entries {
            var node = entry.continues ? Self.continuation : Self.start
            for byte in entry.bytes {
                let slot = table.withUnsafeBufferPointer { Self.slot(node, byte, $0.baseAddress!, $0.count - 1) }
                if table[slot] == Self.empty {
                    table[slot] = UInt64(node << 8 | UInt32(byte)) << 32 | UInt64(count)
                    count += 1
                }
                node = UInt32(truncatingIfNeeded: table[slot])
            }
            tokens[Int(node)] = entry.id
        }
        // Shared beginnings leave most of that table empty: a smaller one stays in the caches.
        let capacity = Self.capacity(edges: Int(count))
        edges = .allocate(capacity: capacity)
        edges.initialize(repeating: Self.empty, count: capacity)
        mask = capacity - 1
        for edge in table where edge != Self.empty {
            let key = UInt32(truncatingIfNeeded: edge >> 32)
            edges[Self.slot(key >> 8, UInt8(truncatingIfNeeded: key), edges, mask)] = edge
        }
        self.tokens = .allocate(capacity: Int(count))
        self.tokens.initialize(from: tokens, count: Int(count))
    }

    private static func capacity(edges: Int) -> Int {
        var capacity = 1024
        while capacity < 2 * edges { capacity *= 2 }
        return capacity
    }

    deinit {
        edges.deallocate()
        tokens.deallocate()
    }

    /// Where the edge is, or the empty place where it would be.
    @inline(__always)
    private static func slot(_ node: UInt32, _ byte: UInt8, _ edges: UnsafePointer<UInt64>, _ mask: Int) -> Int {
        let key = node << 8 | UInt32(byte)
        var slot = Int(truncatingIfNeeded: (UInt64(key) &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
        while edges[slot] != Self.empty, UInt32(truncatingIfNeeded: edges[slot] >> 32) != key {
            slot = (slot &+ 1) & mask
        }
        return slot
    }

    /// The node after `byte`, or nil: no entry goes on like that.
    @inline(__always)
    func step(_ node: UInt32, _ byte: UInt8) -> UInt32? {
        let edge = edges[Self.slot(node, byte, edges, mask)]
        return edge == Self.empty ? nil : UInt32(truncatingIfNeeded: edge)
    }

    /// The id of the entry that ends at `node`, or -1.
    @inline(__always)
    func token(_ node: UInt32) -> Int32 { tokens[Int(node)] }

    /// The longest entry at the beginning of `bytes`: its id and length, or nil.
    @inline(__always)
    func longest(_ bytes: UnsafeBufferPointer<UInt8>, from begin: Int, to end: Int, node start: UInt32) -> (
        id: Int32, end: Int
    )? {
        var node = start
        var found: (id: Int32, end: Int)?
        var place = begin
        while place < end {
            let edge = edges[Self.slot(node, bytes[place], edges, mask)]
            if edge == Self.empty { break }
            node = UInt32(truncatingIfNeeded: edge)
            place &+= 1
            let id = tokens[Int(node)]
            if id >= 0 { found = (id, place) }
        }
        return found
    }
}
