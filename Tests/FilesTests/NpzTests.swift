import Files
import Foundation
import TestSupport
import Testing

@Suite struct NpzTests {
    private let emb = (0..<512).map { Float((sin(Double($0)) * 100).rounded(.toNearestOrEven) / 100) }
    private let ids = (0..<64).map { $0 * 3 }

    @Test(arguments: ["stored.npz", "deflated.npz", "zip64.npz"])
    func readsWhatNumpyWrites(name: String) throws {
        let npz = try Npz(numpyFixtures + name)
        #expect(npz.names.starts(with: ["emb", "ids"]))
        #expect(try npz["emb"].shape == [64, 8])
        #expect(try npz["emb"].floats() == emb)
        #expect(try npz.array("ids").integers() == ids)
        if npz.names.contains("none") { #expect(try npz["none"].shape == [0, 2]) }
        let error = #expect(throws: BelfryError.self) { try npz["vectors"] }
        #expect(error?.code == .notFound && error?.remedy?.contains("emb, ids") == true)
    }

    @Test func boundsWhatItInflates() throws {
        let error = #expect(throws: BelfryError.self) { try Npz(numpyFixtures + "deflated.npz", limit: 1_000)["emb"] }
        #expect(error?.code == .unsupported && error?.location?.place?.contains("member 'emb.npy'") == true)
        // A stored member is mapped: the limit is not for it.
        #expect(try Npz(numpyFixtures + "stored.npz", limit: 1_000)["emb"].count == 512)
    }

    @Test func namesTheArrayInsideTheMember() throws {
        // A well-formed archive around an array that is refused.
        let refused = try Data(contentsOf: URL(fileURLWithPath: numpyFixtures + "big-endian.npy"))
        try withTemporaryDirectory { folder in
            let path = folder + "/a.npz"
            try zip([("x.npy", refused)]).writeAnew(to: path)
            let error = #expect(throws: BelfryError.self) { try Npz(path)["x"] }
            #expect(error?.location == .init(file: path, place: "member 'x.npy', byte 10"))
        }
    }

    @Test func refusesHostileArchives() throws {
        let array = try Data(contentsOf: URL(fileURLWithPath: numpyFixtures + "line.npy"))
        let good = zip([("x.npy", array), ("../../etc/passwd.npy", array)])
        let directory = good.count - 22 - 2 * 46 - "x.npy".utf8.count - "../../etc/passwd.npy".utf8.count
        /// `good` with a little-endian field replaced.
        func patched(_ offset: Int, _ bytes: [UInt8]) -> Data {
            var copy = good
            copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            return copy
        }
        let all: [UInt8] = [255, 255, 255, 255]
        let hostile: [(String, Data)] = [
            ("nothing", Data()), ("text", Data("a,b\n".utf8)), ("no end", good.dropLast(30)),
            ("the end alone", good.suffix(22)),
            ("65,535 members", patched(good.count - 12, [255, 255])),
            ("a directory of 4 GiB", patched(good.count - 10, all)),
            ("a directory at 4 GiB", patched(good.count - 6, all)),
            ("zip64 sizes without their field", patched(directory + 20, all)),
            ("a stored size above the compressed one", patched(directory + 24, [255, 255, 255, 0])),
            ("both sizes above the file", patched(directory + 20, [255, 255, 255, 0, 255, 255, 255, 0])),
            ("a name longer than the directory", patched(directory + 28, [255, 255])),
            ("an extra field longer than the directory", patched(directory + 30, [255, 255])),
            ("encryption", patched(directory + 8, [1])), ("an unknown method", patched(directory + 10, [12])),
            ("a header behind the directory", patched(directory + 42, [255, 255, 0, 0])),
            ("a header in the middle of a member", patched(directory + 42, [3, 0, 0, 0])),
            ("a local name longer than the file", patched(26, [255, 255])),
            ("the same name twice", zip([("x.npy", array), ("x.npy", array)])),
            ("overlap", patched(directory + 46 + 5 + 42, [0, 0, 0, 0])),
            ("another checksum", patched(directory + 16, [0])), ("another byte", patched(30 + 5 + 130, [7])),
            ("a deflated member that is not", patched(directory + 10, [8])),
            ("a bomb's size", patched(directory + 24, [255, 255, 255, 127]).replacing(directory + 10, 8)),
        ]
        try withTemporaryDirectory { folder in
            let path = folder + "/hostile.npz"
            try good.writeAnew(to: path)
            #expect(try Npz(path)["../../etc/passwd"].integers() == [0, 1, 2, 3, 4])
            for (name, bytes) in hostile {
                try bytes.writeAnew(to: path)
                let error = #expect(throws: BelfryError.self, "\(name)") { try Npz(path)["x"] }
                #expect(error?.location?.file == path, "\(name)")
            }
        }
    }

    @Test func noMutationGivesOtherNumbers() throws {
        var random = SeededGenerator()
        let originals = try ["stored.npz", "deflated.npz", "zip64.npz"].map { name in
            try Data(contentsOf: URL(fileURLWithPath: numpyFixtures + name))
        }
        var read = 0
        try withTemporaryDirectory { folder in
            let path = folder + "/mutated.npz"
            for _ in 0..<5_000 {
                try originals.randomElement(using: &random)!.mutated(using: &random)
                    .writeAnew(to: path)
                guard let npz = try? Npz(path) else { continue }
                for name in npz.names {
                    guard let array = try? npz[name] else { continue }
                    read += 1
                    // The checksum covers every byte of a member; only its name can change.
                    let known = array.floats() == emb || array.floats() == ids.map { Float($0) } || array.count == 0
                    #expect(known, "\(random)")
                }
            }
        }
        #expect(read > 100)
    }

    /// A zip archive of stored members.
    private func zip(_ members: [(name: String, content: Data)]) -> Data {
        func little(_ values: (Int, Int)...) -> Data {
            Data(values.flatMap { value, bytes in (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } })
        }
        var (file, directory) = (Data(), Data())
        for (name, content) in members {
            let size = content.count
            let common =
                little((20, 2), (0, 2), (0, 2), (0, 4), (checksum(content), 4), (size, 4), (size, 4))
                + little((name.utf8.count, 2), (0, 2))
            directory += little((0x0201_4b50, 4), (20, 2)) + common + little((0, 2), (0, 8), (file.count, 4))
            directory += Data(name.utf8)
            file += little((0x0403_4b50, 4)) + common + Data(name.utf8) + content
        }
        let end = little((0x0605_4b50, 4), (0, 4), (members.count, 2), (members.count, 2), (directory.count, 4))
        return file + directory + end + little((file.count, 4), (0, 2))
    }

    /// CRC-32 bit by bit: an oracle that is not zlib's.
    private func checksum(_ content: Data) -> Int {
        var crc: UInt32 = .max
        for byte in content {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = (crc >> 1) ^ (crc & 1 == 1 ? 0xedb8_8320 : 0) }
        }
        return Int(~crc)
    }
}

extension Data {
    fileprivate func replacing(_ offset: Int, _ byte: UInt8) -> Data {
        var copy = self
        copy[offset] = byte
        return copy
    }
}
