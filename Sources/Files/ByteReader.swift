/// Reads little-endian values from bytes, one after another, and cannot read past their end.
///
/// Every read is checked against the end, so a hostile length ends in a `corruptData` error that names file and
/// offset. The bytes must outlive the reader.
public struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private let base: Int
    /// The next byte to read, counted from the start of `bytes`.
    public private(set) var offset = 0

    /// A reader of `bytes`, which begin at byte `base` of `file`.
    public init(_ bytes: UnsafeRawBufferPointer, file: String, base: Int = 0) {
        self.bytes = bytes
        self.file = file
        self.base = base
    }

    /// How many bytes are left.
    public var remaining: Int { bytes.count - offset }

    /// The reader's place, for an error.
    public var location: BelfryError.Location { .byte(base + offset, of: file) }

    /// The next `count` bytes.
    public mutating func read(bytes count: Int, _ what: String) throws(BelfryError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            throw .corrupt("\(what) needs \(count) bytes, but only \(remaining) are left.", at: location)
        }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    /// The next little-endian integer.
    public mutating func read<T: FixedWidthInteger>(_ type: T.Type, _ what: String) throws(BelfryError) -> T {
        T(littleEndian: try read(bytes: MemoryLayout<T>.size, what).loadUnaligned(as: T.self))
    }

    /// The next little-endian integer as an `Int`; a value that does not fit is corrupt.
    public mutating func readCount<T: FixedWidthInteger>(_ type: T.Type, _ what: String) throws(BelfryError) -> Int {
        let place = location
        let value = try read(type, what)
        guard let count = Int(exactly: value), count >= 0 else {
            throw .corrupt("\(what) is \(value), which no file can hold.", at: place)
        }
        return count
    }

    /// Moves to byte `target` of the bytes.
    public mutating func seek(to target: Int, _ what: String) throws(BelfryError) {
        guard target >= 0, target <= bytes.count else {
            throw .corrupt("\(what) would begin at byte \(target) of \(bytes.count).", at: location)
        }
        offset = target
    }
}

extension Array {
    /// The elements' bytes. As `withUnsafeBytes`, with a typed error.
    @inlinable
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBufferPointer { elements throws(Failure) in try body(UnsafeRawBufferPointer(elements)) }
    }
}
