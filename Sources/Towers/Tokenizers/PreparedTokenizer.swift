import Files
import Foundation

/// The tables of a WordPiece tokenizer, in a file of the tower: mapped when it is loaded, instead of made of
/// `tokenizer.json` each time.
///
/// | bytes | what |
/// |---|---|
/// | 8 | `BLFTOKN1` |
/// | 8, 8, 8 | bytes of settings, units of the trie, codes of the normalizer, little-endian |
/// | 64 | SHA-256 of the tokenizer's file that they were made of, in hexadecimal |
/// | 32 | zeros |
/// | rest | the settings as JSON, the trie's units (8 bytes each), the codes (4 each); each from a multiple of 64 bytes on |
///
/// It can be made again at any time, and does not count in the tower's fingerprint. A file that was made of another
/// tokenizer, or whose numbers point out of it, is not used.
struct PreparedTokenizer {
    static let name = "prepared.tokenizer"
    private static let magic = Array("BLFTOKN1".utf8)
    private static let header = 128
    private static let maxBytes = 1 << 28

    let settings: StrictJSON
    let units: UnsafeBufferPointer<UInt64>
    let codes: [UInt32]
    let file: MappedFile

    /// The file at `path`, if it was made of the tokenizer with this digest.
    init?(_ path: String, madeOf digest: String) {
        guard let file = try? MappedFile(path), file.bytes.count >= Self.header, file.bytes.count <= Self.maxBytes,
            file.bytes.starts(with: Self.magic), file.bytes[32..<96].elementsEqual(digest.utf8)
        else { return nil }
        let sizes = (1...3).map { file.bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
        guard sizes.allSatisfy({ $0 <= UInt64(Self.maxBytes) }) else { return nil }
        let (text, unitCount, codeCount) = (Int(sizes[0]), Int(sizes[1]), Int(sizes[2]))
        let unitStart = Self.header + Self.rounded(text)
        let codeStart = unitStart + Self.rounded(8 * unitCount)
        guard file.bytes.count == codeStart + Self.rounded(4 * codeCount), codeCount == BertNormalizerTable.count,
            let settings = try? StrictJSON(
                parsing: UnsafeRawBufferPointer(rebasing: file.bytes[Self.header..<Self.header + text]), file: path)
        else { return nil }
        let start = (file.bytes.baseAddress! + unitStart).assumingMemoryBound(to: UInt64.self)
        units = UnsafeBufferPointer(start: start, count: unitCount)
        // A look-up reads one unit of the 256 at a base, which must be there.
        guard unitCount % 256 == 0, unitCount > 512, units.allSatisfy({ Int($0 >> 34) | 255 < unitCount }) else {
            return nil
        }
        let table = (file.bytes.baseAddress! + codeStart).assumingMemoryBound(to: UInt32.self)
        codes = Array(UnsafeBufferPointer(start: table, count: codeCount))
        guard codes.allSatisfy({ $0 <= BertNormalizerTable.other && $0 & 0xff_ffff < 0x11_0000 }) else { return nil }
        (self.settings, self.file) = (settings, file)
    }

    /// Writes the tables of a tokenizer.
    static func write(
        _ settings: JSON, _ units: UnsafeBufferPointer<UInt64>, _ codes: [UInt32], madeOf digest: String,
        to path: String
    ) throws(BelfryError) {
        let text = Array(settings.text().utf8)
        let writer = try FileWriter(path)
        var header = magic
        for size in [text.count, units.count, codes.count] {
            header.append(littleEndian: UInt64(size))
        }
        header += Array(digest.utf8)
        header += [UInt8](repeating: 0, count: Self.header - header.count)
        try header.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        try text.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        try writer.align(to: 64)
        try writer.write(UnsafeRawBufferPointer(units))
        try writer.align(to: 64)
        try codes.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        try writer.align(to: 64)
        try writer.finish()
    }

    private static func rounded(_ count: Int) -> Int { (count + 63) / 64 * 64 }
}

extension WordPieceTokenizer {
    /// The tokenizer whose tables lie in `prepared`; nil if its settings are not what they should be.
    convenience init?(_ prepared: PreparedTokenizer) {
        guard let settings = try? StrictObject(prepared.settings, file: prepared.file.path),
            let model = try? Model(prepared: settings), let largest = try? settings.integer("largest_id"),
            (0..<TokenizerJSON.maxIDs).contains(largest), let trie = VocabularyTrie(prepared.units, prepared.file)
        else { return nil }
        self.init(
            model, trie, BertNormalizerTable(model.normalizer, codes: prepared.codes), largestID: largest)
    }

    /// Writes what `init?(_: PreparedTokenizer)` reads.
    func writePrepared(to path: String, madeOf digest: String) throws(BelfryError) {
        try PreparedTokenizer.write(
            model.prepared(largestID: largestID), trie.allUnits, table.codes, madeOf: digest, to: path)
    }
}

extension WordPieceTokenizer.Model {
    /// The settings as JSON, without the vocabulary, which is in the trie.
    fileprivate func prepared(largestID: Int) -> JSON {
        func ids(_ ids: [Int32]) -> JSON { .array(ids.map { .integer(Int64($0)) }) }
        let tokens = added.map { token in
            JSON.object([
                "content": ids(token.content.map { Int32($0) }), "id": .integer(Int64(token.id)),
                "single_word": .bool(token.isSingleWord), "lstrip": .bool(token.stripsLeft),
                "rstrip": .bool(token.stripsRight), "normalized": .bool(token.isNormalized),
            ])
        }
        return [
            "unknown": .integer(Int64(unknown)), "longest_word": .integer(Int64(longestWord)),
            "clean_text": .bool(normalizer.cleansText), "ideographs": .bool(normalizer.separatesIdeographs),
            "lowercase": .bool(normalizer.lowercases), "strip_accents": .bool(normalizer.stripsAccents),
            "before": ids(before), "after": ids(after), "added": .array(tokens),
            "largest_id": .integer(Int64(largestID)),
        ]
    }

    fileprivate init?(prepared json: StrictObject) throws(BelfryError) {
        func ids(_ json: StrictJSON?) -> [Int32]? {
            guard let list = json?.array else { return nil }
            let ids = list.compactMap { TokenizerJSON.id($0.integer) }
            return ids.count == list.count ? ids : nil
        }
        guard let unknown = TokenizerJSON.id(try json.integer("unknown")), let before = ids(json["before"]),
            let after = ids(json["after"]), let longest = try json.integer("longest_word"),
            (1...10_000).contains(longest)
        else { return nil }
        (self.unknown, self.before, self.after, longestWord) = (unknown, before, after, longest)
        normalizer.cleansText = try json.bool("clean_text", default: true)
        normalizer.separatesIdeographs = try json.bool("ideographs", default: true)
        normalizer.lowercases = try json.bool("lowercase", default: true)
        normalizer.stripsAccents = try json.bool("strip_accents", default: true)
        for token in try json.objects("added") {
            guard let content = ids(token["content"]), content.allSatisfy({ $0 < 256 }),
                let id = TokenizerJSON.id(try token.integer("id"))
            else { return nil }
            added.append(
                AddedToken(
                    content: content.map { UInt8($0) }, id: id,
                    isSingleWord: try token.bool("single_word", default: false),
                    stripsLeft: try token.bool("lstrip", default: false),
                    stripsRight: try token.bool("rstrip", default: false),
                    isNormalized: try token.bool("normalized", default: false)))
        }
    }
}
