import Foundation
import TestSupport
import Testing

@testable import Files

@Suite struct MemoryLimitTests {
    /// Of the group and those around it the least counts; a group without a limit says nothing.
    @Test func theLeastOfNestedGroupsCounts() throws {
        try withTemporaryDirectory { root in
            func write(_ text: String, _ path: String) throws {
                let url = URL(fileURLWithPath: root + path)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url)
            }
            try write("9223372036854771712\n", "/memory/memory.limit_in_bytes")
            try write("5000\n", "/memory/a/memory.limit_in_bytes")
            try write("7000\n", "/memory/a/b/memory.limit_in_bytes")
            try write("max\n", "/memory.max")
            try write("3000\n", "/c/memory.max")
            func limit(_ groups: String) -> Int { System.memoryLimit(groups: groups, root: root) }
            #expect(limit("9:cpu:/x\n4:memory:/a/b\n") == 5_000)
            #expect(limit("4:memory:/\n") == 9_223_372_036_854_771_712)
            #expect(limit("0::/c\n") == 3_000)
            #expect(limit("0::/\n") == .max)
            #expect(limit("nonsense\n\n::") == .max)
        }
    }

    @Test func thisProcessHasSome() { #expect(System.memoryLimit > 1 << 20) }
}
