import Belfry
import Files
import Foundation

/// What the cells of one column are, over all rows of a file. Its size does not grow with the file.
///
/// 1. Each cell is tried with the payload types that all cells before it fit: what no build refuses is seen here, by the
///    very conversions that a build makes.
/// 2. A cell such as `NA`, which programs write where nothing is, is set aside and counted.
/// 3. How many words texts have, what separates lists and such is estimated from the first 2,000 cells that hold something.
struct ColumnProfile: Sendable {
    /// A cell that no longer let a type be.
    struct Misfit: Sendable {
        let line: Int
        let text: String
    }

    /// The header, or the name of the JSON field; nil for a column without.
    let header: String?
    /// How the file finds it.
    let reference: ColumnReference
    /// The words of the header.
    let name: ColumnName

    /// Cells that hold something; those that are set aside are not among them.
    private(set) var filled = 0
    /// Texts that mean nothing, with how often they stand there.
    private(set) var missing: [String: Int] = [:]
    /// For each type that not all cells fit, the first that does not.
    private(set) var misfits: [PayloadType: Misfit] = [:]
    private(set) var misfitDate: Misfit?
    /// The words that stand for yes and no, as long as there are no others.
    private(set) var answers: Set<String> = []
    /// The values with how often each is there; nil where there are many, or long ones.
    private(set) var values: [UTF8Key: Int]? = [:]
    private(set) var distinct = DistinctSketch()
    private(set) var range: ClosedRange<Double>?
    private(set) var longest = 0
    /// Cells that are a list of plain values in brackets; lists or objects of others; neither.
    private(set) var lists = 0
    private(set) var structures = 0
    private(set) var links = 0
    private(set) var pictures = 0
    private(set) var sample = TextSample()

    init(header: String?, reference: ColumnReference) {
        (self.header, self.reference, name) = (header, reference, ColumnName(header ?? ""))
    }

    /// The types that are tried.
    private static let tried: [PayloadType] = [.integer, .number, .boolean, .string]
    private static let mostValues = 300

    /// Takes a cell that is not empty.
    mutating func add(_ value: JSON, line: Int) {
        let text = value.string ?? value.text()
        if value.string != nil {
            guard !text.isBlank else { return }
            if text.utf8.count <= 5, Self.nothing.contains(text) {
                missing[text, default: 0] += 1
                return
            }
        }
        filled += 1
        longest = max(longest, text.utf8.count)
        distinct.add(text)
        count(text)
        test(value, text, line)
        lookInside(value, text)
    }

    /// What programs write where nothing is.
    static let nothing: Set = [
        "NA", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "-", "--", "?", "#N/A", "\\N",
        "nil",
    ]

    private mutating func count(_ text: String) {
        guard values != nil else { return }
        guard text.utf8.count <= 80 else { return values = nil }
        values?[UTF8Key(text), default: 0] += 1
        if values?.count ?? 0 > Self.mostValues { values = nil }
    }

    private mutating func test(_ value: JSON, _ text: String, _ line: Int) {
        for type in Self.tried where misfits[type] == nil {
            let mayFit = type == .string || type == .boolean || Self.isNumberAsWritten(text)
            guard mayFit, let converted = try? type.convert(value, field: "") else {
                misfits[type] = Misfit(line: line, text: text)
                continue
            }
            switch type {
            case .number:
                guard let number = converted.number else { break }
                range = range.map { min($0.lowerBound, number)...max($0.upperBound, number) } ?? number...number
            case .boolean: answers.insert(text.trimmed.lowercased())
            default: break
            }
        }
        if misfitDate == nil, text.utf8.count < 8 || !text.contains("-") || Timestamp(text) == nil {
            misfitDate = Misfit(line: line, text: text)
        }
    }

    /// Whether a number says all of the text: `007` and `+49 30` are names made of digits.
    private static func isNumberAsWritten(_ text: String) -> Bool {
        let digits = text.trimmed.utf8.drop { $0 == UInt8(ascii: "-") }
        guard let first = digits.first, first == UInt8(ascii: ".") || (48...57).contains(first) else { return false }
        return first != 48 || digits.count == 1 || !(48...57).contains(digits.dropFirst().first ?? 0)
    }

    private mutating func lookInside(_ value: JSON, _ text: String) {
        var inside: JSON? = value
        if value.string != nil {
            let trimmed = text.trimmed
            let ends = (trimmed.utf8.first, trimmed.utf8.last)
            let isBracketed =
                ends == (UInt8(ascii: "["), UInt8(ascii: "]")) || ends == (UInt8(ascii: "{"), UInt8(ascii: "}"))
            inside = isBracketed ? PayloadType.structure(trimmed) : nil
        }
        switch inside {
        case .array(let elements) where elements.allSatisfy({ $0.array == nil && $0.names.isEmpty && $0 != [:] }):
            lists += 1
        case .array, .object: structures += 1
        default: break
        }
        if text.hasPrefix("http://") || text.hasPrefix("https://") || text.hasPrefix("//") {
            links += 1
            if Self.isPicture(text) { pictures += 1 }
        }
        sample.add(text)
    }

    private static func isPicture(_ link: String) -> Bool {
        let path = link.prefix { $0 != "?" && $0 != "#" }.lowercased()
        return [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".bmp"].contains { path.hasSuffix($0) }
    }
}

/// Figures of the first texts of a column.
struct TextSample: Sendable {
    private(set) var count = 0
    /// Texts with a letter.
    private(set) var withLetters = 0
    private var withDigits = 0
    private var words = 0
    private var bytes = 0
    /// For each separator of lists: texts that have it, and the parts of all texts.
    private(set) var separated: [String: (texts: Int, parts: Int)] = [:]
    /// Some of the texts, cut.
    private(set) var texts: [String] = []

    static let separators = ["|", ";", ","]
    private static let size = 2_000

    mutating func add(_ text: String) {
        guard count < Self.size else { return }
        count += 1
        let start = text.unicodeScalars.prefix(4_000)
        bytes += start.count
        if start.contains(where: \.properties.isAlphabetic) { withLetters += 1 }
        if start.contains(where: { (48...57).contains($0.value) }) { withDigits += 1 }
        words += start.split { $0.properties.isWhitespace }.count
        for separator in Self.separators {
            let parts = start.split(separator: separator.unicodeScalars.first!).count
            let before = separated[separator] ?? (0, 0)
            separated[separator] = (before.texts + (parts > 1 ? 1 : 0), before.parts + max(1, parts))
        }
        if texts.count < 100 { texts.append(String(String.UnicodeScalarView(start.prefix(400)))) }
    }

    var meanWords: Double { count == 0 ? 0 : Double(words) / Double(count) }
    var meanLength: Double { count == 0 ? 0 : Double(bytes) / Double(count) }
    /// The share of texts with a digit.
    var digits: Double { count == 0 ? 0 : Double(withDigits) / Double(count) }
    /// The share of texts with a letter.
    var letters: Double { count == 0 ? 0 : Double(withLetters) / Double(count) }

    /// Characters and words of a part, on average, if `separator` separated parts; and the share of texts that have it.
    func parts(_ separator: String) -> (length: Double, words: Double, share: Double) {
        guard count > 0, let (texts, parts) = separated[separator], parts > 0 else { return (0, 0, 0) }
        return (Double(bytes) / Double(parts), Double(words) / Double(parts), Double(texts) / Double(count))
    }
}
