import Files
import Foundation

/// The normalization rules that a SentencePiece model carries: a double-array trie of prefixes and what replaces them.
///
/// | Bytes | |
/// |---|---|
/// | 4 | bytes of the trie, a multiple of 4 |
/// | … | units of the trie, 32 bits each, little-endian (the darts-clone library's layout) |
/// | … | replacements, each ended by a zero byte; a value of the trie is the offset of one |
///
/// A trie that leads out of its array has no rule there: nothing is read that is not the map's own.
final class CharacterMap: Sendable {
    private let units: FixedTable<UInt32>
    private let texts: FixedTable<UInt8>
    /// Whether some rule begins with the byte.
    private let begins: FixedTable<Bool>
    private static let maxBytes = 16 << 20
    /// Bytes of a replacement; the longest of Unicode's own have 33.
    private static let longestText = 1024

    /// Reads a map; `location` says where it stands.
    init(_ bytes: [UInt8], at location: BelfryError.Location) throws(BelfryError) {
        guard bytes.count <= Self.maxBytes else {
            throw BelfryError(.unsupported, "The character map has more than 16 MiB.", at: location)
        }
        let size = bytes.count < 4 ? nil : (0..<4).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        guard let size, size > 0, size % 4 == 0, size <= bytes.count - 4 else {
            throw .corrupt("The character map is shorter than it says.", at: location)
        }
        let replacements = bytes[(4 + size)...]
        guard String(validating: replacements, as: UTF8.self) != nil,
            replacements.split(separator: 0).allSatisfy({ $0.count <= Self.longestText })
        else {
            throw .corrupt(
                "The character map's replacements are not UTF-8, or one has more than \(Self.longestText) bytes.",
                at: location)
        }
        let units = bytes.withUnsafeBytes { raw in
            FixedTable(
                (0..<size / 4).map { index in
                    UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 + 4 * index, as: UInt32.self))
                })
        }
        self.units = units
        texts = FixedTable(replacements)
        begins = FixedTable(
            (0..<256).map { byte in
                let node = Int(Self.offset(units[0])) ^ byte
                return byte > 0 && node < units.count && Self.label(units[node]) == UInt32(byte)
            })
    }

    private static func label(_ unit: UInt32) -> UInt32 { unit & (1 << 31 | 0xff) }

    private static func offset(_ unit: UInt32) -> UInt32 { (unit >> 10) << ((unit & 1 << 9) >> 6) }

    /// The rule for a prefix of `text`: its replacement and how many bytes it replaces. Nil: there is none.
    ///
    /// The longest prefix is SentencePiece's choice, the shortest that of the `tokenizers` library.
    private func rule(
        _ text: UnsafePointer<UInt8>, _ count: Int, isLongest: Bool
    ) -> (text: UnsafeBufferPointer<UInt8>, length: Int)? {
        guard count > 0, begins[Int(text[0])] else { return nil }
        var found: (value: Int, length: Int)?
        var node = Int(Self.offset(units[0]))
        for index in 0..<count {
            let byte = text[index]
            node ^= Int(byte)
            guard byte != 0, node < units.count, Self.label(units[node]) == UInt32(byte) else { break }
            let unit = units[node]
            node ^= Int(Self.offset(unit))
            guard unit >> 8 & 1 == 1 else { continue }
            guard node < units.count else { break }
            found = (Int(units[node] & 0x7fff_ffff), index + 1)
            if !isLongest { break }
        }
        guard let found, found.value < texts.count, texts[found.value] & 0xc0 != 0x80 else { return nil }
        var end = found.value
        while end < texts.count, texts[end] != 0 { end += 1 }
        return (UnsafeBufferPointer(start: texts.start + found.value, count: end - found.value), found.length)
    }

    /// SentencePiece's step: what the beginning of `text` becomes, and how many of its bytes that were.
    @inline(__always)
    func prefix(_ text: UnsafePointer<UInt8>, _ count: Int) -> (text: UnsafeBufferPointer<UInt8>, length: Int) {
        if begins[Int(text[0])], let rule = rule(text, count, isLongest: true) { return rule }
        let length = min(UTF8Text.length(text[0]), count)
        return (UnsafeBufferPointer(start: text, count: length), length)
    }

    /// Writes `text` as the `tokenizers` library normalizes it, or nothing if nothing changes (false). What would be
    /// longer than about `maximum` bytes is cut.
    ///
    /// The library asks for a whole grapheme cluster of less than six bytes first, takes the rule of its shortest
    /// prefix and drops the rest of the cluster; otherwise it asks scalar by scalar. Models were trained with that.
    func normalize(_ text: UnsafeBufferPointer<UInt8>, maximum: Int, into target: TextBuffer) -> Bool {
        guard let bytes = text.baseAddress else { return false }
        var hasChanged = false
        var written = 0
        func put(_ replacement: UnsafeBufferPointer<UInt8>, from begin: Int, to end: Int) {
            if !hasChanged { target.clear() }
            hasChanged = true
            target.append(bytes + written, begin - written)
            target.append(replacement)
            written = end
        }
        var place = 0
        while place < text.count {
            if hasChanged, target.count > maximum { return true }
            let begin = place
            let end = Self.clusterEnd(bytes, text.count, begin)
            place = end
            if end - begin < 6, let rule = rule(bytes + begin, end - begin, isLongest: false) {
                put(rule.text, from: begin, to: end)
                continue
            }
            var scalar = begin
            while scalar < end {
                let next = scalar + UTF8Text.length(bytes[scalar])
                if let rule = rule(bytes + scalar, next - scalar, isLongest: false) {
                    put(rule.text, from: scalar, to: next)
                }
                scalar = next
            }
        }
        if hasChanged { target.append(bytes + written, text.count - written) }
        return hasChanged
    }

    /// The end of the grapheme cluster (Unicode Standard Annex 29) at `begin`.
    @inline(__always)
    private static func clusterEnd(_ text: UnsafePointer<UInt8>, _ count: Int, _ begin: Int) -> Int {
        var place = begin
        let first = UTF8Text.scalar(text, &place)
        // Letters below U+0300 and CJK ideographs combine only with what follows them and is neither.
        guard place < count else { return place }
        if isPlain(first) {
            var next = place
            if isPlain(UTF8Text.scalar(text, &next)) { return place }
        }
        var recognizer = Unicode._CharacterRecognizer()
        _ = recognizer.hasBreak(before: Unicode.Scalar(first)!)
        while place < count {
            var next = place
            if recognizer.hasBreak(before: Unicode.Scalar(UTF8Text.scalar(text, &next))!) { break }
            place = next
        }
        return place
    }

    @inline(__always)
    private static func isPlain(_ scalar: UInt32) -> Bool {
        scalar < 0x300 && scalar != 0x0d && scalar != 0x0a || (0x3400..<0xa000).contains(scalar)
    }
}
