import Files
import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@Suite struct ShardTests {
    @Test(arguments: ElementType.allCases) func keepsEveryBit(type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            for dimension in [1, 2, 3, 7, 8, 9, 15, 16, 63, 64, 65, 100, 384, 768, 1100, 5000] {
                for rowsPerBlock in [nil, 1, 3, 32] {
                    let path = folder + "/\(dimension)"
                    let block = rowsPerBlock ?? max(1, 4096 / (dimension * type.size))
                    for count in Set([0, 1, 2, block - 1, block, block + 1, 2 * block + 1]) where count < 1500 {
                        let rows = randomRows(count, bytesEach: dimension * type.size, &random)
                        try writeShard(path, rows, dimension: dimension, type, rowsPerBlock: rowsPerBlock)
                        let reader = try ShardReader(path)
                        #expect(reader.rowCount == count && reader.dimension == dimension)
                        #expect(reader.elementType == type && reader.rowsPerBlock == block)
                        #expect(try readShard(reader) == rows, "\(type), \(dimension), \(count) rows, \(random)")
                        #expect(reader.check().isEmpty)
                        for row in Set([0, 1, count / 2, count - 1]) where row >= 0 && row < count {
                            let expected = rows[row * reader.rowBytes..<(row + 1) * reader.rowBytes]
                            #expect(try reader.rawRow(row).elementsEqual(expected))
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: ElementType.allCases) func readsRowsInAnyOrderThroughOneScratch(type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let dimension = 100
            let first = gaussianRows(200, dimension: dimension, type, &random)
            let second = randomRows(200, bytesEach: dimension * type.size, &random)
            try writeShard(folder + "/a", first, dimension: dimension, type, rowsPerBlock: 7)
            try writeShard(folder + "/b", second, dimension: dimension, type, rowsPerBlock: 64)
            let readers = [(try ShardReader(folder + "/a"), first), (try ShardReader(folder + "/b"), second)]
            let scratch = ShardReader.Scratch()
            var row = [UInt8](repeating: 0, count: dimension * type.size)
            for _ in 0..<2000 {
                let (reader, rows) = readers.randomElement(using: &random)!
                let index = Int.random(in: 0..<200, using: &random)
                try row.withUnsafeMutableBytes { try reader.copyRow(index, into: $0, scratch) }
                #expect(row.elementsEqual(rows[index * row.count..<(index + 1) * row.count]), "\(random)")
            }
        }
    }

    @Test(arguments: ElementType.allCases) func widensAndNarrows(type: ElementType) throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let dimension = 50
            let rows = (0..<103).map { _ in random.vector(dimension) }
            let writer = try ShardWriter(folder + "/v", dimension: dimension, elementType: type, rowsPerBlock: 10)
            for row in rows[..<20] { try writer.append(row) }
            try writer.append(Matrix(Array(rows[20...])))
            try writer.finish()
            let reader = try ShardReader(folder + "/v")
            let expected = rows.map { row in
                row.map { type == .f16 ? Float(Float16($0)) : type == .f32 ? $0 : brain($0) }
            }
            for range in [0..<103, 5..<5, 9..<31, 10..<20, 95..<103, 102..<103] {
                let matrix = try reader.rows(range)
                #expect(matrix.rows == range.count && matrix.columns == dimension)
                for (index, row) in range.enumerated() { #expect(matrix[index] == expected[row]) }
            }
            #expect(try reader.row(57) == expected[57])
        }
    }

    private func brain(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
    }

    @Test func bytesDoNotDependOnThreadsNorOnHowRowsArrive() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = gaussianRows(3001, dimension: 96, .f32, &random)
            try writeShard(folder + "/one", rows, dimension: 96, .f32)
            try writeShard(folder + "/three", rows, dimension: 96, .f32, threads: 3)
            let writer = try ShardWriter(folder + "/row", dimension: 96, elementType: .f32, threads: 2)
            for start in stride(from: 0, to: rows.count, by: 384) {
                try rows[start..<start + 384].withUnsafeBytes { try writer.append(raw: $0) }
            }
            try writer.finish()
            let expected = try contents(folder + "/one")
            #expect(try contents(folder + "/three") == expected)
            #expect(try contents(folder + "/row") == expected)
            let reader = try ShardReader(folder + "/one")
            #expect(reader.fileBytes == expected.count && reader.ratio > 1.05 && reader.ratio < 1.2)
            #expect(reader.bytesPerVector > 384 / 1.2 && reader.bytesPerVector < 384 / 1.05)
        }
    }

    @Test func manyThreadsReadOneShard() throws {
        var random = SeededGenerator()
        try withTemporaryDirectory { folder in
            let rows = gaussianRows(500, dimension: 64, .f32, &random)
            try writeShard(folder + "/v", rows, dimension: 64, .f32)
            let reader = try ShardReader(folder + "/v")
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                #expect((try? readShard(reader)) == rows)
            }
        }
    }

    @Test func refusesWhatItCannotKeep() throws {
        try withTemporaryDirectory { folder in
            for (dimension, rowsPerBlock) in [(0, nil), (-1, nil), (1 << 20 + 1, nil), (8, 0), (8, 1 << 40)] {
                let error = try failure {
                    _ = try ShardWriter(
                        folder + "/v", dimension: dimension, elementType: .f32, rowsPerBlock: rowsPerBlock)
                }
                #expect(error?.code == .invalidInput)
            }
            let writer = try ShardWriter(folder + "/v", dimension: 4, elementType: .f16)
            #expect(try failure { try writer.append([1, 2, 3]) }?.code == .invalidInput)
            #expect(try failure { try writer.append(Matrix(rows: 2, columns: 5)) }?.code == .invalidInput)
            try writer.append([1, 2, 3, .infinity])
            let large = try failure { try writer.append([1, 2, 70_000, 4]) }
            #expect(large?.message.contains("Component 2 of row 1") == true)
        }
    }

    @Test func anUnfinishedFileIsToldFromADamagedOne() throws {
        try withTemporaryDirectory { folder in
            do {
                let writer = try ShardWriter(folder + "/v", dimension: 1024, elementType: .f32)
                for _ in 0..<200 { try writer.append([Float](repeating: 1.5, count: 1024)) }
                var random = SeededGenerator()
                for _ in 0..<100 { try writer.append(random.vector(1024)) }
            }
            let error = try failure { _ = try ShardReader(folder + "/v") }
            #expect(error?.message.contains("never finished") == true)
            #expect(SegmentFile.check(folder + "/v").count == 1)
            #expect(try failure { _ = try ShardReader(folder + "/none") }?.code == .notFound)
        }
    }
}
