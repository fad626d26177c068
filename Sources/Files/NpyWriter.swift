/// Writes a two-dimensional f32 array row by row; how many rows there are need not be known before the end.
///
/// The header says 0 rows until `finish` patches it, so that a file which was not finished is refused by readers that
/// compare it with the file's size (as `NpyArray` does). Not safe to share between threads.
public final class NpyWriter {
    /// Where the file is.
    public var path: String { writer.path }
    /// Numbers per row.
    public let columns: Int
    /// How many rows were appended.
    public private(set) var rows = 0
    private let writer: FileWriter

    /// Creates the file, or replaces the one that is there.
    /// - Parameter isNew: whether something there is an error.
    public init(_ path: String, columns: Int, isNew: Bool = false) throws(BelfryError) {
        precondition(columns >= 0)
        self.columns = columns
        writer = try FileWriter(path, isNew: isNew)
        try Self.header(rows: 0, columns: columns).withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
    }

    /// Appends one or more rows.
    public func append(_ numbers: UnsafeBufferPointer<Float>) throws(BelfryError) {
        precondition(columns > 0 && numbers.count % columns == 0, "whole rows of \(columns) numbers")
        try writer.write(UnsafeRawBufferPointer(numbers))
        rows += numbers.count / columns
    }

    /// Appends one or more rows.
    public func append(_ numbers: [Float]) throws(BelfryError) {
        try numbers.withUnsafeBufferPointer { buffer throws(BelfryError) in try append(buffer) }
    }

    /// Writes the number of rows into the header, and makes the file survive a power cut.
    public func finish() throws(BelfryError) {
        let header = Self.header(rows: rows, columns: columns)
        try header.withBytes { bytes throws(BelfryError) in try writer.overwrite(bytes, at: 0) }
        try writer.finish()
    }

    /// A version 1.0 header of 128 bytes: the longest numbers fit, and the rows begin at a multiple of 64.
    static func header(rows: Int, columns: Int) -> [UInt8] { header("<f4", [rows, columns]) }

    /// The same for elements and a shape of one or two extents.
    static func header(_ elements: String, _ shape: [Int]) -> [UInt8] {
        let size = 128
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text = "{'descr': '\(elements)', 'fortran_order': False, 'shape': (\(extents)), }"
        var header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(size - 10), 0] + Array(text.utf8)
        header += [UInt8](repeating: 32, count: size - 1 - header.count) + [10]
        return header
    }
}
