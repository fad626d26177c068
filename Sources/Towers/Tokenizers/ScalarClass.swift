/// The sets that patterns and pre-tokenizers name, as the reference libraries know them: scalars that came with a
/// later Unicode version than theirs are unassigned.
enum ScalarClass {
    /// General categories of Unicode 16: what the Oniguruma library knows.
    private static let categories: [String: ScalarSet] = {
        var ranges: [String: [ClosedRange<UInt32>]] = [:]
        var name = ""
        var begin: UInt32 = 0
        for scalar in UInt32(0)...ScalarSet.last + 1 {
            // Nothing is assigned in between, and everything after it is for private use.
            if (0x40000..<0xe0000).contains(scalar) || scalar > 0xf0000 && (0x10..<0xfff0).contains(scalar & 0xffff) {
                continue
            }
            let here = scalar > ScalarSet.last ? "end" : category(scalar)
            guard here != name else { continue }
            if scalar > 0 { ranges[name, default: []].append(begin...scalar - 1) }
            name = here
            begin = scalar
        }
        return ranges.mapValues { ScalarSet($0) }
    }()

    private static func category(_ scalar: UInt32) -> String {
        guard let value = Unicode.Scalar(scalar) else { return "Cs" }
        // It was a small letter until Unicode 17.
        if scalar == 0x295 { return "Ll" }
        if let age = value.properties.age, age.major > 16 { return "Cn" }
        return switch value.properties.generalCategory {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }

    /// What a letter becomes where case is ignored (Unicode's simple case folding).
    private static func folded(_ scalar: UInt32) -> UInt32 {
        // The dotless i is no small form of I.
        guard scalar != 0x131, let value = Unicode.Scalar(scalar) else { return scalar }
        let upper = value.properties.uppercaseMapping.unicodeScalars
        let middle = upper.count == 1 ? upper.first! : value
        let lower = middle.properties.lowercaseMapping.unicodeScalars
        return lower.count == 1 ? lower.first!.value : middle.value
    }

    /// Scalars by what they are folded to, of those that have a case.
    private static let foldings: [UInt32: [UInt32]] = {
        var foldings: [UInt32: [UInt32]] = [:]
        for scalar in UInt32(0x41)..<0x1f000 {
            guard let properties = Unicode.Scalar(scalar)?.properties,
                properties.changesWhenLowercased || properties.changesWhenUppercased
            else { continue }
            foldings[folded(scalar), default: []].append(scalar)
        }
        return foldings
    }()

    /// The set with the other cases of its scalars.
    static func ignoringCase(_ set: ScalarSet) -> ScalarSet {
        let others = foldings.filter { _, scalars in scalars.contains { set.contains($0) } }
        return ScalarSet(set.ranges + others.values.flatMap { $0.map { $0...$0 } })
    }

    private static let longNames = [
        "Letter": "L", "Mark": "M", "Number": "N", "Punctuation": "P", "Punct": "P", "Symbol": "S", "Separator": "Z",
        "Other": "C",
    ]

    /// The general category `name` or all that begin with it: `Lu`, `L`, `Letter`. Nil: there is none.
    static func category(_ name: String) -> ScalarSet? {
        let name = longNames[name] ?? name
        if name.utf8.count == 2 { return categories[name] }
        guard name.utf8.count == 1 else { return nil }
        let sets = categories.filter { $0.key.hasPrefix(name) }
        return sets.isEmpty ? nil : ScalarSet(sets.flatMap(\.value.ranges))
    }

    /// White_Space: what `\s` is, and where text is stripped.
    static let whitespace = ScalarSet([
        0x9...0xd, 0x20...0x20, 0x85...0x85, 0xa0...0xa0, 0x1680...0x1680, 0x2000...0x200a, 0x2028...0x2029,
        0x202f...0x202f, 0x205f...0x205f, 0x3000...0x3000,
    ])

    static let isWhitespace = ScalarTable(whitespace)

    /// `\w` of Unicode regular expressions (UTS 18), Unicode 16.
    static let word: ScalarSet = {
        var ranges: [ClosedRange<UInt32>] = [0x200c...0x200d]
        for name in ["L", "M", "Nd", "Nl", "Pc"] { ranges += category(name)!.ranges }
        // Other_Alphabetic beyond those: symbols that are letters in circles.
        return ScalarSet(ranges + [0x24b6...0x24e9, 0x1f130...0x1f149, 0x1f150...0x1f169, 0x1f170...0x1f189])
    }()

    static let isWord = ScalarTable(word)

    /// `\w` of Oniguruma: no joiners, but the superscript digits and fractions of Latin-1.
    static let onigurumaWord = word.intersection(ScalarSet([0x200c...0x200d]).inverted)
        .union(ScalarSet([0xb2...0xb3, 0xb9...0xb9, 0xbc...0xbe]))

    /// N of the newest version.
    static let numeric: ScalarSet = {
        ScalarSet(
            (UInt32(0)..<0x20000).compactMap { scalar in
                switch Unicode.Scalar(scalar)?.properties.generalCategory {
                case .decimalNumber, .letterNumber, .otherNumber: scalar...scalar
                default: nil
                }
            })
    }()
}
