/// A text as YAML writes it.
enum YAMLScalar {
    /// As it is where nobody could take it for anything else, else between quotes.
    static func text(_ text: String) -> String {
        let isName = text.wholeMatch(of: /(~\/|\.{0,2}\/)?[A-Za-z_][A-Za-z0-9_.\-\/]*/) != nil
        return isName && !reserved.contains(text.lowercased()) ? text : quoted(text)
    }

    /// Between double quotes, with escapes for what a YAML reader does not take as it is.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where isPlain(scalar): quoted.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return quoted + "\""
    }

    /// Words that are no texts without quotes.
    private static let reserved: Set = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7e, 0xa0...0x2027, 0x202a...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd: true
        case 0x10000...0x10ffff: scalar.value & 0xfffe != 0xfffe
        default: false
        }
    }
}
