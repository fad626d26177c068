/// A piece of a text.
enum PieceToken {
    case piece(Int32)
    /// Unknown text; `follows`: the piece before it is unknown, too.
    case unknown(Int32, follows: Bool)
}

/// The pieces of a unigram model and their best path.
///
/// Scores add up in single precision, as in the library: the rounding decides between paths of nearly equal scores.
final class PieceUnigram: Sendable {
    private let trie: VocabularyTrie
    private let scores: FixedTable<Float>
    /// How much a user-defined piece scores for each of its bytes.
    private let isUserDefined: FixedTable<Bool>
    private let bonus: Float
    private let unknown: Int32
    private let unknownScore: Float

    init(_ pieces: [SentencePieceFile.Piece], _ unknown: Int32) {
        let entries = pieces.enumerated().filter { $1.kind == .normal || $1.kind == .userDefined }
        trie = VocabularyTrie(entries.map { (token: $1.text, id: Int32($0)) })
        scores = FixedTable(pieces.map(\.score))
        isUserDefined = FixedTable(pieces.map { $0.kind == .userDefined })
        let normal = pieces.lazy.filter { $0.kind == .normal }.map(\.score)
        bonus = normal.reduce(Float.leastNormalMagnitude, max)
        unknownScore = normal.reduce(Float.greatestFiniteMagnitude, min) - 10
        self.unknown = unknown
    }

    /// Calls `body` with the pieces of `text` in order.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ paths: PathBuffer,
        _ body: (UnsafeBufferPointer<UInt8>, PieceToken) -> Void
    ) {
        let bytes = text.baseAddress!
        let count = text.count
        let trie = self.trie
        let scores = self.scores.start
        let nodes = paths.begin(count)
        var begin = 0
        while begin < count {
            // Kept in double precision, as other models do, but every sum is rounded to single precision.
            let score = Float(nodes[begin].score)
            let single = min(begin &+ UTF8Text.length(bytes[begin]), count)
            var hasSingle = false
            var node = trie.start
            var end = begin
            while end < count, let next = trie.step(node, bytes[end]) {
                node = next
                end &+= 1
                let id = trie.token(node)
                guard id >= 0 else { continue }
                if end == single { hasSingle = true }
                let own =
                    isUserDefined[Int(id)] ? Float(Double(Float(end &- begin) * bonus) - 0.1) : scores[Int(id)]
                nodes[end].offer(Double(own + score), id, from: begin)
            }
            if !hasSingle { nodes[single].offer(Double(unknownScore + score), unknown, from: begin) }
            begin = single
        }
        // The way back, turned round: each node's score now says where the next piece ends.
        var end = count
        while end > 0 {
            let start = Int(nodes[end].begin)
            nodes[start].score = Double(end)
            end = start
        }
        var place = 0
        var isUnknown = false
        while place < count {
            let end = Int(nodes[place].score)
            let id = nodes[end].id
            let piece = UnsafeBufferPointer(rebasing: text[place..<end])
            body(piece, id == unknown ? .unknown(id, follows: isUnknown) : .piece(id))
            isUnknown = id == unknown
            place = end
        }
    }
}

/// The pieces of a BPE model and their joining.
final class PiecePairs: Sendable {
    private let table: TokenTable
    private let scores: [Float]
    private let unknown: Int32

    init(_ pieces: [SentencePieceFile.Piece], _ unknown: Int32) {
        let entries = pieces.enumerated().filter { $1.kind == .normal || $1.kind == .userDefined }
        table = TokenTable(entries.map { (token: $1.text, id: Int32($0)) })
        scores = pieces.map(\.score)
        self.unknown = unknown
    }

    /// Calls `body` with the pieces of `text` in order.
    func encode(
        _ text: UnsafeBufferPointer<UInt8>, _ userDefined: VocabularyTrie?, _ buffer: PieceBuffer,
        _ body: (UnsafeBufferPointer<UInt8>, PieceToken) -> Void
    ) {
        let bytes = text.baseAddress!
        buffer.begin()
        var place = 0
        while place < text.count {
            var end = min(place + UTF8Text.length(bytes[place]), text.count)
            var isFrozen = false
            if let found = userDefined?.longest(text, from: place, to: text.count) {
                end = found.end
                isFrozen = true
            }
            buffer.append(place, end - place, isFrozen: isFrozen)
            place = end
        }
        buffer.join { begin, count in
            let id = table.id(bytes + begin, count)
            return id < 0 ? nil : scores[Int(id)]
        }
        var isUnknown = false
        buffer.forEach { begin, count in
            let id = table.id(bytes + begin, count)
            let piece = UnsafeBufferPointer(start: bytes + begin, count: count)
            body(piece, id < 0 ? .unknown(unknown, follows: isUnknown) : .piece(id))
            isUnknown = id < 0
        }
    }
}

/// The symbols of a text that are being joined, as a linked list, and their pairs in a heap.
final class PieceBuffer {
    private struct Symbol {
        var begin: Int
        var count: Int
        var previous: Int
        var next: Int
        var isFrozen: Bool
    }

    private struct Pair: Comparable {
        var score: Float
        var left: Int
        var right: Int
        /// Bytes of both: if they are no longer these, the pair has changed.
        var count: Int

        /// What is joined first is the least.
        static func < (pair: Pair, other: Pair) -> Bool {
            pair.score > other.score || pair.score == other.score && pair.left < other.left
        }
    }

    private var symbols: [Symbol] = []
    private var heap = Heap<Pair>()

    func begin() {
        symbols.removeAll(keepingCapacity: true)
        heap.removeAll()
    }

    func append(_ begin: Int, _ count: Int, isFrozen: Bool) {
        if !symbols.isEmpty { symbols[symbols.count - 1].next = symbols.count }
        symbols.append(Symbol(begin: begin, count: count, previous: symbols.count - 1, next: -1, isFrozen: isFrozen))
    }

    /// Joins pairs, that of the highest score first, the leftmost of equal ones. `score` is that of a range of bytes.
    func join(_ score: (Int, Int) -> Float?) {
        func offer(_ left: Int, _ right: Int) {
            guard left >= 0, right >= 0, !symbols[left].isFrozen, !symbols[right].isFrozen else { return }
            let count = symbols[left].count + symbols[right].count
            guard let score = score(symbols[left].begin, count) else { return }
            heap.push(Pair(score: score, left: left, right: right, count: count))
        }
        for index in symbols.indices.dropFirst() { offer(index - 1, index) }
        while let pair = heap.pop() {
            guard symbols[pair.left].count > 0, symbols[pair.right].count > 0,
                symbols[pair.left].count + symbols[pair.right].count == pair.count
            else { continue }
            symbols[pair.left].count = pair.count
            symbols[pair.right].count = 0
            let after = symbols[pair.right].next
            symbols[pair.left].next = after
            if after >= 0 { symbols[after].previous = pair.left }
            offer(symbols[pair.left].previous, pair.left)
            offer(pair.left, after)
        }
    }

    /// Calls `body` with the first byte and the length of every symbol that is left.
    func forEach(_ body: (Int, Int) -> Void) {
        var index = symbols.isEmpty ? -1 : 0
        while index >= 0 {
            body(symbols[index].begin, symbols[index].count)
            index = symbols[index].next
        }
    }
}
