import ArgumentParser
import Files
import Foundation
import Shards
import Vectors

/// How small a shard gets, and how fast it is read again: element types against block sizes, on real vectors.
@main
struct ShardBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the compression and the decoding speed of shards.",
        discussion: "swift run --package-path Benchmarks -c release ShardBenchmark embeddings.npy")

    @Argument(help: "An npy file of f32 vectors, one per row.") var vectors: String
    @Option(help: "Block sizes in KiB.") var blocks: [Int] = [4, 16, 64]
    @Option(help: "How often each shard is decoded; configurations alternate.") var rounds = 15
    @Flag(help: "Print JSON.") var json = false

    /// One configuration with what was measured.
    struct Line: Codable {
        var element: ElementType
        var blockKiB: Int
        var ratio: Double
        var bytesPerVector: Double
        var writeRowsPerSecond: Double
        var decodeGBps: Double
        var decodeSpread: [Double]
        var rowMicroseconds: Double
    }

    func run() throws {
        let array = try NpyArray(vectors)
        let matrix = Matrix(rows: array.rows, columns: array.columns)
        for row in 0..<matrix.rows {
            _ = matrix.row(row).update(fromContentsOf: array.floats(row * matrix.columns..<(row + 1) * matrix.columns))
        }
        let folder = NSTemporaryDirectory() + "belfry-shards-\(getpid())"
        try System.createDirectory(folder)
        defer { try? System.remove(folder) }

        var lines: [Line] = []
        var readers: [ShardReader] = []
        for element in ElementType.allCases {
            for kib in blocks {
                let path = "\(folder)/\(element)-\(kib).shard"
                let rows = max(1, kib * 1024 / (matrix.columns * element.size))
                let start = ContinuousClock.now
                let writer = try ShardWriter(
                    path, dimension: matrix.columns, elementType: element, rowsPerBlock: rows)
                try writer.append(matrix)
                try writer.finish()
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                let reader = try ShardReader(path)
                readers.append(reader)
                lines.append(
                    Line(
                        element: element, blockKiB: kib, ratio: reader.ratio, bytesPerVector: reader.bytesPerVector,
                        writeRowsPerSecond: Double(matrix.rows) / seconds, decodeGBps: 0, decodeSpread: [],
                        rowMicroseconds: 0))
            }
        }
        for _ in 0..<rounds {
            for (index, reader) in readers.enumerated() {
                lines[index].decodeSpread.append(try Self.decodeSpeed(reader))
            }
        }
        for (index, reader) in readers.enumerated() {
            lines[index].decodeSpread.sort()
            lines[index].decodeGBps = lines[index].decodeSpread[rounds / 2]
            lines[index].decodeSpread = [lines[index].decodeSpread.first!, lines[index].decodeSpread.last!]
            lines[index].rowMicroseconds = try Self.rowTime(reader)
        }
        try report(lines, matrix)
    }

    /// Bytes of the element type per second, checksums verified, on one thread.
    private static func decodeSpeed(_ reader: ShardReader) throws -> Double {
        let scratch = ShardReader.Scratch()
        let target = UnsafeMutableRawBufferPointer.allocate(
            byteCount: reader.rowsPerBlock * reader.rowBytes, alignment: 64)
        defer { target.deallocate() }
        let start = ContinuousClock.now
        for block in 0..<reader.blockCount { try reader.decodeBlock(block, into: target, scratch) }
        return Double(reader.rawBytes) / ((ContinuousClock.now - start) / .seconds(1)) / 1e9
    }

    /// Microseconds to read one row at random.
    private static func rowTime(_ reader: ShardReader) throws -> Double {
        let scratch = ShardReader.Scratch()
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: reader.rowBytes, alignment: 64)
        defer { target.deallocate() }
        let reads = 20_000
        var row = 0
        let start = ContinuousClock.now
        for _ in 0..<reads {
            row = (row + 7_919) % reader.rowCount
            try reader.copyRow(row, into: target, scratch)
        }
        return (ContinuousClock.now - start) / .microseconds(reads)
    }

    private func report(_ lines: [Line], _ matrix: Matrix) throws {
        if json {
            print(String(decoding: try JSONEncoder().encode(lines), as: UTF8.self))
            return
        }
        print("\(matrix.rows) × \(matrix.columns), \(InstructionSet.current), one thread, median of \(rounds) rounds")
        print("element  block   ratio  B/vector   write rows/s  decode GB/s (spread)   one row µs")
        for line in lines {
            print(
                String(
                    format: "%-7@  %2d KiB  %.3f  %8.1f  %13.0f  %6.2f (%.2f–%.2f)  %11.2f",
                    "\(line.element)" as NSString,
                    line.blockKiB, line.ratio, line.bytesPerVector, line.writeRowsPerSecond, line.decodeGBps,
                    line.decodeSpread[0], line.decodeSpread[1], line.rowMicroseconds))
        }
    }
}
