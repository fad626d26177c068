import Foundation
import Shards
import TestSupport
import Testing
import Vectors

@Suite struct ShardTests {
    @Test func keepsRows() throws {
        try withTemporaryDirectory { folder in
            let writer = try ShardWriter(folder + "/v", dimension: 384, elementType: .f32)
            var random = SeededGenerator()
            let rows = (0..<101).map { _ in random.vector(384) }
            for row in rows { try writer.append(row) }
            try writer.finish()
            let reader = try ShardReader(folder + "/v")
            for (index, row) in rows.enumerated() { #expect(try reader.row(index) == row) }
            #expect(reader.check().isEmpty)
        }
    }
}
