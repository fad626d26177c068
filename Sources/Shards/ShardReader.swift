import CKernels
import CLZ4
public import Files
import Foundation
import Synchronization
public import Vectors

/// Reads `vectors.shard` through a mapping. The format is described at ``ShardFormat``.
///
/// 1. Opening verifies header, section table and parameters, and that all sections lie inside the file: no block is
///    read, whatever the file's size.
/// 2. A block is looked up in `offsets` (range-checked), verified against its checksum, and decoded by the bounded LZ4
///    decoder: a damaged file gives an error that names the byte, never wrong rows.
/// 3. One row is joined from its bit planes without its neighbors.
///
/// Reading is safe from any number of threads, each with a ``Scratch`` of its own. It does not know about ids.
public final class ShardReader: Sendable {
    /// Working memory for decoding, reused from call to call, for one thread at a time and any number of shards.
    ///
    /// Remembers how much of which block it holds, so that neighboring rows cost one decompression.
    public final class Scratch {
        fileprivate(set) var planes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        fileprivate(set) var rows = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        fileprivate var held = (shard: 0, block: 0, bytes: 0)

        /// Working memory that grows at its first use.
        public init() {}

        deinit {
            planes.deallocate()
            rows.deallocate()
        }

        func reserve(_ bytes: Int) {
            guard planes.count < bytes else { return }
            held.bytes = 0
            planes.deallocate()
            rows.deallocate()
            planes = .allocate(byteCount: bytes, alignment: 64)
            rows = .allocate(byteCount: bytes, alignment: 64)
        }
    }

    let file: SegmentFile
    let format: ShardFormat
    let blocks: Range<Int>
    let offsets: Range<Int>
    let crcs: Range<Int>
    /// Tells shards apart in a scratch that may outlive them.
    private let serial: Int
    private static let serials = Atomic<Int>(0)

    /// Maps the shard at `path`.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    public init(_ path: String) throws(BelfryError) {
        file = try SegmentFile(path, kind: .vectors, newest: ShardFormat.version)
        let parameters = try file.verifiedBytes(of: "params")
        format = try ShardFormat(parsing: parameters, file: path, base: file.range(of: "params").lowerBound)
        blocks = try file.entry("blocks", carriesOwnChecksums: true).range
        offsets = try file.entry("offsets").range
        crcs = try file.entry("crcs").range
        serial = Self.serials.add(1, ordering: .relaxed).newValue
        guard offsets.count % 8 == 0, offsets.count / 8 - 1 == format.blockCount else {
            throw .corrupt(
                "\(offsets.count) bytes of block offsets do not fit \(format.blockCount) blocks.",
                at: .byte(offsets.lowerBound, of: path))
        }
        guard crcs.count % 4 == 0, crcs.count / 4 == format.blockCount else {
            throw .corrupt(
                "\(crcs.count) bytes of block checksums do not fit \(format.blockCount) blocks.",
                at: .byte(crcs.lowerBound, of: path))
        }
    }

    /// Where the file was when it was opened.
    public var path: String { file.path }
    /// How many rows it holds.
    public var rowCount: Int { format.rowCount }
    /// Components per row.
    public var dimension: Int { format.dimension }
    /// How a component is stored.
    public var elementType: ElementType { format.elementType }
    /// Rows in every block but the last.
    public var rowsPerBlock: Int { format.rowsPerBlock }
    /// How many blocks hold the rows.
    public var blockCount: Int { format.blockCount }
    /// Bytes of one row of the element type.
    public var rowBytes: Int { format.rowBytes }
    /// The rows of one block.
    public func rows(ofBlock index: Int) -> Range<Int> { format.rows(ofBlock: index) }

    // MARK: statistics

    /// Bytes of all rows before compression.
    public var rawBytes: Int { rowCount * rowBytes }
    /// Bytes of the file.
    public var fileBytes: Int { file.file.bytes.count }
    /// How many times smaller the file is than the rows; 1 for no rows.
    public var ratio: Double { rowCount == 0 ? 1 : Double(rawBytes) / Double(fileBytes) }
    /// Bytes on disk per row, with everything that the file holds; 0 for no rows.
    public var bytesPerVector: Double { rowCount == 0 ? 0 : Double(fileBytes) / Double(rowCount) }
}

// MARK: blocks

extension ShardReader {
    /// Decodes block `index` into `target`, as the element type, and returns which rows it holds.
    ///
    /// `target` needs room for `rowsPerBlock * rowBytes` bytes (fewer for the last block). Nothing is allocated once
    /// `scratch` has been used with a shard of this block size.
    /// - Throws: `corruptData` with the byte offset of the block.
    @discardableResult
    public func decodeBlock(
        _ index: Int, into target: UnsafeMutableRawBufferPointer, _ scratch: Scratch
    ) throws(BelfryError) -> Range<Int> {
        let rows = rows(ofBlock: index)
        let raw = rows.count * rowBytes
        precondition(target.count >= raw, "room for the block's rows")
        if let stored = try load(index, upTo: raw, scratch) {
            target.copyMemory(from: stored)
        } else {
            belfry_bits_join(
                isa, elementType.size, rows.count, dimension, scratch.planes.baseAddress, target.baseAddress)
        }
        return rows
    }

    /// Decodes block `index` into `target`, widened to f32, and returns which rows it holds.
    ///
    /// `target` needs room for `rowsPerBlock * dimension` components (fewer for the last block).
    @discardableResult
    public func decodeBlock(
        _ index: Int, into target: UnsafeMutableBufferPointer<Float>, _ scratch: Scratch
    ) throws(BelfryError) -> Range<Int> {
        guard elementType != .f32 else {
            return try decodeBlock(index, into: UnsafeMutableRawBufferPointer(target), scratch)
        }
        scratch.reserve(format.blockBytes)
        let rows = try decodeBlock(index, into: scratch.rows, scratch)
        let count = rows.count * dimension
        precondition(target.count >= count, "room for the block's rows")
        elementType.widen(UnsafeRawPointer(scratch.rows.baseAddress!), to: target.baseAddress!, count: count)
        return rows
    }

    /// Verifies block `index` and brings at least the first `wanted` bytes of its bit planes into `scratch`; or returns
    /// the bytes of a block that is stored as its rows.
    ///
    /// The checksum is that of the whole block, so what is left undecoded is known to be good all the same.
    func load(_ index: Int, upTo wanted: Int, _ scratch: Scratch) throws(BelfryError) -> UnsafeRawBufferPointer? {
        scratch.reserve(format.blockBytes)
        if scratch.held.shard == serial, scratch.held.block == index, scratch.held.bytes >= wanted { return nil }
        let stored = try verifiedBlock(index)
        let raw = rows(ofBlock: index).count * rowBytes
        if stored.count == raw { return stored }
        scratch.held.bytes = 0
        let length =
            wanted < raw
            ? LZ4_decompress_safe_partial(
                stored.baseAddress, scratch.planes.baseAddress, Int32(stored.count), Int32(wanted), Int32(raw))
            : LZ4_decompress_safe(stored.baseAddress, scratch.planes.baseAddress, Int32(stored.count), Int32(raw))
        guard length >= wanted, length <= raw else {
            throw .corrupt("Block \(index) does not decode to its \(raw) bytes.", at: place(ofBlock: index))
        }
        scratch.held = (serial, index, Int(length))
        return nil
    }

    /// The bytes of block `index` as they are stored, inside the file and matching their checksum.
    func verifiedBlock(_ index: Int) throws(BelfryError) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < blockCount, "a block of this shard")
        let bytes = file.file.bytes
        let start = bytes.loadLittle(offsets.lowerBound + index * 8, as: UInt64.self)
        let end = bytes.loadLittle(offsets.lowerBound + index * 8 + 8, as: UInt64.self)
        let raw = rows(ofBlock: index).count * rowBytes
        guard start < end, end <= UInt64(blocks.count), end - start <= UInt64(raw) else {
            throw .corrupt(
                "Block \(index) is declared at \(start)..<\(end) of \(blocks.count) bytes of blocks.",
                at: .byte(offsets.lowerBound + index * 8, of: path))
        }
        let block = UnsafeRawBufferPointer(
            rebasing: bytes[blocks.lowerBound + Int(start)..<blocks.lowerBound + Int(end)])
        guard CRC32C.of(block) == bytes.loadLittle(crcs.lowerBound + index * 4, as: UInt32.self) else {
            throw .corrupt(
                "The \(block.count) bytes of block \(index) do not match their checksum.",
                at: .byte(blocks.lowerBound + Int(start), of: path))
        }
        return block
    }

    private func place(ofBlock index: Int) -> BelfryError.Location {
        let start = file.file.bytes.loadLittle(offsets.lowerBound + index * 8, as: UInt64.self)
        return .byte(blocks.lowerBound + Int(start), of: path)
    }

    var isa: belfry_isa { InstructionSet.current.isa }
}

extension UnsafeRawBufferPointer {
    /// The little-endian integer at `offset`, which is checked.
    func loadLittle<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
        precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
        return T(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}
