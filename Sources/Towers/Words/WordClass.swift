/// What a character is for the boundaries of words: the property Word_Break of UAX #29, as far as words need it.
///
/// The property is derived from others, as its standard derives it, and so follows the Unicode version of the Swift library.
/// Two things are as in CLDR's root locale rather than in the standard's table: a colon joins nothing. What the standard
/// leaves as single characters, ideographs, Hiragana, and the scripts of Southeast Asia, are words of one character each.
enum WordClass: UInt8 {
    case letter, hebrewLetter, katakana, numeric
    /// A letter that is a word by itself.
    case single
    /// `_` and the like.
    case joiner
    case middleOfLetters, middleOfNumbers, middleOfBoth, singleQuote, doubleQuote
    /// Goes with the character before.
    case extending
    case other

    /// The class of a character.
    static func of(_ scalar: Unicode.Scalar) -> WordClass {
        scalar.isASCII ? ascii[Int(scalar.value)] : beyondASCII(scalar)
    }

    private static let ascii: [WordClass] = (0..<128).map { value in
        switch UInt8(value) {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): .letter
        case UInt8(ascii: "0")...UInt8(ascii: "9"): .numeric
        case UInt8(ascii: "_"): .joiner
        case UInt8(ascii: ","), UInt8(ascii: ";"): .middleOfNumbers
        case UInt8(ascii: "."): .middleOfBoth
        case UInt8(ascii: "'"): .singleQuote
        case UInt8(ascii: "\""): .doubleQuote
        default: .other
        }
    }

    private static func beyondASCII(_ scalar: Unicode.Scalar) -> WordClass {
        switch scalar.value {
        case 0xb7, 0x387, 0x55f, 0x5f4, 0x2027, 0xfe13, 0xfe55, 0xff1a: return .middleOfLetters
        case 0x37e, 0x589, 0x60c, 0x60d, 0x66c, 0x7f8, 0x2044, 0xfe10, 0xfe14, 0xfe50, 0xfe54, 0xff0c, 0xff1b:
            return .middleOfNumbers
        case 0x2018, 0x2019, 0x2024, 0xfe52, 0xff07, 0xff0e: return .middleOfBoth
        // A Hebrew sign that makes letters, and the Arabic decimal point.
        case 0x5f3: return .letter
        case 0x66b: return .numeric
        case 0x200c, 0x200d: return .extending
        case 0x200b: return .other
        case 0x5d0...0x5ea, 0x5ef...0x5f2, 0xfb1d, 0xfb1f...0xfb28, 0xfb2a...0xfb4f: return .hebrewLetter
        case 0x3031...0x3035, 0x309b, 0x309c, 0x30a0...0x30fa, 0x30fc...0x30ff, 0x31f0...0x31ff, 0x32d0...0x32fe,
            0x3300...0x3357, 0xff66...0xff9d:
            return .katakana
        // Half-width sound marks of Katakana.
        case 0xff9e, 0xff9f: return .extending
        // Thai, Lao, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Tai Viet; Hiragana.
        case 0xe00...0xeff, 0x1000...0x109f, 0x1780...0x17ff, 0x1950...0x19ff, 0x1a20...0x1aaf, 0xa9e0...0xa9ff,
            0xaa60...0xaadf, 0x3041...0x3096, 0x309d...0x309f:
            return ofScriptWithoutSpaces(scalar)
        default: break
        }
        let properties = scalar.properties
        switch properties.generalCategory {
        case .spacingMark, .nonspacingMark, .enclosingMark: return .extending
        case .format: return .extending
        case .connectorPunctuation: return .joiner
        case .decimalNumber: return .numeric
        case .otherNumber where !properties.isAlphabetic: return .single
        default: break
        }
        if properties.isGraphemeExtend { return .extending }
        guard properties.isAlphabetic else { return .other }
        return properties.isIdeographic ? .single : .letter
    }

    private static func ofScriptWithoutSpaces(_ scalar: Unicode.Scalar) -> WordClass {
        switch scalar.properties.generalCategory {
        case .spacingMark, .nonspacingMark, .enclosingMark: .extending
        case .decimalNumber: .numeric
        case .otherLetter, .modifierLetter, .otherNumber: .single
        default: .other
        }
    }
}
