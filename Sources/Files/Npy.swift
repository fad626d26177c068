import Foundation

/// An array of numbers from a numpy file (`.npy`) or archive (`.npz`), mapped where that is possible.
public struct NpyArray: Sendable {
    /// What the elements are, by numpy's names without the byte order: `f4` is a 4-byte floating-point number.
    public enum Element: String, CaseIterable, Sendable {
        /// Floating-point numbers of 2, 4 and 8 bytes.
        case f2, f4, f8
        /// Signed integers of 1 to 8 bytes.
        case i1, i2, i4, i8
        /// Unsigned integers of 1 to 8 bytes.
        case u1, u2, u4, u8
        /// Booleans, a byte each.
        case b1

        /// Bytes per element.
        public var size: Int { Int(rawValue.utf8.last! - 48) }
    }

    /// The extent of every dimension; empty for a single number.
    public let shape: [Int]
    /// What the elements are.
    public let elementType: Element
    /// How many elements there are.
    public let count: Int
    /// Whether they lie row after row in the file (C order), and not column after column (Fortran order).
    public let isRowMajor: Bool
    /// The file, for errors.
    public let path: String
    private let content: ZipArchive.Content
    /// Where the first element is in the content.
    private let start: Int

    /// Maps the npy file at `path`.
    /// - Throws: `corruptData` with file and byte; `unsupported`, with how to save it instead, for Fortran order
    ///   of more than two extents, big-endian numbers, text, structures and pickled objects, which are never run.
    public init(_ path: String) throws(BelfryError) {
        let file = try MappedFile(path, access: .sequential)
        try self.init(.mapped(file, 0..<file.bytes.count), path: path)
    }

    init(_ content: ZipArchive.Content, path: String) throws(BelfryError) {
        self.path = path
        self.content = content
        let bytes = content.bytes
        var reader = ByteReader(bytes, file: path)
        let header = try withExtendedLifetime(content) { () throws(BelfryError) in try NpyHeader(&reader) }
        (shape, elementType, count) = (header.shape, header.element, header.count)
        isRowMajor = !header.isColumnMajor
        start = reader.offset
        let (needed, overflow) = count.multipliedReportingOverflow(by: elementType.size)
        guard !overflow, needed <= reader.remaining else {
            throw .corrupt(
                "An array of shape \(shape) has \(count) elements of \(elementType.size) bytes, but only "
                    + "\(reader.remaining) bytes are there.", at: reader.location)
        }
        // numpy reads only the first array of such a file; taking part of a file in silence is not for us.
        guard needed == reader.remaining else {
            throw .corrupt(
                "\(reader.remaining - needed) bytes follow the array of shape \(shape).",
                at: .byte(start + needed, of: path))
        }
    }

    /// How many rows there are: the first extent (1 for a single number).
    public var rows: Int { shape.first ?? 1 }

    /// Elements per row: the product of the other extents.
    public var columns: Int { shape.dropFirst().reduce(1, *) }

    /// Calls `body` with the elements' bytes: little-endian, in the order of the file (see ``isRowMajor``), without any
    /// particular alignment.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(content) {} }
        return try body(UnsafeRawBufferPointer(rebasing: content.bytes[start...]))
    }

    // MARK: as Swift arrays

    /// The elements as f32, row after row, whatever they are in the file: the nearest one where f32 cannot hold a value, infinity
    /// where it is too large.
    /// - Parameter range: which elements; all of them without it.
    public func floats(_ range: Range<Int>? = nil) -> [Float] {
        switch elementType {
        case .f2: map(range, of: UInt16.self) { Float(Float16(bitPattern: $0)) }
        case .f4: map(range, of: UInt32.self) { Float(bitPattern: $0) }
        case .f8: map(range, of: UInt64.self) { Float(Double(bitPattern: $0)) }
        case .i1: map(range, of: Int8.self) { Float($0) }
        case .i2: map(range, of: Int16.self) { Float($0) }
        case .i4: map(range, of: Int32.self) { Float($0) }
        case .i8: map(range, of: Int64.self) { Float($0) }
        case .u1: map(range, of: UInt8.self) { Float($0) }
        case .u2: map(range, of: UInt16.self) { Float($0) }
        case .u4: map(range, of: UInt32.self) { Float($0) }
        case .u8: map(range, of: UInt64.self) { Float($0) }
        case .b1: map(range, of: UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    /// The elements as f64, whatever they are in the file.
    /// - Parameter range: which elements; all of them without it.
    public func doubles(_ range: Range<Int>? = nil) -> [Double] {
        switch elementType {
        case .f2: map(range, of: UInt16.self) { Double(Float16(bitPattern: $0)) }
        case .f4: map(range, of: UInt32.self) { Double(Float(bitPattern: $0)) }
        case .f8: map(range, of: UInt64.self) { Double(bitPattern: $0) }
        case .i1: map(range, of: Int8.self) { Double($0) }
        case .i2: map(range, of: Int16.self) { Double($0) }
        case .i4: map(range, of: Int32.self) { Double($0) }
        case .i8: map(range, of: Int64.self) { Double($0) }
        case .u1: map(range, of: UInt8.self) { Double($0) }
        case .u2: map(range, of: UInt16.self) { Double($0) }
        case .u4: map(range, of: UInt32.self) { Double($0) }
        case .u8: map(range, of: UInt64.self) { Double($0) }
        case .b1: map(range, of: UInt8.self) { $0 == 0 ? 0 : 1 }
        }
    }

    /// The elements as integers.
    /// - Parameter range: which elements; all of them without it.
    /// - Throws: `invalidInput` if they are floating-point numbers, or above `Int.max`.
    public func integers(_ range: Range<Int>? = nil) throws(BelfryError) -> [Int] {
        switch elementType {
        case .f2, .f4, .f8:
            throw BelfryError(
                .invalidInput, "The elements are \(elementType.rawValue), but whole numbers are wanted here.",
                at: .init(file: path), remedy: "Save it as np.save(path, array.astype('<i8')).")
        case .i1: return map(range, of: Int8.self) { Int($0) }
        case .i2: return map(range, of: Int16.self) { Int($0) }
        case .i4: return map(range, of: Int32.self) { Int($0) }
        case .i8: return map(range, of: Int64.self) { Int($0) }
        case .u1: return map(range, of: UInt8.self) { Int($0) }
        case .u2: return map(range, of: UInt16.self) { Int($0) }
        case .u4: return map(range, of: UInt32.self) { Int($0) }
        case .b1: return map(range, of: UInt8.self) { $0 == 0 ? 0 : 1 }
        case .u8:
            let values = map(range, of: Int64.self) { Int($0) }
            guard let bad = values.firstIndex(where: { $0 < 0 }) else { return values }
            let element = (range?.lowerBound ?? 0) + bad
            throw BelfryError(
                .invalidInput, "Element \(element) is \(UInt64(bitPattern: Int64(values[bad]))), above 2^63 - 1.",
                at: .byte(start + 8 * element, of: path))
        }
    }

    /// Inlined into each use, so that the loop knows its types.
    @inline(__always)
    private func map<Stored: FixedWidthInteger, Value>(
        _ range: Range<Int>?, of type: Stored.Type, _ convert: (Stored) -> Value
    ) -> [Value] {
        let range = range ?? 0..<count
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements that are there")
        let size = MemoryLayout<Stored>.size
        let (rows, columns) = (rows, isRowMajor ? 0 : columns)
        return withBytes { bytes in
            [Value](unsafeUninitializedCapacity: range.count) { values, initialized in
                for index in 0..<range.count {
                    var element = range.lowerBound + index
                    if columns > 0 { element = element % columns * rows + element / columns }
                    let stored = bytes.loadUnaligned(fromByteOffset: element * size, as: Stored.self)
                    (values.baseAddress! + index).initialize(to: convert(Stored(littleEndian: stored)))
                }
                initialized = range.count
            }
        }
    }
}

extension ZipArchive.Content {
    /// The bytes; valid while the content is kept alive.
    var bytes: UnsafeRawBufferPointer {
        switch self {
        case .mapped(let file, let range): UnsafeRawBufferPointer(rebasing: file.bytes[range])
        case .owned(let owned): UnsafeRawBufferPointer(owned.bytes)
        }
    }
}
