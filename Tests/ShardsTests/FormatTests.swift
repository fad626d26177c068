import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Shards

/// Files that format 1 wrote, committed: they must open for ever, and format 1 must go on writing them.
///
/// `write(to:)` made them; making them anew is right only before the first release of the format.
@Suite struct FormatTests {
    private static let folder = TestData.root + "/Tests/ShardsTests/Fixtures"
    private static let ids: [PointID] = [
        .number(0), .number(.max), .uuid(UUID(uuidString: "936DA01F-9ABD-4D9D-80C7-02AF85C822A8")!), .number(258),
    ]

    /// Four blocks: one that compresses, two of noise that are stored as they are, one shorter that compresses.
    private static let rows: [UInt8] = {
        var random = SeededGenerator(seed: 1)
        let smooth: [UInt8] = (0..<2 * 36).flatMap { [UInt8($0 % 7), 0, 0xc0, 0x3d] }
        let noise = (0..<4 * 36 * 4).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        return smooth + noise + [UInt8](repeating: 0x7f, count: 36 * 4)
    }()

    private static func write(to folder: String) throws {
        try writeShard(folder + "/format1.shard", rows, dimension: 36, .f32, rowsPerBlock: 2)
        let writer = try IDsWriter(folder + "/format1.ids")
        for id in ids { try writer.append(id) }
        try writer.finish()
    }

    @Test func format1OpensAndReadsAsItWasWritten() throws {
        let reader = try ShardReader(Self.folder + "/format1.shard")
        #expect(reader.rowCount == 7 && reader.dimension == 36 && reader.elementType == .f32)
        #expect(reader.rowsPerBlock == 2 && reader.blockCount == 4)
        #expect(try readShard(reader) == Self.rows)
        #expect(try reader.row(0)[3] == Float(bitPattern: 0x3dc0_0003))
        let ids = try IDsReader(Self.folder + "/format1.ids")
        #expect(try (0..<ids.count).map { try ids.id($0) } == Self.ids)
        for name in ["/format1.shard", "/format1.ids"] { #expect(SegmentFile.check(Self.folder + name).isEmpty) }
    }

    /// All but the compressed blocks, whose bytes are the business of the LZ4 library's version, and what follows
    /// from their length.
    @Test func format1IsStillWritten() throws {
        try withTemporaryDirectory { folder in
            try Self.write(to: folder)
            #expect(try contents(folder + "/format1.ids") == contents(Self.folder + "/format1.ids"))
            let (old, new) = (
                try SegmentFile(Self.folder + "/format1.shard"), try SegmentFile(folder + "/format1.shard")
            )
            #expect(old.kind == new.kind && old.version == new.version)
            #expect(old.sections.map(\.name) == ["blocks", "offsets", "crcs", "params"])
            #expect(new.sections.map(\.name) == old.sections.map(\.name))
            #expect(try new.bytes(of: "params").elementsEqual(old.bytes(of: "params")))
            let (oldShard, newShard) = (try ShardReader(old.path), try ShardReader(new.path))
            for block in 0..<4 {
                let (was, now) = (try oldShard.verifiedBlock(block), try newShard.verifiedBlock(block))
                let stored = was.count == oldShard.rows(ofBlock: block).count * 144
                #expect(stored == (block == 1 || block == 2))
                #expect(stored ? now.elementsEqual(was) : now.count < newShard.rows(ofBlock: block).count * 144)
            }
            #expect(try readShard(newShard) == Self.rows)
        }
    }

    /// The first bytes of the committed file, field by field, as the documentation describes them.
    @Test func theHeaderIsWhereTheDocumentationSays() throws {
        let bytes = try contents(Self.folder + "/format1.shard")
        #expect(bytes.starts(with: Array("BELFRYSFvectors\0".utf8) + [1, 0, 0, 0, 4, 0, 0, 0]))
        #expect(bytes.withUnsafeBytes { $0.loadLittle(24, as: UInt64.self) } == UInt64(bytes.count))
        #expect(bytes[36..<64].allSatisfy { $0 == 0 })
        #expect(bytes[64..<72].elementsEqual(Array("blocks\0\0".utf8)))
        #expect(bytes.withUnsafeBytes { $0.loadLittle(72, as: UInt64.self) } == 192)
        #expect(
            bytes.suffix(24).elementsEqual([7, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0]))
    }
}
