import Files
import Foundation

/// The nearest others of some rows of a table.
struct TablePiece {
    let rows: Int
    let k: Int
    /// The rows of the others, `k` for each row, nearest first; −1 where there are fewer.
    private(set) var numbers: [Int32]
    /// Their scores; NaN where there are fewer.
    private(set) var scores: [Float]

    init(rows: Int, k: Int) {
        (self.rows, self.k) = (rows, k)
        numbers = [Int32](repeating: -1, count: rows * k)
        scores = [Float](repeating: .nan, count: rows * k)
    }

    mutating func set(_ row: Int, _ rank: Int, _ number: Int32, _ score: Float) {
        (numbers[row * k + rank], scores[row * k + rank]) = (number, score)
    }
}

/// What a run has done of a table, in a file beside the one that it is to become: what the next run goes on from.
///
/// | bytes | content |
/// |---|---|
/// | 8 | `BELFTAB1` |
/// | 64 | SHA-256 of what the collection was, in hexadecimal |
/// | 64 | SHA-256 of what was asked |
/// | … | pieces of `pieceRows` rows, the last one shorter: `k` i32 for each row, `k` f32 for each row, and the CRC-32C of both |
///
/// Numbers are little-endian. One process at a time has the file: it is its own lock.
final class UnfinishedTable {
    /// Rows of a piece.
    static let pieceRows = 2_048
    private static let magic = Array("BELFTAB1".utf8)

    let beginning: SimilarTable.Beginning
    /// How many rows are done.
    private(set) var done: Int
    private let layout: TableLayout
    private let path: String
    private let lock: WriterLock
    private let writer: FileWriter

    /// Opens what an earlier run has left, or begins.
    /// - Parameters:
    ///   - target: the table.
    ///   - collection: the digest of what it is of; `request`: of what is asked.
    init(
        for target: String, rows: Int, k: Int, of collection: String, _ request: String
    ) throws(BelfryError) {
        path = target + ".unfinished"
        guard let lock = try WriterLock(path) else {
            throw BelfryError(
                .conflict, "Another process is at work on this table.", at: .init(file: path),
                remedy: "Wait for it, or write to another file.")
        }
        self.lock = lock
        let header = Self.magic + Array(collection.utf8) + Array(request.utf8)
        layout = TableLayout(rows: rows, k: k, start: header.count)
        (beginning, done) = try Self.look(at: path, header, layout)
        writer = try FileWriter(path, keeping: done > 0 ? layout.offset(ofRow: done) : 0)
        if done == 0 {
            try header.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
            try writer.flush()
        }
    }

    /// What is there, and how many rows of it are whole.
    private static func look(
        at path: String, _ header: [UInt8], _ layout: TableLayout
    ) throws(BelfryError) -> (SimilarTable.Beginning, Int) {
        guard try System.fileSize(path) > 0 else { return (.new, 0) }
        let file = try MappedFile(path, access: .sequential)
        return try withExtendedLifetime(file) { () throws(BelfryError) in
            let bytes = file.bytes
            let known = min(bytes.count, magic.count)
            guard bytes[..<known].elementsEqual(magic[..<known]) else {
                throw BelfryError(
                    .conflict, "This is no unfinished table, but something else.", at: .init(file: path),
                    remedy: "Move it away, or write the table to another file.")
            }
            guard bytes.count >= header.count else { return (.new, 0) }
            let middle = magic.count + 64
            guard bytes[..<middle].elementsEqual(header[..<middle]) else {
                return (.anew("the collection has changed"), 0)
            }
            guard bytes[middle..<header.count].elementsEqual(header[middle...]) else {
                return (.anew("something else was asked for"), 0)
            }
            var done = 0
            while done < layout.rows {
                let rows = layout.piece(at: done)
                let (start, end) = (layout.offset(ofRow: done), layout.offset(ofRow: rows.upperBound))
                guard end <= bytes.count else { break }
                let content = UnsafeRawBufferPointer(rebasing: bytes[start..<end - 4])
                let checksum = bytes.loadUnaligned(fromByteOffset: end - 4, as: UInt32.self)
                guard CRC32C.of(content) == UInt32(littleEndian: checksum) else { break }
                done = rows.upperBound
            }
            return done == 0 ? (.new, 0) : (.goingOn(rows: done), done)
        }
    }

    /// The rows of the next piece.
    var nextRows: Range<Int> { layout.piece(at: done) }

    /// Appends the next piece.
    func append(_ piece: TablePiece) throws(BelfryError) {
        precondition(piece.rows == nextRows.count && piece.k == layout.k)
        var checksum = CRC32C()
        for bytes in [
            piece.numbers.map { $0.littleEndian }.bytes, piece.scores.map { $0.bitPattern.littleEndian }.bytes,
        ] {
            try bytes.withBytes { bytes throws(BelfryError) in
                checksum.add(bytes)
                try writer.write(bytes)
            }
        }
        try writer.write(checksum.value)
        try writer.flush()
        done = nextRows.upperBound
    }

    /// All rows, once they are there.
    func content() throws(BelfryError) -> TableContent {
        precondition(done == layout.rows, "a table that is whole")
        return TableContent(try MappedFile(path), layout)
    }

    /// Removes the file, once nobody needs it.
    func remove() throws(BelfryError) { try System.remove(path) }
}

/// Where the pieces of an unfinished table lie.
struct TableLayout {
    let rows: Int
    let k: Int
    /// Where the first piece begins.
    let start: Int

    /// Bytes of a whole piece: every piece has all of its numbers before all of its scores.
    private var pieceBytes: Int { UnfinishedTable.pieceRows * k * 8 + 4 }

    /// The rows of the piece that begins with `row`.
    func piece(at row: Int) -> Range<Int> { row..<min(row + UnfinishedTable.pieceRows, rows) }

    /// Where the piece that begins with `row` begins; for the number of rows, where the file ends.
    func offset(ofRow row: Int) -> Int {
        let (pieces, rest) = row.quotientAndRemainder(dividingBy: UnfinishedTable.pieceRows)
        return start + pieces * pieceBytes + (rest > 0 ? rest * k * 8 + 4 : 0)
    }

    /// Where the numbers of a row are, and where its scores.
    func offsets(of row: Int) -> (numbers: Int, scores: Int) {
        let place = row % UnfinishedTable.pieceRows
        let piece = piece(at: row - place)
        let numbers = offset(ofRow: piece.lowerBound) + place * k * 4
        return (numbers, numbers + piece.count * k * 4)
    }
}

/// A table whose rows are all there.
struct TableContent {
    private let file: MappedFile
    let layout: TableLayout

    init(_ file: MappedFile, _ layout: TableLayout) { (self.file, self.layout) = (file, layout) }

    /// The nearest others of a row: their rows and scores, nearest first.
    func row(_ row: Int) -> [(number: Int, score: Float)] {
        let (numbers, scores) = layout.offsets(of: row)
        return withExtendedLifetime(file) {
            var others: [(number: Int, score: Float)] = []
            for rank in 0..<layout.k {
                let number = Int32(
                    littleEndian: file.bytes.loadUnaligned(fromByteOffset: numbers + 4 * rank, as: Int32.self))
                guard number >= 0 else { break }
                let score = file.bytes.loadUnaligned(fromByteOffset: scores + 4 * rank, as: UInt32.self)
                others.append((Int(number), Float(bitPattern: UInt32(littleEndian: score))))
            }
            return others
        }
    }

    /// The numbers, or the scores, of each piece, as they lie in the file.
    func forEachPiece(
        scores wanted: Bool, _ body: (UnsafeRawBufferPointer) throws(BelfryError) -> Void
    ) throws(BelfryError) {
        defer { withExtendedLifetime(file) {} }
        for first in stride(from: 0, to: layout.rows, by: UnfinishedTable.pieceRows) {
            let (numbers, scores) = layout.offsets(of: first)
            let start = wanted ? scores : numbers
            try body(UnsafeRawBufferPointer(rebasing: file.bytes[start..<start + scores - numbers]))
        }
    }
}

extension Array where Element: FixedWidthInteger {
    fileprivate var bytes: [UInt8] { withUnsafeBytes { Array<UInt8>($0) } }
}
