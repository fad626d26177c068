import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

@Suite struct SafetensorsTests {
    private func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> Data {
        var bytes = Data()
        withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header.utf8)
        bytes.append(contentsOf: (0..<data).map { UInt8(truncatingIfNeeded: $0) })
        return bytes
    }

    private func entry(_ name: String, _ type: String, _ shape: String, _ offsets: String) -> String {
        "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }

    @Test func hostileFilesAreRefusedWithTheTensorsName() throws {
        func one(_ type: String, _ shape: String, _ offsets: String) -> String {
            "{" + entry("x", type, shape, offsets) + "}"
        }
        let good = entry("a", "F32", "[2]", "[0,8]")
        let cases: [(String, Data)] = [
            ("empty file", Data()), ("seven bytes", Data([1, 2, 3, 4, 5, 6, 7])),
            ("header longer than the file", file("{}", length: 3)),
            ("length overflows", file("{}", length: .max)), ("length beyond Int", file("{}", length: 1 << 63)),
            ("length over the limit", file("{}", length: 16 << 20 | 1)), ("empty header", file("")),
            ("array", file("[]")), ("leading space", file(" {}")), ("cut", file("{\"a\":")),
            ("two documents", file("{}{}")),
            ("not UTF-8", file("{}").prefix(8) + Data([0x7b, 0x22, 0xff, 0x22, 0x7d])),
            ("deep", file("{\"x\":" + String(repeating: "[", count: 100_000) + "}")),
            ("tensor is a number", file("{\"x\":1}")),
            ("no dtype", file("{\"x\":{\"shape\":[],\"data_offsets\":[0,0]}}")),
            ("no shape", file("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,0]}}")),
            ("no offsets", file("{\"x\":{\"dtype\":\"F32\",\"shape\":[0]}}")),
            ("an extra member", file("{\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0],\"y\":1}}")),
            ("unknown type", file(one("F31", "[1]", "[0,4]"), data: 4)),
            ("negative extent", file(one("F32", "[-1]", "[0,4]"), data: 4)),
            ("two negative extents", file(one("F32", "[-1,-1]", "[0,4]"), data: 4)),
            ("fractional extent", file(one("F32", "[1.5]", "[0,6]"), data: 6)),
            ("shape overflows", file(one("F32", "[4294967296,4294967296]", "[0,4]"), data: 4)),
            ("shape overflows to the right size", file(one("F32", "[4611686018427387905]", "[0,4]"), data: 4)),
            ("extent is text", file(one("F32", "[\"1\"]", "[0,4]"), data: 4)),
            ("offsets out of range", file(one("F32", "[2]", "[0,8]"), data: 4)),
            ("offsets reversed", file(one("F32", "[1]", "[4,0]"), data: 4)),
            ("negative offset", file(one("F32", "[1]", "[-4,0]"), data: 4)),
            ("one offset", file(one("F32", "[1]", "[4]"), data: 4)),
            ("three offsets", file(one("F32", "[1]", "[0,4,4]"), data: 4)),
            ("huge offsets", file(one("F32", "[1]", "[9223372036854775804,9223372036854775807]"), data: 4)),
            ("size is not the shape's", file(one("F32", "[2]", "[0,4]"), data: 4)),
            ("bytes before", file(one("F32", "[1]", "[4,8]"), data: 8)),
            ("bytes after", file(one("F32", "[1]", "[0,4]"), data: 5)),
            ("gap", file("{\(good),\(entry("x", "F32", "[1]", "[12,16]"))}", data: 16)),
            ("overlap", file("{\(good),\(entry("x", "F32", "[2]", "[4,12]"))}", data: 12)),
            ("the same bytes twice", file("{\(good),\(entry("x", "F32", "[2]", "[0,8]"))}", data: 8)),
            ("duplicate", file("{\(good),\(good)}", data: 8)),
            ("metadata is a number", file("{\"__metadata__\":1}")),
            ("metadata of numbers", file("{\"__metadata__\":{\"a\":1}}")),
        ]
        #expect(cases.count >= 25)
        try withTemporaryDirectory { folder in
            for (name, bytes) in cases {
                let path = folder + "/\(name).safetensors"
                try bytes.write(to: URL(fileURLWithPath: path))
                let error = #expect(throws: BelfryError.self, "\(name)") { try Safetensors(path) }
                #expect(error?.location?.file == path, "\(name)")
                if name != "bytes after", String(decoding: bytes, as: UTF8.self).contains("\"x\":{") {
                    #expect("\(error!)".contains("x"), "\(name): \(error!)")
                }
            }
        }
    }

    /// Names are bytes: what differs in Unicode's normal form alone are two tensors.
    @Test func namesThatDifferInNormalFormAreTwoTensors() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/names.safetensors"
            let header = "{\(entry("\u{e9}", "U8", "[1]", "[0,1]")),\(entry("e\u{301}", "U8", "[1]", "[1,2]"))}"
            try file(header, data: 2).write(to: URL(fileURLWithPath: path))
            let tensors = try Safetensors(path)
            #expect(tensors.tensors.count == 2)
            let begin = try #require(tensors.tensors.first).bytes.lowerBound
            #expect(tensors.tensor("\u{e9}")?.bytes == begin..<begin + 1)
            #expect(tensors.tensor("e\u{301}")?.bytes == begin + 1..<begin + 2)
        }
    }

    @Test func typesAreWidenedAndMisalignedFloatsCopied() throws {
        try withTemporaryDirectory { folder in
            let header =
                "{"
                + [
                    entry("b", "U8", "[1]", "[0,1]"), entry("f", "F32", "[2]", "[1,9]"),
                    entry("h", "F16", "[2]", "[9,13]"),
                    entry("bf", "BF16", "[1,1]", "[13,15]"), entry("d", "F64", "[]", "[15,23]"),
                    entry("none", "F32", "[0,3]", "[23,23]"),
                ].joined(separator: ",") + "}"
            var bytes = file(header)
            bytes.append(7)
            for value in [Float(1.5), -2] { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }
            bytes.append(contentsOf: [0x00, 0x3c, 0x01, 0x80, 0x80, 0x3f])
            withUnsafeBytes(of: 0.25) { bytes.append(contentsOf: $0) }
            let path = folder + "/types.safetensors"
            try bytes.write(to: URL(fileURLWithPath: path))
            let tensors = try Safetensors(path)
            func values(_ name: String, _ shape: [Int]) throws -> [Float] {
                let weights = try tensors.weights(name, shape: shape)
                return withExtendedLifetime(weights) { (0..<weights.count).map { weights.pointer[$0] } }
            }
            #expect(try values("f", [2]) == [1.5, -2])
            #expect(try values("h", [2]) == [1, -0x1p-24])
            #expect(try values("bf", [1, 1]) == [1])
            #expect(try values("d", []) == [0.25])
            #expect(try values("none", [0, 3]).isEmpty)
            #expect(throws: BelfryError.self) { try values("b", [1]) }
            let shape = #expect(throws: BelfryError.self) { try values("f", [1, 2]) }
            #expect("\(shape!)".contains("“f” should have the shape [1, 2], and has [2]"))
            let missing = #expect(throws: BelfryError.self) { try values("g", [4]) }
            #expect(missing?.code == .notFound && "\(missing!)".contains("“g” [4] is missing"))
        }
    }

    @Test func mutationsNeverTrap() throws {
        var random = SeededGenerator()
        let original = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: TinyBert.fixtures + "/tiny-dense.safetensors")))
        try withTemporaryDirectory { folder in
            let path = folder + "/m.safetensors"
            for _ in 0..<Fuzz.executions {
                let bytes = mutated(original, within: 170, &random)
                try Data(bytes).writeAnew(to: path)
                do throws(BelfryError) {
                    let tensors = try Safetensors(path)
                    for tensor in tensors.tensors { _ = try? tensors.weights(tensor.name, shape: tensor.shape) }
                } catch { #expect(error.location?.file == path, "\(random)") }
            }
        }
    }
}

/// Weights in several files, and an index that is not what it should be: an error, or one file with what it names.
@Suite struct SafetensorsShardsFuzzTests {
    private func file(_ names: [String]) -> [UInt8] {
        let members = names.enumerated().map {
            "\"\($1)\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[\(8 * $0),\(8 * $0 + 8)]}"
        }
        let header = Array("{\(members.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
            + [UInt8](repeating: 7, count: 8 * names.count)
    }

    @Test func mutationsNeverTrap() throws {
        var random = SeededGenerator()
        let index = Array(
            (#"{"metadata":{"total_size":32},"weight_map":{"a":"m-1.safetensors","caf\u00e9":"m-1.safetensors","#
                + #""cafe\u0301":"m-2.safetensors","d":"m-2.safetensors"}}"#).utf8)
        let files = [
            SafetensorsShards.index: index, "m-1.safetensors": file(["a", "caf\u{e9}"]),
            "m-2.safetensors": file(["cafe\u{301}", "d"]),
        ]
        try withTemporaryDirectory { folder in
            let written = folder + "/out/model.safetensors"
            try FileManager.default.createDirectory(atPath: folder + "/out", withIntermediateDirectories: false)
            for (name, bytes) in files { try Data(bytes).writeAnew(to: "\(folder)/\(name)") }
            try SafetensorsShards(folder: folder).write(to: written)
            #expect(try Safetensors(written).tensors.count == 4)
            for _ in 0..<Fuzz.executions {
                let name = Int.random(in: 0..<10, using: &random) < 8 ? SafetensorsShards.index : "m-1.safetensors"
                let bytes = mutated(files[name]!, within: 130, &random)
                try Data(bytes).writeAnew(to: "\(folder)/\(name)")
                do throws(BelfryError) {
                    let shards = try SafetensorsShards(folder: folder)
                    unlink(written)
                    try shards.write(to: written)
                    _ = try Safetensors(written)
                } catch { #expect(error.location?.file.hasPrefix(folder) == true, "\(error), \(random)") }
                try Data(files[name]!).writeAnew(to: "\(folder)/\(name)")
            }
        }
    }
}

/// A copy with a few bytes changed, removed, repeated or cut, mostly in the first `front` bytes.
func mutated(_ original: [UInt8], within front: Int, _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = original
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let range = Bool.random(using: &random) ? min(front, bytes.count) : bytes.count
        let place = Int.random(in: 0..<range, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.remove(at: place)
        case 3: bytes.insert("0123456789-{}[]\",:\\eE."[Int.random(in: 0..<22, using: &random)], at: place)
        case 4: bytes.insert(contentsOf: bytes[place..<min(place + 20, bytes.count)], at: place)
        default: bytes.removeSubrange(max(place, bytes.count - 200)...)
        }
    }
    return bytes
}

extension String {
    fileprivate subscript(index: Int) -> UInt8 { utf8[utf8.index(utf8.startIndex, offsetBy: index)] }
}
