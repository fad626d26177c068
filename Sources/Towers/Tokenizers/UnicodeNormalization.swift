import Foundation

/// The normal forms NFD, NFC, NFKD and NFKC (Unicode Standard Annex 15).
///
/// The tables are those of Unicode 9, as the reference tokenizer library has them: later scalars stay as they are. Text
/// is looked at scalar by scalar; only where one is met that a normal form could change or combine is a stretch
/// decomposed, sorted and composed again.
final class UnicodeNormalization: Sendable {
    enum Form: String, Sendable { case nfd = "NFD", nfc = "NFC", nfkd = "NFKD", nfkc = "NFKC" }

    private static let nfd = UnicodeNormalization(.nfd)
    private static let nfc = UnicodeNormalization(.nfc)
    private static let nfkd = UnicodeNormalization(.nfkd)
    private static let nfkc = UnicodeNormalization(.nfkc)

    /// The tables of `form`, made when they are first asked for.
    static func of(_ form: Form) -> UnicodeNormalization {
        switch form {
        case .nfd: nfd
        case .nfc: nfc
        case .nfkd: nfkd
        case .nfkc: nfkc
        }
    }

    private let composes: Bool
    /// Scalars that stay as they are whatever follows or precedes them, except that one may take part as the first.
    private let active: ScalarTable
    private let decompositions: [UInt32: [UInt32]]
    private let classes: [UInt32: UInt8]
    private let compositions: [UInt64: UInt32]

    /// Every scalar that has a decomposition or a combining class.
    private struct Source {
        var canonical: [UInt32: [UInt32]] = [:]
        var compatible: [UInt32: [UInt32]] = [:]
        var classes: [UInt32: UInt8] = [:]
        var compositions: [UInt64: UInt32] = [:]

        static let shared = Source()

        private init() {
            var scalars: [Unicode.Scalar] = []
            for range in [
                UInt32(0xa0)...0x33ff, 0xa000...0xabff, 0xf900...0xffff, 0x10000...0x1ffff, 0x2f800...0x2fa1f,
            ] {
                for value in range {
                    guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age.major <= 9 else {
                        continue
                    }
                    scalars.append(scalar)
                    let order = scalar.properties.canonicalCombiningClass.rawValue
                    if order > 0 { classes[value] = order }
                }
            }
            // One conversion for all: a line feed neither changes nor combines.
            var text = String.UnicodeScalarView()
            for scalar in scalars {
                text.append(scalar)
                text.append("\n")
            }
            func lines(_ text: String) -> [[UInt32]] {
                text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { $0.map(\.value) }
            }
            let all = String(text)
            let canonical = lines(all.decomposedStringWithCanonicalMapping)
            let compatible = lines(all.decomposedStringWithCompatibilityMapping)
            let composed = lines(all.precomposedStringWithCanonicalMapping)
            for (index, scalar) in scalars.enumerated() {
                if canonical[index] != [scalar.value] { self.canonical[scalar.value] = canonical[index] }
                if compatible[index] != [scalar.value] { self.compatible[scalar.value] = compatible[index] }
            }
            // What composes to a scalar is its last part and the composition of those before it.
            var parts: [[UInt32]: UInt32] = [:]
            for (index, scalar) in scalars.enumerated() where composed[index] == [scalar.value] {
                parts[canonical[index]] = scalar.value
            }
            for (decomposition, scalar) in parts where decomposition.count > 1 {
                let head = Array(decomposition.dropLast())
                guard let first = head.count == 1 ? head[0] : parts[head] else { continue }
                compositions[UInt64(first) << 32 | UInt64(decomposition.last!)] = scalar
            }
        }
    }

    private init(_ form: Form) {
        let source = Source.shared
        composes = form == .nfc || form == .nfkc
        decompositions =
            form == .nfkc || form == .nfkd
            ? source.canonical.merging(source.compatible) { $1 } : source.canonical
        classes = source.classes
        compositions = composes ? source.compositions : [:]
        var ranges = source.classes.keys.map { $0...$0 }
        if composes {
            let whole = Set(compositions.values)
            ranges += compositions.keys.map { UInt32(truncatingIfNeeded: $0) }.map { $0...$0 }
            ranges += [0x1161...0x1175, 0x11a8...0x11c2]
            // A scalar that decomposes and composes again is as good as one that does neither.
            for (scalar, parts) in decompositions where !whole.contains(scalar) || parts != source.canonical[scalar] {
                ranges.append(scalar...scalar)
            }
        } else {
            ranges += decompositions.keys.map { $0...$0 }
            ranges.append(0xac00...0xd7a3)
        }
        active = ScalarTable(ScalarSet(ranges))
    }

    /// Writes the normal form of `text`, or nothing if it is the text itself (false).
    func normalize(_ text: UnsafeBufferPointer<UInt8>, into target: TextBuffer) -> Bool {
        guard let bytes = text.baseAddress, !UTF8Text.isASCII(text) else { return false }
        let active = self.active.view
        var written = 0
        var place = 0
        var previous = 0
        var hasChanged = false
        var stretch: [UInt32] = []
        while place < text.count {
            let begin = place
            guard active.contains(UTF8Text.scalar(bytes, &place)) else {
                previous = begin
                continue
            }
            // From the scalar before, which may combine, up to the next that stays as it is.
            if !hasChanged { target.clear() }
            hasChanged = true
            let start = max(previous, written)
            target.append(bytes + written, start - written)
            stretch.removeAll(keepingCapacity: true)
            var end = start
            while end < text.count {
                var next = end
                let scalar = UTF8Text.scalar(bytes, &next)
                if end > begin, !active.contains(scalar) { break }
                decompose(scalar, into: &stretch)
                end = next
            }
            sort(&stretch)
            if composes { compose(&stretch) }
            for scalar in stretch { target.append(scalar: scalar) }
            written = end
            place = end
            previous = end
        }
        if hasChanged { target.append(bytes + written, text.count - written) }
        return hasChanged
    }

    private func decompose(_ scalar: UInt32, into stretch: inout [UInt32]) {
        if (0xac00...0xd7a3).contains(scalar) {
            let index = scalar - 0xac00
            stretch.append(0x1100 + index / 588)
            stretch.append(0x1161 + index % 588 / 28)
            if index % 28 > 0 { stretch.append(0x11a7 + index % 28) }
        } else if let parts = decompositions[scalar] {
            stretch.append(contentsOf: parts)
        } else {
            stretch.append(scalar)
        }
    }

    /// Puts the marks of each base in the order of their combining classes, equal ones as they stand.
    private func sort(_ stretch: inout [UInt32]) {
        var begin = 0
        while begin < stretch.count {
            guard classes[stretch[begin]] != nil else {
                begin += 1
                continue
            }
            var end = begin
            var keys: [UInt64] = []
            while end < stretch.count, let order = classes[stretch[end]] {
                keys.append(UInt64(order) << 56 | UInt64(end) << 24 | UInt64(stretch[end]))
                end += 1
            }
            if keys.count > 1 {
                keys.sort()
                for (index, key) in keys.enumerated() {
                    stretch[begin + index] = UInt32(truncatingIfNeeded: key & 0xff_ffff)
                }
            }
            begin = end
        }
    }

    private func compose(_ stretch: inout [UInt32]) {
        var starter = -1
        var last: UInt8?
        var count = 0
        for index in 0..<stretch.count {
            let scalar = stretch[index]
            let order = classes[scalar] ?? 0
            // A mark is blocked from its base by one of the same or a higher class in between.
            if starter >= 0, last == nil || last! < order,
                let whole = composition(stretch[starter], scalar)
            {
                stretch[starter] = whole
                continue
            }
            if order == 0 {
                starter = count
                last = nil
            } else {
                last = order
            }
            stretch[count] = scalar
            count += 1
        }
        stretch.removeLast(stretch.count - count)
    }

    private func composition(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (0x1100...0x1112).contains(first), (0x1161...0x1175).contains(second) {
            return 0xac00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        }
        if (0xac00...0xd7a3).contains(first), (first - 0xac00) % 28 == 0, (0x11a8...0x11c2).contains(second) {
            return first + second - 0x11a7
        }
        return compositions[UInt64(first) << 32 | UInt64(second)]
    }
}
