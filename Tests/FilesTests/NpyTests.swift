import Files
import Foundation
import TestSupport
import Testing

/// The committed files that numpy wrote: see `Fixtures/make_numpy.py`.
let numpyFixtures = TestData.root + "/Tests/FilesTests/Fixtures/"

@Suite struct NpyTests {
    @Test func readsEveryElementTypeThatNumpyWrites() throws {
        for element in NpyArray.Element.allCases {
            let array = try NpyArray(numpyFixtures + "\(element.rawValue).npy")
            #expect(array.elementType == element && array.shape == [2, 3] && array.count == 6)
            #expect(array.rows == 2 && array.columns == 3)
        }
        func doubles(_ name: String) throws -> [Double] { try NpyArray(numpyFixtures + name).doubles() }
        func integers(_ name: String) throws -> [Int] { try NpyArray(numpyFixtures + name).integers() }
        #expect(try doubles("f2.npy") == [0, 1.5, -2, 65504, Double(Float16(0.1)), .infinity])
        #expect(try doubles("f4.npy") == [0, 1.5, -2, Double(Float(3.4e38)), Double(Float(0.1)), -.infinity])
        #expect(try doubles("f8.npy") == [0, 1.5, -2, 1e300, 0.1, .infinity])
        #expect(try integers("i1.npy") == [0, 1, -2, 127, -128, 7])
        #expect(try integers("i2.npy") == [0, 1, -2, 32767, -32768, 7])
        #expect(try integers("i4.npy") == [0, 1, -2, Int(Int32.max), Int(Int32.min), 7])
        #expect(try integers("i8.npy") == [0, 1, -2, .max, .min, 7])
        #expect(try integers("u1.npy") == [0, 1, 2, 255, 128, 7])
        #expect(try integers("u2.npy") == [0, 1, 2, 65535, 32768, 7])
        #expect(try integers("u4.npy") == [0, 1, 2, Int(UInt32.max), 1 << 31, 7])
        #expect(try integers("u8.npy") == [0, 1, 2, .max, 1 << 62, 7])
        #expect(try integers("b1.npy") == [1, 0, 1, 0, 0, 1])
        #expect(try NpyArray(numpyFixtures + "f2.npy").floats() == [0, 1.5, -2, 65504, Float(Float16(0.1)), .infinity])
        #expect(try NpyArray(numpyFixtures + "f8.npy").floats(1..<5) == [1.5, -2, .infinity, 0.1])
        #expect(try NpyArray(numpyFixtures + "i1.npy").floats() == [0, 1, -2, 127, -128, 7])
    }

    @Test func readsEveryVersionAndShape() throws {
        for name in ["version2.npy", "version3.npy"] {
            let array = try NpyArray(numpyFixtures + name)
            #expect(array.shape == [2, 3, 4] && array.rows == 2 && array.columns == 12)
            #expect(array.floats() == (0..<24).map { Float($0) })
        }
        let scalar = try NpyArray(numpyFixtures + "scalar.npy")
        #expect(scalar.shape == [] && scalar.rows == 1 && scalar.columns == 1 && scalar.floats() == [2.5])
        #expect(try NpyArray(numpyFixtures + "line.npy").integers() == [0, 1, 2, 3, 4])
        let empty = try NpyArray(numpyFixtures + "empty.npy")
        #expect(empty.shape == [0, 384] && empty.floats() == [])
    }

    /// Column after column in the file, row after row when it is read.
    @Test func readsFortranOrder() throws {
        let (fortran, three) = (
            try NpyArray(numpyFixtures + "fortran.npy"), try NpyArray(numpyFixtures + "version2.npy")
        )
        #expect(!fortran.isRowMajor && three.isRowMajor && fortran.shape == [3, 4])
        #expect(fortran.floats() == Array(three.floats().prefix(12)))
        #expect(fortran.floats(3..<9) == Array(three.floats()[3..<9]))
        #expect(fortran.doubles(5..<6) == [5])
        try withTemporaryDirectory { folder in
            // Of three extents nobody needs it.
            var data = Array(try Data(contentsOf: URL(fileURLWithPath: numpyFixtures + "version2.npy")))
            let place = try #require(data.firstRange(of: Array("False".utf8)))
            data.replaceSubrange(place, with: Array("True ".utf8))
            let path = folder + "/a.npy"
            try Data(data).writeAnew(to: path)
            let error = #expect(throws: BelfryError.self) { try NpyArray(path) }
            #expect(error?.code == .unsupported && error?.remedy?.contains("ascontiguousarray") == true)
        }
    }

    @Test func refusesWithARemedy() throws {
        let refused = [
            ("big-endian.npy", "astype('<f4')"), ("text.npy", "astype"),
            ("structure.npy", "astype"), ("object.npy", "astype"),
        ]
        for (name, remedy) in refused {
            let error = #expect(throws: BelfryError.self, "\(name)") { try NpyArray(numpyFixtures + name) }
            #expect(error?.code == .unsupported && error?.remedy?.contains(remedy) == true, "\(name): \(error!)")
        }
        let floats = #expect(throws: BelfryError.self) { try NpyArray(numpyFixtures + "f4.npy").integers() }
        #expect(floats?.remedy?.contains("<i8") == true)
        let large = #expect(throws: BelfryError.self) { try NpyArray(numpyFixtures + "u8-large.npy").integers() }
        #expect(large?.message.contains("Element 1 is 9223372036854775808") == true)
        #expect(#expect(throws: BelfryError.self) { try NpyArray("/nowhere.npy") }?.code == .notFound)
    }

    @Test func refusesHostileHeaders() throws {
        func npy(_ header: String, _ data: Int = 0, version: [UInt8] = [1, 0]) -> [UInt8] {
            let length: [UInt8] = [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)]
            return [0x93] + Array("NUMPY".utf8) + version + length + (version[0] > 1 ? [0, 0] : [])
                + Array(header.utf8) + [UInt8](repeating: 0, count: data)
        }
        func shape(_ shape: String, _ data: Int = 24) -> [UInt8] {
            npy("{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n", data)
        }
        let hostile: [(String, [UInt8])] = [
            ("nothing", []), ("a magic alone", [0x93] + Array("NUMPY".utf8)), ("text", Array("id,text\n1,a\n".utf8)),
            ("a version 4", npy("{}", version: [4, 0])), ("no field", npy("{}")), ("no dictionary", npy("")),
            ("a header longer than the file", [0x93] + Array("NUMPY".utf8) + [1, 0, 255, 255, 0x7b]),
            ("a header of 4 GiB", [0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 255, 0x7b]),
            ("an unclosed string", npy("{'descr")), ("an unclosed dictionary", npy("{'descr': '<f4', ")),
            ("a product beyond 64 bits", shape("(4294967296, 4294967296, 4294967296)")),
            ("nothing times 2^64", shape("(0, 4294967296, 4294967296)", 0)),
            ("bytes beyond 64 bits", shape("(4611686018427387904,)")),
            ("an extent beyond 64 bits", shape("(99999999999999999999,)")), ("a negative extent", shape("(-1, 3)")),
            ("a shape of text", shape("'a'")), ("65 dimensions", shape("(" + String(repeating: "1,", count: 65) + ")")),
            ("too little data", shape("(2, 3)", 23)), ("too much data", shape("(2, 3)", 25)),
            ("two arrays in one file", shape("(2, 3)") + shape("(2, 3)")),
            ("text after the dictionary", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4)),
        ]
        try withTemporaryDirectory { folder in
            let path = folder + "/a.npy"
            try Data(shape("(2, 3)")).writeAnew(to: path)
            #expect(try NpyArray(path).floats() == [Float](repeating: 0, count: 6))
            for (name, bytes) in hostile {
                try Data(bytes).writeAnew(to: path)
                let error = #expect(throws: BelfryError.self, "\(name)") { try NpyArray(path) }
                #expect(error?.location?.file == path && error?.location?.place?.hasPrefix("byte ") == true, "\(name)")
            }
        }
    }

    @Test func survivesAnyMutation() throws {
        var random = SeededGenerator()
        let originals = try ["f4.npy", "version2.npy", "u8.npy", "b1.npy"].map { name in
            try Data(contentsOf: URL(fileURLWithPath: numpyFixtures + name))
        }
        try withTemporaryDirectory { folder in
            let path = folder + "/mutated.npy"
            for _ in 0..<5_000 {
                let bytes = originals.randomElement(using: &random)!.mutated(using: &random)
                try bytes.writeAnew(to: path)
                guard let array = try? NpyArray(path) else { continue }
                #expect(array.count == array.shape.reduce(1, *), "\(random)")
                #expect(array.floats().count == array.count && array.doubles().count == array.count, "\(random)")
                #expect(array.withBytes { $0.count } == array.count * array.elementType.size, "\(random)")
                _ = try? array.integers()
            }
        }
    }

    @Test func writesWhatItReads() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/w.npy"
            let writer = try NpyWriter(path, columns: 3)
            try writer.append([1, 2, 3])
            try writer.append([4, 5, 6, 7, 8, 9])
            try writer.finish()
            let array = try NpyArray(path)
            #expect(array.shape == [3, 3] && array.elementType == .f4)
            #expect(array.floats() == (1...9).map { Float($0) })
            // Not finished: the header promises no rows, and the rows that are there are refused.
            let unfinished = try NpyWriter(path, columns: 100_000)
            try unfinished.append([Float](repeating: 1, count: 100_000))
            #expect(throws: BelfryError.self) { try NpyArray(path) }
            let none = try NpyWriter(path, columns: 384)
            try none.finish()
            #expect(try NpyArray(path).shape == [0, 384])
        }
    }
}

extension Data {
    /// A copy with a few bits flipped, bytes replaced, a piece cut out or doubled, or the end missing.
    func mutated(using random: inout SeededGenerator) -> Data {
        var copy = [UInt8](self)
        for _ in 0..<Int.random(in: 1...3, using: &random) where !copy.isEmpty {
            let index = Int.random(in: copy.indices, using: &random)
            let end = Int.random(in: index..<Swift.min(index + 16, copy.count), using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: copy[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: copy[index] = UInt8.random(in: 0...255, using: &random)
            case 2: copy[index] = 255
            case 3: copy.removeSubrange(index...end)
            case 4: copy.insert(contentsOf: copy[index...end], at: index)
            default: copy.removeSubrange(index...)
            }
        }
        return Data(copy)
    }
}
