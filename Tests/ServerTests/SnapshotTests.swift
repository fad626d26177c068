import Files
import Foundation
import TestSupport
import Testing

@testable import BelfryServer

@Suite(.serialized) struct SnapshotTests {
    @Test func aCollectionComesBackFromItsSnapshot() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await server.send(
                "PUT", "/collections/shop", #"{"vectors": {"size": 2, "distance": "Dot"}, "metadata": {"a": 1}}"#)
            _ = try await server.send("PUT", "/collections/shop/points", #"{"points": [{"id": 3, "vector": [1, 2]}]}"#)
            let made = try await server.send("POST", "/collections/shop/snapshots").result
            let name = try #require(made["name"]?.string)
            #expect(try await server.send("GET", "/collections/shop/snapshots").result == [made])
            let archive = try await server.send("GET", "/collections/shop/snapshots/\(name)").body
            #expect(Digest.sha256(archive) == made["checksum"]?.string && archive.count == made["size"]?.integer)
            _ = try await server.send("DELETE", "/collections/shop")

            let location = "file://\(server.data)/.serve/snapshots/shop/\(name)"
            let wrong = #"{"location": "\#(location)", "checksum": "00"}"#
            #expect(try await server.send("PUT", "/collections/shop/snapshots/recover", wrong).status == 400)
            #expect(
                try await server.send("PUT", "/collections/shop/snapshots/recover", #"{"location": "\#(location)"}"#)
                    .status == 200)
            #expect(try await server.send("GET", "/collections/shop/points/3").result["vector"] == [1, 2])
            #expect(try await server.send("GET", "/collections/shop").result["config"]?["metadata"] == ["a": 1])

            // Over one that is there, and under another name, from a form.
            _ = try await server.send("POST", "/collections/shop/points/delete", #"{"points": [3]}"#)
            #expect(
                try await server.send("PUT", "/collections/shop/snapshots/recover", #"{"location": "\#(location)"}"#)
                    .status == 200)
            #expect(try await server.send("GET", "/collections/shop").result["points_count"] == 1)
            #expect(try await upload(archive, as: "copy", to: server).status == 200)
            #expect(try await server.send("GET", "/collections/copy/points/3").status == 200)
            #expect(try await server.send("DELETE", "/collections/shop/snapshots/\(name)").status == 200)
            #expect(try await server.send("GET", "/collections/shop/snapshots").result == [])
        }
    }

    private func upload(_ archive: Data, as name: String, to server: TestServer) async throws -> Reply {
        let form =
            Data("--b\r\ncontent-disposition: form-data; name=\"snapshot\"; filename=\"s\"\r\n\r\n".utf8) + archive
            + Data("\r\n--b--\r\n".utf8)
        let head =
            "POST /collections/\(name)/snapshots/upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=b\r\n"
            + "connection: close\r\ncontent-length: \(form.count)\r\n\r\n"
        return try await server.send(raw: Data(head.utf8) + form)
    }

    @Test func damagedSnapshotsAreRefusedAndChangeNothing() async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        try await TestServer.run { (server: TestServer) async throws -> Void in
            _ = try await server.send("PUT", "/collections/shop", #"{"vectors": {"size": 2, "distance": "Dot"}}"#)
            _ = try await server.send("PUT", "/collections/shop/points", #"{"points": [{"id": 3, "vector": [1, 2]}]}"#)
            let name = try #require(try await server.send("POST", "/collections/shop/snapshots").result["name"]?.string)
            let archive = try await server.send("GET", "/collections/shop/snapshots/\(name)").body
            for _ in 0..<25 {
                var damaged = archive
                if Bool.random(using: &random) {
                    damaged = damaged.prefix(Int.random(in: 0..<damaged.count, using: &random))
                } else {
                    for _ in 0..<8 {
                        damaged[Int.random(in: 0..<damaged.count, using: &random)] ^=
                            1 << UInt8.random(in: 0..<8, using: &random)
                    }
                }
                let reply = try await upload(damaged, as: "copy", to: server)
                // A bit may be where nobody looks: padding between files.
                #expect(reply.status < 500, "seed \(seed): \(reply.status) \(reply.text)")
                if reply.status == 200 { _ = try await server.send("DELETE", "/collections/copy") }
            }
            #expect(try await server.send("GET", "/collections").result == ["collections": [["name": "shop"]]])
            let left = try FileManager.default.contentsOfDirectory(atPath: server.data + "/.serve")
            #expect(
                !left.contains { $0.hasPrefix("recover") || $0.hasPrefix("upload") || $0.hasPrefix("copy") }, "\(left)")
        }
    }

    @Test func locationsDoNotLeadElsewhere() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            for (location, status) in [
                ("file:///etc/passwd", 403), ("file://\(server.data)/.serve/snapshots/../aliases.json", 400),
                ("http://localhost/x.snapshot", 403), ("file://elsewhere/x", 400), ("/etc/passwd", 403),
                ("file:///%", 400),
            ] {
                let reply = try await server.send(
                    "PUT", "/collections/x/snapshots/recover", #"{"location": "\#(location)"}"#)
                #expect(reply.status == status, "\(location): \(reply.status)")
            }
            _ = try await server.send("PUT", "/collections/shop", #"{"vectors": {"size": 2, "distance": "Dot"}}"#)
            for name in ["..%2F..%2Faliases.json", "%2Fetc%2Fpasswd", "..", ".snapshot", "x.snapshot%00"] {
                #expect(try await server.send("GET", "/collections/shop/snapshots/\(name)").status == 404, "\(name)")
                #expect(try await server.send("GET", "/snapshots/\(name)").status == 404, "\(name)")
            }
        }
    }
}

@Suite struct TarArchiveTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/belfry-tar-\(UUID().uuidString)"

    private func make() throws -> String {
        try System.createDirectory(folder + "/in/deep")
        try System.write(Data("one".utf8), to: folder + "/in/a")
        try System.write(Data(repeating: 7, count: 5_000), to: folder + "/in/deep/b")
        try System.write(Data(), to: folder + "/in/empty")
        try TarArchive.write(TarArchive.entries(below: folder + "/in", as: "x"), to: folder + "/t")
        return folder + "/t"
    }

    @Test func whatGoesInComesOut() throws {
        defer { try? System.remove(folder) }
        let archive = try make()
        try TarArchive.extract(archive, to: folder + "/out")
        #expect(try System.read(folder + "/out/x/a") == Data("one".utf8))
        #expect(try System.read(folder + "/out/x/deep/b") == Data(repeating: 7, count: 5_000))
        #expect(System.exists(folder + "/out/x/empty"))
    }

    @Test func pathsAndLinksThatLeadElsewhereAreRefused() throws {
        defer { try? System.remove(folder) }
        let bytes = Array(try System.read(make()))
        func changed(_ change: (inout [UInt8]) -> Void) throws {
            var header = bytes
            change(&header)
            for place in 148..<156 { header[place] = 32 }
            let sum = header[..<512].reduce(0) { $0 + Int($1) }
            for (place, byte)
                in (String(repeating: "0", count: 6 - String(sum, radix: 8).count) + String(sum, radix: 8)).utf8
                .enumerated()
            { header[148 + place] = byte }
            try System.write(Data(header), to: folder + "/bad")
            #expect(throws: BelfryError.self) { try TarArchive.extract(folder + "/bad", to: folder + "/out-\(UUID())") }
        }
        for name in ["../a", "/a", "x/../../a", "x//a", "./a"] {
            try changed { header in
                for place in 0..<100 { header[place] = 0 }
                for (place, byte) in name.utf8.enumerated() { header[place] = byte }
            }
        }
        for kind in ["1", "2", "3", "6", "x"] { try changed { $0[156] = kind.utf8.first! } }
        try changed { $0[124] = 0xff }
        try changed { for place in 124..<135 { $0[place] = UInt8(ascii: "7") } }
    }

    @Test func damagedArchivesAreRefusedOrWhole() throws {
        defer { try? System.remove(folder) }
        let bytes = Array(try System.read(make()))
        for place in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[place] ^= 1 << UInt8(place % 8)
            try System.write(Data(damaged), to: folder + "/bad")
            try? TarArchive.extract(folder + "/bad", to: folder + "/out-\(place)")
            #expect(!System.exists(folder + "/a"))
        }
        for length in stride(from: 0, to: bytes.count, by: 300) {
            try System.write(Data(bytes[..<length]), to: folder + "/bad")
            try? TarArchive.extract(folder + "/bad", to: folder + "/cut-\(length)")
        }
    }

    @Test func aFormIsTakenApartHoweverItComes() throws {
        defer { try? System.remove(folder) }
        try System.createDirectory(folder)
        let content = Array("\r\n--b\r\n--bc file \r\n--".utf8)
        let form = Array("--bou\r\nname: x\r\n\r\n".utf8) + content + Array("\r\n--bou--\r\n".utf8)
        for size in 1...form.count {
            let path = folder + "/f\(size)"
            var file = try MultipartFile("multipart/form-data; boundary=\"bou\"", to: path, most: 1_000)
            for start in stride(from: 0, to: form.count, by: size) {
                try file.take(form[start..<min(start + size, form.count)])
            }
            #expect(file.isComplete)
            #expect(try System.read(path) == Data(content), "pieces of \(size)")
        }
        #expect(throws: Refusal.self) { try MultipartFile("text/plain", to: folder + "/n", most: 1) }
    }
}
