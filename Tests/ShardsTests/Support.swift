import Files
import Foundation
import TestSupport
import Vectors

@testable import Shards

/// Random rows of an element type, with what a lossless store must not touch: zeros, constants, NaN payloads, -0.
func randomRows(_ count: Int, bytesEach: Int, _ random: inout SeededGenerator) -> [UInt8] {
    var rows: [UInt8] = []
    rows.reserveCapacity(count * bytesEach)
    for _ in 0..<count {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: rows += (0..<bytesEach).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 1: rows += [UInt8](repeating: 0, count: bytesEach)
        case 2: rows += (0..<bytesEach).map { [0x00, 0x00, 0x01, 0x80, 0xc1, 0x7f, 0xff, 0xff][$0 % 8] }
        default: rows += (0..<bytesEach).map { $0 % 2 == 0 ? UInt8.random(in: 0...255, using: &random) : 0x3d }
        }
    }
    return rows
}

/// Gaussian rows as bytes of `type`: they compress as embeddings do.
func gaussianRows(_ count: Int, dimension: Int, _ type: ElementType, _ random: inout SeededGenerator) -> [UInt8] {
    let wide = random.vector(count * dimension)
    var rows = [UInt8](repeating: 0, count: count * dimension * type.size)
    wide.withUnsafeBytes { wide in
        rows.withUnsafeMutableBytes { rows in
            guard let target = rows.baseAddress, let source = wide.baseAddress else { return }
            type.narrow(source, to: target, count: count * dimension)
        }
    }
    return rows
}

/// Writes a shard of raw rows.
func writeShard(
    _ path: String, _ rows: [UInt8], dimension: Int, _ type: ElementType, rowsPerBlock: Int? = nil, threads: Int = 1
) throws {
    let writer = try ShardWriter(
        path, dimension: dimension, elementType: type, rowsPerBlock: rowsPerBlock, threads: threads)
    try rows.withUnsafeBytes { try writer.append(raw: $0) }
    try writer.finish()
}

/// All rows of a shard, block by block.
func readShard(_ reader: ShardReader) throws -> [UInt8] {
    let scratch = ShardReader.Scratch()
    var rows = [UInt8](repeating: 0, count: reader.rawBytes)
    try rows.withUnsafeMutableBytes { rows in
        for block in 0..<reader.blockCount {
            let start = reader.rows(ofBlock: block).lowerBound * reader.rowBytes
            let end = reader.rows(ofBlock: block).upperBound * reader.rowBytes
            let found = try reader.decodeBlock(
                block, into: UnsafeMutableRawBufferPointer(rebasing: rows[start..<end]), scratch)
            precondition(found == reader.rows(ofBlock: block))
        }
    }
    return rows
}

/// The whole content of a file.
func contents(_ path: String) throws -> [UInt8] { Array(try System.read(path)) }

/// Replaces a file. Not in place: a mapping of the old one stays whole.
func replace(_ path: String, _ bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
}

/// Makes the checksum of header and table right again, so that a hostile field reaches its own check.
func resealed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    let count = min(Int(bytes[20]) | Int(bytes[21]) << 8, (bytes.count - 64) / 32)
    let crc = bytes.withUnsafeBytes {
        SegmentFile.tableChecksum(UnsafeRawBufferPointer(rebasing: $0[..<(64 + 32 * count)]))
    }
    bytes.put(crc, at: 32)
    return bytes
}

extension [UInt8] {
    /// Overwrites a little-endian integer.
    mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        Swift.withUnsafeBytes(of: value.littleEndian) { replaceSubrange(offset..<offset + $0.count, with: $0) }
    }
}

/// Runs `body` and returns the Belfry error that it throws, if it throws one.
func failure(_ body: () throws -> Void) throws -> BelfryError? {
    do {
        try body()
        return nil
    } catch let error as BelfryError {
        return error
    }
}
