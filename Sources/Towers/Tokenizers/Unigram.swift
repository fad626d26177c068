import Files

/// The unigram language model (Kudo, 2018): of all ways to cut a word into pieces of the vocabulary, the one whose
/// scores add up to the most.
final class Unigram: Sendable {
    /// What a tokenizer file says.
    struct Model {
        /// A piece's id is its place.
        var vocabulary: [(token: [UInt8], score: Double)] = []
        var unknown: Int32 = 0
        var fallsBackToBytes = false
    }

    private let trie: VocabularyTrie
    private let scores: FixedTable<Double>
    private let unknown: Int32
    private let unknownScore: Double
    /// Ids of the bytes, if unknown characters become bytes.
    private let bytes: [Int32]?
    /// What an unknown character costs more than the worst piece.
    private static let unknownPenalty = 10.0

    init(_ model: Model, at location: BelfryError.Location) throws(BelfryError) {
        guard model.vocabulary.reduce(0, { $0 + $1.token.count }) <= VocabularyTrie.maxBytes else {
            throw BelfryError(.unsupported, "The vocabulary has more than 8 MiB of text.", at: location)
        }
        guard model.vocabulary.indices.contains(Int(model.unknown)) else {
            throw .corrupt("The unknown piece \(model.unknown) is not in the vocabulary.", at: location)
        }
        let entries = model.vocabulary.enumerated().map { (token: $1.token, id: Int32($0)) }
        trie = VocabularyTrie(entries.filter { !$0.token.isEmpty })
        scores = FixedTable(model.vocabulary.map(\.score))
        unknown = model.unknown
        unknownScore = (model.vocabulary.lazy.map(\.score).min() ?? 0) - Self.unknownPenalty
        var bytes: [Int32]?
        if model.fallsBackToBytes {
            let table = TokenTable(entries)
            bytes = (UInt8(0)...255).map { byte in
                table.id(Array(("<0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) + ">").utf8))
                    ?? -1
            }
        }
        self.bytes = bytes
    }

    /// Appends the ids of `word`, which is not empty.
    func encode(_ word: UnsafeBufferPointer<UInt8>, _ paths: PathBuffer, _ ids: inout [Int32]) {
        let text = word.baseAddress!
        let count = word.count
        let trie = self.trie
        let scores = self.scores.start
        let nodes = paths.begin(count)
        var begin = 0
        while begin < count {
            let score = nodes[begin].score
            let single = begin &+ UTF8Text.length(text[begin])
            var hasSingle = false
            var node = trie.start
            var end = begin
            while end < count, let next = trie.step(node, text[end]) {
                node = next
                end &+= 1
                let id = trie.token(node)
                guard id >= 0 else { continue }
                if end == single { hasSingle = true }
                nodes[end].offer(scores[Int(id)] + score, id, from: begin)
            }
            if !hasSingle { nodes[single].offer(unknownScore + score, unknown, from: begin) }
            begin = single
        }
        // Back from the end; neighboring unknown characters become one.
        let first = ids.count
        var end = count
        while end > 0 {
            let node = nodes[end]
            if node.id == unknown {
                var start = Int(node.begin)
                while start > 0, nodes[start].id == unknown { start = Int(nodes[start].begin) }
                appendUnknown(UnsafeBufferPointer(rebasing: word[start..<end]), &ids)
                end = start
            } else {
                ids.append(node.id)
                end = Int(node.begin)
            }
        }
        ids[first...].reverse()
    }

    /// Appends the ids of unknown characters, last first.
    private func appendUnknown(_ text: UnsafeBufferPointer<UInt8>, _ ids: inout [Int32]) {
        if let bytes {
            // The unknown token may stand in the text as it is written.
            if let (id, end) = trie.longest(text, from: 0, to: text.count),
                end == text.count
            {
                ids.append(id)
                return
            }
            if text.allSatisfy({ bytes[Int($0)] >= 0 }) {
                for byte in text.reversed() { ids.append(bytes[Int(byte)]) }
                return
            }
        }
        ids.append(unknown)
    }
}

/// The best path to each place of a word.
final class PathBuffer {
    struct Node {
        var score: Double
        var id: Int32
        /// Where the last piece begins; -1: no piece ends here.
        var begin: Int32

        @inline(__always)
        mutating func offer(_ score: Double, _ id: Int32, from begin: Int) {
            guard self.begin < 0 || score > self.score else { return }
            self = Node(score: score, id: id, begin: Int32(truncatingIfNeeded: begin))
        }
    }

    private var nodes: UnsafeMutablePointer<Node>
    private var capacity = 256

    init() { nodes = .allocate(capacity: capacity) }

    deinit { nodes.deallocate() }

    /// Nodes 0…`count` that no path has reached.
    func begin(_ count: Int) -> UnsafeMutablePointer<Node> {
        if count + 1 > capacity {
            capacity = max(2 * capacity, count + 1)
            nodes.deallocate()
            nodes = .allocate(capacity: capacity)
        }
        nodes.initialize(repeating: Node(score: 0, id: -1, begin: -1), count: count + 1)
        return nodes
    }
}
