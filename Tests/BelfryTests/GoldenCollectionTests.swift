import Belfry
import Files
import Foundation
import TestSupport
import Testing

/// Collections in the file formats of 2026-11 are read, and answer as they did; older ones are refused with the way out.
///
/// Every format is in them: shard, codes, ids, graph or lists, calibration, catalogue, seal, tower. Where a format changes,
/// its number does, and the fixtures of today stay.
@Suite struct GoldenCollectionTests {
    private static let golden = TestData.root + "/Tests/BelfryTests/Fixtures/golden/2026-11"
    private static let tower = TestData.root + "/Tests/TowersTests/Fixtures/golden/2026-11/text.tower"

    private struct Expected: Decodable {
        var verb: String
        var text: String
        var ids: [UInt64]
        var scores: [Float]
        var query: SearchQuery { verb == "similar" ? .point(text) : .text(text) }
    }

    private static let expected: [Expected] = {
        let data = FileManager.default.contents(atPath: golden + "/expected.json") ?? Data()
        return (try? JSONDecoder().decode([Expected].self, from: data)) ?? []
    }()

    /// Unpacks a collection, with the golden tower that its archive lacks.
    private func unpack(_ name: String, _ folder: String) throws -> String {
        let tar = Process()
        tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        tar.arguments = ["tar", "-C", folder, "-xzf", "\(Self.golden)/\(name).tar.gz"]
        try tar.run()
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        let path = folder + "/golden.belfry"
        try FileManager.default.createDirectory(atPath: path + "/towers", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Self.tower, toPath: path + "/towers/tiny.tower")
        return path
    }

    @Test(arguments: ["graph", "lists", "before-migrations"])
    func isOpenedCheckedAndSearched(name: String) throws {
        #expect(Self.expected.count == 16)
        try withTemporaryDirectory { folder in
            let path = try unpack(name, folder)
            for finding in try VectorCollection.check(path) {
                #expect(finding.problems.isEmpty, "\(finding.name): \(finding.problems)")
            }
            let collection = try VectorCollection(path)
            #expect(collection.count == 2_100)
            var found = 0
            for expected in Self.expected {
                var request = SearchRequest(expected.query, k: 10)
                request.exact = true
                let exact = try collection.search(request)
                #expect(exact.recall == 1 && exact.trace.isScanned)
                for (hit, score) in zip(exact.hits, expected.scores) {
                    #expect(abs(hit.score - score) < 1e-4, "\(expected.text)")
                }
                // Of a text the tower's last bits, and so ranks of equals, depend on the machine.
                let ids = exact.hits.map(\.id.description)
                let overlap = Set(ids).intersection(expected.ids.map(\.description)).count
                #expect(expected.verb == "similar" ? ids == expected.ids.map(\.description) : overlap >= 9)

                request.exact = false
                let answer = try collection.search(request)
                #expect(!answer.trace.isScanned && answer.trace.evaluations < 2_100, "\(expected.text)")
                found += Set(answer.hits.map(\.id)).intersection(exact.hits.map(\.id)).count
            }
            #expect(Double(found) >= 0.95 * 160, "\(found) of 160")
        }
    }

    /// Points that a search must not find are asked for beside the others, up to some. Where they are far away and not found,
    /// more than k are left, in the order of estimates: the nearest of them must still be the ones that are answered.
    @Test(arguments: ["graph", "lists"])
    func excludingPointsThatAreFarAwayCostsNoAnswer(name: String) throws {
        try withTemporaryDirectory { folder in
            let collection = try VectorCollection(try unpack(name, folder))
            var worse = 0
            for point in stride(from: 0, to: 2_100, by: 7) {
                var request = SearchRequest(.point("\(point)"), k: 1)
                request.exact = true
                request.k = 2_099
                let far = try collection.search(request).hits.suffix(15).map(\.id.description)
                (request.exact, request.k) = (false, 1)
                let plain = try collection.search(request).hits[0].score
                request.excluding = far
                if try collection.search(request).hits[0].score < plain { worse += 1 }
            }
            #expect(worse == 0, "of 300")
        }
    }

    /// A calibration of the format before this one is no damage: who asks is told to build again.
    @Test func anOlderCalibrationIsRefusedWithTheWayOut() throws {
        try withTemporaryDirectory { folder in
            let path = try unpack("calibration-2", folder)
            let error = #expect(throws: BelfryError.self) { try VectorCollection(path) }
            #expect(error?.code == .unsupported && error?.message.contains("format 2") == true)
            #expect(error?.remedy?.actions == [.build(recipe: nil, replacing: true)])
            let findings = try VectorCollection.check(path)
            #expect(findings.contains { !$0.problems.isEmpty } && !findings.contains(where: \.isDamaged), "\(findings)")
        }
    }
}
