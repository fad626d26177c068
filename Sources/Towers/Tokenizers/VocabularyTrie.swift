import Files

/// The vocabulary as a trie over UTF-8 bytes, in a double array (Aoe, 1989): finds the entries that begin at a place.
///
/// A WordPiece vocabulary is two tries, entries that begin a word and entries that continue one, which share their
/// memory; other vocabularies use the first of the two. A look-up never makes a string, and its cost is one load per
/// byte.
///
/// | Bits of a unit | |
/// |---|---|
/// | 0–24 | id + 1 of the entry that ends here, or 0 |
/// | 25–32 | the byte that leads here |
/// | 33 | whether the unit is in use |
/// | 34–63 | base: the child of byte b is unit (base XOR b) |
///
/// No two nodes have the same base, so the byte alone says whose child a unit is. Nodes without children have base 0,
/// whose block of 256 units stays empty.
final class VocabularyTrie: Sendable {
    /// A node with what a step from it needs.
    typealias Node = UInt64

    /// The node before any byte of a word, and of a continuation.
    let start: Node
    let continuation: Node
    // No array: the loop below runs once per byte of every text, and takes no reference counts.
    private let units: FixedTable<UInt64>
    /// Of all entries together; units take eight bytes each.
    static let maxBytes = 1 << 23

    /// A trie of `tokens`, none of which continues a word.
    convenience init(_ tokens: [(token: [UInt8], id: Int32)]) {
        self.init(tokens.lazy.map { (bytes: $0.token[...], continues: false, id: $0.id) })
    }

    /// A trie of `entries`; a later entry of the same bytes replaces an earlier one.
    init(_ entries: some Collection<(bytes: ArraySlice<UInt8>, continues: Bool, id: Int32)>) {
        var builder = VocabularyTrieBuilder()
        let roots = builder.build(entries)
        units = FixedTable(builder.units)
        start = units[roots.start]
        continuation = units[roots.continuation]
    }

    /// A trie whose units, which were checked, lie in a file.
    init?(_ mapped: UnsafeBufferPointer<UInt64>, _ file: MappedFile) {
        guard mapped.count > 512 else { return nil }
        units = FixedTable(mapped: mapped, owner: file)
        (start, continuation) = (
            units[VocabularyTrieBuilder.roots.start], units[VocabularyTrieBuilder.roots.continuation]
        )
    }

    /// The units, to be written to a file.
    var allUnits: UnsafeBufferPointer<UInt64> { UnsafeBufferPointer(start: units.start, count: units.count) }

    /// The node after `byte`, or nil: no entry goes on like that.
    @inline(__always)
    func step(_ node: Node, _ byte: UInt8) -> Node? {
        let next = units[Int(node >> 34) ^ Int(byte)]
        return next >> 25 & 0x1ff == UInt64(byte) | 0x100 ? next : nil
    }

    /// The id of the entry that ends at `node`, or -1.
    @inline(__always)
    func token(_ node: Node) -> Int32 { Int32(truncatingIfNeeded: node & 0x1ff_ffff) &- 1 }

    /// The longest entry that begins at `begin`, or goes on there after `node`: its id and its end, or nil.
    @inline(__always)
    func longest(_ bytes: UnsafeBufferPointer<UInt8>, from begin: Int, to end: Int, after node: Node? = nil) -> (
        id: Int32, end: Int
    )? {
        var node = node ?? start
        var found: (id: Int32, end: Int)?
        var place = begin
        while place < end, let next = step(node, bytes[place]) {
            node = next
            place &+= 1
            let id = token(node)
            if id >= 0 { found = (id, place) }
        }
        return found
    }
}

/// Lays the nodes out, block by block of 256 units: all children of a node lie in one block.
private struct VocabularyTrieBuilder {
    /// The units of the two roots, the first of the block behind the empty one.
    static let roots = (start: 256, continuation: 257)
    private(set) var units: [UInt64] = []
    /// For every block, whether a node has this base.
    private var hasBase: [Bool] = []
    /// Blocks that may have room. Old ones, and those that had none several times, are given up, so that a layout
    /// takes no longer than it must.
    private var open: [Block] = []
    private static let maxOpen = 16
    private static let maxMisses = 32

    private struct Block {
        var number: Int
        var free = 256
        var misses = 0
    }
    private static let inUse: UInt64 = 1 << 33

    /// The entries of one node: those from `first` to `last` share their first `depth` bytes.
    private struct Range {
        var first: Int
        var last: Int
        var depth: Int
        var unit: Int
    }

    /// Lays the entries out and says which units are the two roots.
    mutating func build(
        _ entries: some Collection<(bytes: ArraySlice<UInt8>, continues: Bool, id: Int32)>
    ) -> (start: Int, continuation: Int) {
        var pool: [UInt8] = []
        pool.reserveCapacity(entries.reduce(0) { $0 + $1.bytes.count })
        var keys: [Key] = []
        keys.reserveCapacity(entries.count)
        for entry in entries {
            keys.append(
                Key(
                    begin: pool.count, count: entry.bytes.count, order: keys.count, id: entry.id,
                    continues: entry.continues))
            pool.append(contentsOf: entry.bytes)
        }
        addBlock()
        addBlock()
        // The empty block of base 0, and the roots, which are nobody's children.
        open = [Block(number: 1, free: 254)]
        let roots = Self.roots
        for root in [roots.start, roots.continuation] {
            units[root] = Self.inUse
            hasBase[root] = true
        }
        hasBase[0] = true
        pool.withUnsafeBufferPointer { pool in
            keys.sort { $0.isBefore($1, pool) }
            let middle = keys.firstIndex(where: \.continues) ?? keys.count
            var waiting = [
                Range(first: 0, last: middle, depth: 0, unit: roots.start),
                Range(first: middle, last: keys.count, depth: 0, unit: roots.continuation),
            ]
            var children: [Range] = []
            while let range = waiting.popLast() {
                lay(range, keys, pool, &children)
                waiting.append(contentsOf: children)
            }
        }
        return roots
    }

    /// Bytes in the pool and what they stand for.
    private struct Key {
        var begin: Int
        var count: Int
        var order: Int
        var id: Int32
        var continues: Bool

        func isBefore(_ other: Key, _ pool: UnsafeBufferPointer<UInt8>) -> Bool {
            if continues != other.continues { return other.continues }
            var index = 0
            while index < count, index < other.count {
                let mine = pool[begin + index]
                let theirs = pool[other.begin + index]
                if mine != theirs { return mine < theirs }
                index &+= 1
            }
            return count != other.count ? count < other.count : order < other.order
        }
    }

    /// Gives the node of `range` its id and its children places.
    private mutating func lay(
        _ range: Range, _ keys: [Key], _ pool: UnsafeBufferPointer<UInt8>, _ children: inout [Range]
    ) {
        children.removeAll(keepingCapacity: true)
        var first = range.first
        while first < range.last, keys[first].count == range.depth {
            // The last of equal entries holds; the empty one is none.
            if range.depth > 0 {
                units[range.unit] = units[range.unit] & ~0x1ff_ffff | UInt64(keys[first].id + 1)
            }
            first += 1
        }
        // A child's byte waits where its unit will be.
        while first < range.last {
            let byte = pool[keys[first].begin + range.depth]
            var last = first + 1
            while last < range.last, pool[keys[last].begin + range.depth] == byte { last += 1 }
            children.append(Range(first: first, last: last, depth: range.depth + 1, unit: Int(byte)))
            first = last
        }
        guard !children.isEmpty else { return }
        let base = place(children)
        units[range.unit] |= UInt64(base) << 34
        for index in children.indices {
            let byte = children[index].unit
            children[index].unit = base ^ byte
            units[base ^ byte] = Self.inUse | UInt64(byte) << 25
        }
    }

    /// A base with which all children fall on free units.
    private mutating func place(_ children: [Range]) -> Int {
        for index in open.indices.reversed() where open[index].free >= children.count {
            let block = open[index].number << 8
            for unit in block..<block + 256 where units[unit] == 0 {
                let base = unit ^ children[0].unit
                guard !hasBase[base], children.allSatisfy({ units[base ^ $0.unit] == 0 }) else { continue }
                return take(base, index, children.count)
            }
            open[index].misses += 1
            if open[index].misses > Self.maxMisses { open.remove(at: index) }
        }
        let block = addBlock()
        if open.count == Self.maxOpen { open.removeFirst() }
        open.append(Block(number: block))
        return take(block << 8, open.count - 1, children.count)
    }

    private mutating func take(_ base: Int, _ index: Int, _ count: Int) -> Int {
        hasBase[base] = true
        open[index].free -= count
        if open[index].free == 0 { open.remove(at: index) }
        return base
    }

    @discardableResult
    private mutating func addBlock() -> Int {
        units.append(contentsOf: repeatElement(0, count: 256))
        hasBase.append(contentsOf: repeatElement(false, count: 256))
        return units.count / 256 - 1
    }
}
