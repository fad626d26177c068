import Files

/// Byte-pair encoding (Sennrich, Haddow and Birch, 2016): a word begins as characters or bytes, and of all pairs of
/// neighbors the one whose merge was learned first is joined, again and again.
final class PairEncoding: Sendable {
    /// What a tokenizer file says.
    struct Model: Sendable {
        var vocabulary: [(token: [UInt8], id: Int32)] = []
        var merges: [(left: [UInt8], right: [UInt8])] = []
        var unknown: [UInt8]?
        var continuingPrefix: [UInt8] = []
        var endSuffix: [UInt8] = []
        var fusesUnknown = false
        var fallsBackToBytes = false
        var ignoresMerges = false
        /// Whether words are bytes, each written as a character of its own in the vocabulary.
        var isByteLevel = false
    }

    /// Ids of the characters at one kind of place; bytes, if the model is of bytes.
    private struct Units: Sendable {
        /// Ids of the scalars below 256, or -1.
        var low = [Int32](repeating: -1, count: 256)
        var high: [UInt32: Int32] = [:]
    }

    private let model: Model
    private let table: TokenTable
    /// For places in a word: the first and only, the first, those in between, the last.
    private let units: [Units]
    private let byteUnits: FixedTable<Int32>
    /// Whether the same ids hold wherever in a word a byte stands, and every byte has one.
    private let hasPlainBytes: Bool
    private let byteIDs: [Int32]?
    private let unknownID: Int32
    // (left, right) → (rank, id) in an open-addressing hash table.
    private let pairs: FixedTable<Pair>
    private let pairMask: Int

    private struct Pair: BitwiseCopyable {
        var key: UInt64 = .max
        /// Rank in the upper half, id in the lower: the smaller of two is the earlier merge.
        var merge: UInt64 = .max
    }

    static let none = UInt64.max

    /// Whether a word can be cut before every U+2581 that follows another character without changing its ids.
    let isCutBeforeMetaspace: Bool

    init(_ model: Model, at location: BelfryError.Location) throws(BelfryError) {
        self.model = model
        let table = TokenTable(model.vocabulary)
        self.table = table
        if let unknown = model.unknown, !unknown.isEmpty {
            guard let id = table.id(unknown) else {
                throw .corrupt(
                    "The unknown token “\(String(decoding: unknown, as: UTF8.self))” is not in the vocabulary.",
                    at: location)
            }
            unknownID = id
        } else {
            unknownID = -1
        }
        var bytes: [Int32] = []
        for byte in UInt8(0)...255 where model.fallsBackToBytes {
            let hexadecimal = String(byte, radix: 16, uppercase: true)
            let name = "<0x" + (byte < 16 ? "0" : "") + hexadecimal + ">"
            bytes.append(table.id(Array(name.utf8)) ?? -1)
        }
        byteIDs = model.fallsBackToBytes ? bytes : nil
        var learned: [Pair] = []
        learned.reserveCapacity(model.merges.count)
        var cuts = !model.isByteLevel && !model.ignoresMerges && table.id(PreTokenizer.metaspace) != nil
        cuts = cuts && model.continuingPrefix.isEmpty && model.endSuffix.isEmpty
        for (rank, merge) in model.merges.enumerated() {
            let whole = merge.left + merge.right.dropFirst(model.continuingPrefix.count)
            guard let left = table.id(merge.left), let right = table.id(merge.right), let id = table.id(whole) else {
                throw .corrupt(
                    "Merge \(rank) (“\(String(decoding: merge.left, as: UTF8.self))” and "
                        + "“\(String(decoding: merge.right, as: UTF8.self))”) names tokens that are not in the "
                        + "vocabulary.", at: location)
            }
            learned.append(Pair(key: Self.key(left, right), merge: UInt64(rank) << 32 | UInt64(id)))
            cuts = cuts && !Self.hasInnerMetaspace(whole)
        }
        isCutBeforeMetaspace = cuts
        units = Self.units(model)
        byteUnits = FixedTable(units[0].low)
        hasPlainBytes =
            model.isByteLevel && model.endSuffix.isEmpty && model.continuingPrefix.isEmpty && !units[0].low.contains(-1)
        var capacity = 16
        while capacity < 2 * learned.count { capacity *= 2 }
        pairMask = capacity - 1
        var places = [Pair](repeating: Pair(), count: capacity)
        places.withUnsafeMutableBufferPointer { places in
            let start = places.baseAddress!
            for pair in learned { start[Self.place(pair.key, start, capacity - 1)] = pair }
        }
        pairs = FixedTable(places)
    }

    /// Whether U+2581 follows another character somewhere in the token.
    private static func hasInnerMetaspace(_ token: [UInt8]) -> Bool {
        var hasOther = false
        for scalar in UTF8Text.scalars(token) {
            if scalar == 0x2581, hasOther { return true }
            if scalar != 0x2581 { hasOther = true }
        }
        return false
    }

    /// The character that stands for each byte in a vocabulary of bytes (GPT-2's table).
    static let byteCharacters: [UInt32] = {
        var next: UInt32 = 256
        return (UInt32(0)..<256).map { byte in
            if (0x21...0x7e).contains(byte) || (0xa1...0xac).contains(byte) || byte >= 0xae { return byte }
            next += 1
            return next - 1
        }
    }()

    /// Four tables of units: a word's only one, its first, its inner ones, its last.
    private static func units(_ model: Model) -> [Units] {
        let places: [(isFirst: Bool, isLast: Bool)] = [(true, true), (true, false), (false, false), (false, true)]
        var bytes: [UInt32: UInt32] = [:]
        for (byte, scalar) in byteCharacters.enumerated() { bytes[scalar] = UInt32(byte) }
        let isAnywhere = model.continuingPrefix.isEmpty && model.endSuffix.isEmpty
        let tables = (isAnywhere ? Array(places.prefix(1)) : places).map { place in
            var units = Units()
            for (token, id) in model.vocabulary {
                var rest = token[...]
                if !place.isFirst, !model.continuingPrefix.isEmpty {
                    guard rest.starts(with: model.continuingPrefix) else { continue }
                    rest = rest.dropFirst(model.continuingPrefix.count)
                }
                if place.isLast, !model.endSuffix.isEmpty {
                    guard rest.count > model.endSuffix.count, rest.suffix(model.endSuffix.count) == model.endSuffix[...]
                    else { continue }
                    rest = rest.dropLast(model.endSuffix.count)
                }
                guard let first = rest.first, rest.count == UTF8Text.length(first) else { continue }
                var scalar = rest.withUnsafeBufferPointer { text in
                    var place = 0
                    return UTF8Text.scalar(text.baseAddress!, &place)
                }
                if model.isByteLevel {
                    guard let byte = bytes[scalar] else { continue }
                    scalar = byte
                }
                if scalar < 256 { units.low[Int(scalar)] = id } else { units.high[scalar] = id }
            }
            return units
        }
        return isAnywhere ? [Units](repeating: tables[0], count: places.count) : tables
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private static func place(_ key: UInt64, _ pairs: UnsafePointer<Pair>, _ mask: Int) -> Int {
        var place = Int(truncatingIfNeeded: TokenTable.mix(key ^ TokenTable.seed)) & mask
        while pairs[place].key != key, pairs[place].key != .max { place = (place &+ 1) & mask }
        return place
    }

    @inline(__always)
    private static func merge(
        _ left: Int32, _ right: Int32, _ pairs: UnsafePointer<Pair>, _ mask: Int
    ) -> UInt64 {
        pairs[place(key(left, right), pairs, mask)].merge
    }

    /// Appends the ids of `word`, which is not empty.
    func encode(_ word: UnsafeBufferPointer<UInt8>, _ buffer: SymbolBuffer, _ ids: inout [Int32]) {
        if model.ignoresMerges, let id = wholeWord(word) {
            ids.append(id)
            return
        }
        buffer.begin(word.count)
        if hasPlainBytes {
            for index in 0..<word.count { buffer.ids[index] = byteUnits[Int(word[index])] }
            buffer.count = word.count
        } else {
            begin(word, buffer)
        }
        let pairs = self.pairs.start
        let mask = pairMask
        buffer.join { Self.merge($0, $1, pairs, mask) }
        ids.append(contentsOf: UnsafeBufferPointer(start: buffer.ids, count: buffer.count))
    }

    /// The id of a token that is the word as it stands.
    private func wholeWord(_ word: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard model.isByteLevel else {
            let id = table.id(word.baseAddress!, word.count)
            return id < 0 ? nil : id
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * word.count) { written in
            var count = 0
            for byte in word {
                count += UTF8Text.write(Self.byteCharacters[Int(byte)], to: written.baseAddress! + count)
            }
            let id = table.id(written.baseAddress!, count)
            return id < 0 ? nil : id
        }
    }

    /// Writes the ids of the word's characters, with what stands for those that have none.
    private func begin(_ word: UnsafeBufferPointer<UInt8>, _ buffer: SymbolBuffer) {
        let text = word.baseAddress!
        var place = 0
        var isUnknownPending = false
        func put(_ id: Int32) {
            buffer.ids[buffer.count] = id
            buffer.count += 1
        }
        while place < word.count {
            let begin = place
            let scalar: UInt32
            if model.isByteLevel {
                scalar = UInt32(text[place])
                place += 1
            } else {
                scalar = UTF8Text.scalar(text, &place)
            }
            let kind = begin == 0 ? (place == word.count ? 0 : 1) : place == word.count ? 3 : 2
            let id = scalar < 256 ? units[kind].low[Int(scalar)] : units[kind].high[scalar] ?? -1
            if id >= 0 {
                if isUnknownPending { put(unknownID) }
                isUnknownPending = false
                put(id)
                continue
            }
            if let byteIDs, !model.isByteLevel, (begin..<place).allSatisfy({ byteIDs[Int(text[$0])] >= 0 }) {
                for index in begin..<place { put(byteIDs[Int(text[index])]) }
                continue
            }
            guard unknownID >= 0 else { continue }
            if isUnknownPending, !model.fusesUnknown { put(unknownID) }
            isUnknownPending = true
        }
        if isUnknownPending { put(unknownID) }
    }
}
