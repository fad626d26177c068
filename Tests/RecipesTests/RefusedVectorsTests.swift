import Belfry
import Files
import Foundation
import Synchronization
import TestSupport
import Testing
import Towers

@testable import Recipes

/// Rows whose vectors cannot be stored: bad rows with their lines, as others are.
@Suite struct RefusedVectorsTests {
    /// An ONNX graph whose output is its input: `v`, rows of three numbers.
    private static let identity =
        "CAg6UgoQCgF2CgNvbmUSAXkiA011bBIBZyoPCAEQAUIDb25lSgQAAIA/WhQKAXYSDwoNCAESCQoDEgFuCgIIA2IUCgF5Eg8KDQgBEgkKAxIBbgoC"
        + "CANCBAoAEBE="

    /// What was built, and the places of the bad rows.
    private func build(
        _ folder: String, _ rows: [String], bad: String = "skip", replace: Bool = false
    ) throws -> (CollectionBuilder.Summary, [String]) {
        if !System.exists(folder + "/v.tower") {
            try Data(base64Encoded: Self.identity)!.write(to: URL(fileURLWithPath: folder + "/model.onnx"))
            try Tower.importModel(from: folder + "/model.onnx", to: folder + "/v.tower")
        }
        try Data((rows.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: folder + "/rows.jsonl"))
        let yaml = """
            rows: {file: rows.jsonl, bad: \(bad)}
            id: id
            tower: v.tower
            vectors: {metric: cosine, element: f16, segment_rows: 1024}
            index: exact
            """
        let problems = Mutex<[String]>([])
        let builder = CollectionBuilder(try Recipe(yaml: yaml, folder: folder), threads: 1, replace: replace)
        let summary = try builder.build(
            .init(
                badRow: { problem in problems.withLock { $0.append(problem.location?.place ?? "") } },
                reading: { _, _ in }, progress: { _, _ in }))
        return (summary, problems.withLock { $0 })
    }

    private let rows = [
        #"{"id": 1, "v": [1, 2, 3]}"#, #"{"id": 2, "v": [1e-9, 1e-9, 0]}"#, #"{"id": 3, "v": [0, 0, 0]}"#,
        #"{"id": 4, "v": "x"}"#, #"{"id": 5, "v": [3, 2, 1]}"#, #"{"id": 6, "v": [1e5, 0, 0]}"#,
    ]

    @Test func areBadRows() throws {
        try withTemporaryDirectory { folder in
            let (summary, problems) = try build(folder, rows)
            #expect(summary.points == 2 && summary.badRows == 4)
            #expect(problems.sorted() == ["line 2", "line 3", "line 4", "line 6"])
            let collection = try VectorCollection(at: folder)
            #expect(collection.count == 2 && collection.configuration.badRows == 4)
            #expect(try VectorCollection.check(RecipeFile.collection(at: folder)).allSatisfy(\.problems.isEmpty))
            #expect(try build(folder, rows).0.wasUpToDate)
        }
    }

    @Test func stopTheBuildWhereTheRecipeSaysSo() throws {
        try withTemporaryDirectory { folder in
            let error = #expect(throws: BelfryError.self) { try build(folder, [rows[0], rows[2]], bad: "fail") }
            #expect(error?.location?.place == "line 2" && error?.message.contains("all zeros") == true)
            let none = #expect(throws: BelfryError.self) { try build(folder, [rows[2], rows[1]]) }
            #expect(none?.code == .invalidInput && none?.message.contains("Not one of 2 rows") == true)
            #expect(none?.location?.file == folder + "/rows.jsonl" && none?.remedy != nil)
        }
    }

    /// A segment without any row that can be stored is passed over.
    @Test func mayBeAWholeSegment() throws {
        try withTemporaryDirectory { folder in
            let zeros = (0..<1_024).map { "{\"id\": \($0), \"v\": [0, 0, 0]}" }
            let good = (2_000..<3_100).map { "{\"id\": \($0), \"v\": [\($0), 1, 2]}" }
            let summary = try build(folder, zeros + good + [#"{"id": 9, "v": [0, 0, 0]}"#]).0
            #expect(summary.points == 1_100 && summary.badRows == 1_025)
        }
    }
}
