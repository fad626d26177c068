/// The dictionary at the head of an npy file: a Python literal such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
///
/// | bytes | content |
/// |---|---|
/// | 6 | `\x93NUMPY` |
/// | 2 | format version: 1.0, 2.0 or 3.0 |
/// | 2 (1.0) or 4 | length of the dictionary |
/// | … | the dictionary: Latin-1 (3.0: UTF-8), padded with spaces to a multiple of 64, ended by a line feed |
///
/// Format: numpy.lib.format. Only what arrays of numbers need is understood: no structured types, no pickled objects.
struct NpyHeader {
    var element: NpyArray.Element
    var shape: [Int]
    /// How many elements the shape asks for.
    var count: Int
    /// Whether the elements lie column after column.
    var isColumnMajor: Bool

    /// More than any array of numbers needs.
    private static let longest = 1 << 20
    private static let maxDimensions = 64

    /// Reads the header; the reader is left at the first element.
    init(_ reader: inout ByteReader) throws(BelfryError) {
        let start = reader.location
        guard reader.remaining >= 8, try reader.read(bytes: 6, "the magic").elementsEqual([0x93] + Array("NUMPY".utf8))
        else { throw .corrupt("This is not an npy array: it does not begin with \\x93NUMPY.", at: start) }
        let (major, minor) = (try reader.read(UInt8.self, "the version"), try reader.read(UInt8.self, "the version"))
        guard (1...3).contains(major), minor == 0 else {
            throw BelfryError(
                .unsupported, "Its npy version is \(major).\(minor); 1.0, 2.0 and 3.0 are read.", at: start)
        }
        let length =
            major == 1
            ? Int(try reader.read(UInt16.self, "the header's length"))
            : Int(try reader.read(UInt32.self, "the header's length"))
        let place = reader.location
        guard length <= Self.longest else {
            throw .corrupt("The header would have \(length) bytes.", at: place)
        }
        var literal = PythonLiteral(try reader.read(bytes: length, "the header"), at: place)
        let fields = try literal.dictionary()
        guard case .text(let descr)? = fields["descr"], case .bool(let fortran)? = fields["fortran_order"],
            case .tuple(let shape)? = fields["shape"]
        else {
            throw .corrupt("The header lacks 'descr', 'fortran_order' or 'shape'.", at: place)
        }
        element = try Self.element(descr, at: place)
        self.shape = shape
        guard shape.count <= Self.maxDimensions else {
            throw .corrupt("The shape has \(shape.count) dimensions.", at: place)
        }
        // An empty array is bounded too, so that no product of its extents can overflow later.
        var product = 1
        for extent in shape where extent > 0 {
            let (larger, overflow) = product.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw .corrupt("The shape \(shape) is more than any file holds.", at: place) }
            product = larger
        }
        count = shape.contains(0) ? 0 : product
        // With one long dimension both orders are the same.
        isColumnMajor = fortran && shape.count(where: { $0 > 1 }) > 1 && count > 0
        guard !isColumnMajor || shape.count == 2 else {
            throw BelfryError(
                .unsupported, "The array of \(shape.count) extents is in Fortran order (the first one fastest).",
                at: place,
                remedy: "Save it row after row: np.save(path, np.ascontiguousarray(array)).")
        }
    }

    private static func element(_ descr: String, at place: BelfryError.Location) throws(BelfryError) -> NpyArray.Element
    {
        let name = String(descr.dropFirst())
        guard let element = NpyArray.Element(rawValue: name), let order = descr.first else {
            guard name.hasPrefix("O") else { throw unsupported("'\(descr)'", at: place) }
            // Only Python can take these apart, by running what the file says.
            throw BelfryError(
                .unsupported,
                "The elements are Python objects ('\(descr)'): rows of different lengths, or lists of arrays.",
                at: place, remedy: "Save one array of numbers: np.save(path, np.stack(array).astype('<f4')).")
        }
        guard order == "<" || (order == "|" && element.size == 1) else {
            throw BelfryError(
                .unsupported, "The elements are '\(descr)', which is not little-endian.", at: place,
                remedy: "Save it as np.save(path, array.astype('<\(name)')).")
        }
        return element
    }

    fileprivate static func unsupported(_ what: String, at place: BelfryError.Location) -> BelfryError {
        let known = NpyArray.Element.allCases.map(\.rawValue).joined(separator: ", ")
        return BelfryError(
            .unsupported, "The elements are \(what); read are \(known).", at: place,
            remedy: "Save it as np.save(path, array.astype('<f4')).")
    }
}

/// As much of Python's literals as an npy header holds: a dictionary of strings, booleans and tuples of integers.
private struct PythonLiteral {
    enum Value {
        case text(String)
        case bool(Bool)
        case tuple([Int])
    }

    private let bytes: UnsafeRawBufferPointer
    private let start: BelfryError.Location
    private var index = 0

    init(_ bytes: UnsafeRawBufferPointer, at start: BelfryError.Location) {
        self.bytes = bytes
        self.start = start
    }

    mutating func dictionary() throws(BelfryError) -> [String: Value] {
        var fields: [String: Value] = [:]
        try expect("{")
        while !take("}") {
            let key = try text()
            try expect(":")
            fields[key] = try value()
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard index == bytes.count else { throw malformed("something after the dictionary") }
        return fields
    }

    private mutating func value() throws(BelfryError) -> Value {
        skipSpace()
        if index < bytes.count, bytes[index] == UInt8(ascii: "'") || bytes[index] == UInt8(ascii: "\"") {
            return .text(try text())
        }
        if take("True") { return .bool(true) }
        if take("False") { return .bool(false) }
        if take("[") { throw NpyHeader.unsupported("structures", at: start) }
        try expect("(")
        var items: [Int] = []
        while !take(")") {
            items.append(try integer())
            if !take(",") {
                try expect(")")
                break
            }
        }
        return .tuple(items)
    }

    private mutating func integer() throws(BelfryError) -> Int {
        skipSpace()
        let first = index
        var value = 0
        while index < bytes.count, (48...57).contains(bytes[index]) {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int(bytes[index] - 48))
            guard !overflow, !carry else { throw malformed("an extent that no file can hold") }
            value = sum
            index += 1
        }
        guard index > first else { throw malformed("no whole number") }
        _ = take("L")  // Python 2 wrote long integers so
        return value
    }

    private mutating func text() throws(BelfryError) -> String {
        skipSpace()
        guard index < bytes.count, bytes[index] == UInt8(ascii: "'") || bytes[index] == UInt8(ascii: "\"") else {
            throw malformed("no string")
        }
        let quote = bytes[index]
        let first = index + 1
        guard let last = bytes[first...].firstIndex(of: quote) else { throw malformed("a string without an end") }
        index = last + 1
        return String(decoding: bytes[first..<last], as: UTF8.self)
    }

    private mutating func take(_ word: StaticString) -> Bool {
        skipSpace()
        let word = UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard bytes.count - index >= word.count, bytes[index..<index + word.count].elementsEqual(word) else {
            return false
        }
        index += word.count
        return true
    }

    private mutating func expect(_ word: StaticString) throws(BelfryError) {
        guard take(word) else { throw malformed("no '\(word)'") }
    }

    private mutating func skipSpace() {
        while index < bytes.count, bytes[index] == 32 || bytes[index] == 10 { index += 1 }
    }

    private func malformed(_ what: String) -> BelfryError {
        .corrupt("The header holds \(what) at its byte \(index).", at: start)
    }
}
