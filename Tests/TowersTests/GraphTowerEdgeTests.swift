import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Towers of small graphs made by hand: rows beside each other, cut vectors, errors.
@Suite struct GraphTowerEdgeTests {
    private typealias B = OnnxBytes

    private func withTower(
        _ graph: [UInt8], features: String? = nil, dimension: Int? = nil, _ body: (Tower) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            try body(try tower(graph, features, dimension, in: folder))
        }
    }

    private func tower(_ graph: [UInt8], _ features: String?, _ dimension: Int?, in folder: String) throws -> Tower {
        try Data(B.model(graph)).writeAnew(to: folder + "/model.onnx")
        if let features { try Data(features.utf8).writeAnew(to: folder + "/features.json") }
        return try Tower.importModel(
            from: folder, to: folder + "/t.tower", dimension: dimension, force: dimension != nil)
    }

    private static let mean = B.graph(
        nodes: [
            B.node("Gather", ["table", "ids"], ["g"]),
            B.node("ReduceMean", ["g"], ["y"], B.ints("axes", [1]), B.int("keepdims", 0)),
        ], constants: [B.tensor("table", [Float(100), 100, 1, 1, 2, 2, 3, 3], [4, 2])],
        inputs: [B.value("ids", .int64, [nil, nil])], outputs: [B.value("y", .float32, [nil, 2])])

    /// Nothing tells the graph what is padding, so there is none.
    @Test func listsWithoutAMaskRunWithThoseOfTheirLength() throws {
        try withTower(Self.mean) { tower in
            let rows: [JSON] = [
                ["ids": [1]], ["ids": [1, 2, 3]], ["ids": [3]], ["ids": [2, 2]], ["ids": [3, 3, 3]], ["ids": [1, 1]],
            ]
            for threads in 1...2 {
                let found = try tower.embed(rows, threads: threads)
                #expect((0..<rows.count).map { found[$0][0] } == [1, 2, 3, 2, 3, 1])
            }
            #expect(try tower.embed([rows[0]])[0][0] == 1)
            let error = #expect(throws: BelfryError.self) { try tower.embed(rows + [["ids": ["x"]]]) }
            #expect(error?.location?.place == "row 6, field ids")
        }
    }

    /// An element's text is a number where the list's elements are cut at boundaries, and a whole one where they are rows.
    @Test func elementsOfACellAreNumbers() throws {
        func features(_ lookup: String) -> String {
            #"{"format": 1, "columns": [{"input": "ids", "type": "list", "length": 4, "lookup": \#(lookup)}]}"#
        }
        try withTower(Self.mean, features: features(#"{"boundaries": [1.5, 2.5], "first_row": 1}"#)) { tower in
            let value = tower.value(ofCell: "3.5, 2", field: "ids", separator: ",")
            #expect(value == [.number(3.5), .number(2)])
            let found = try tower.embed([["ids": value]])
            #expect(found[0][0] == 2.5)
            #expect(tower.value(ofElement: "nan", field: "ids") == "nan")
        }
        try withTower(Self.mean, features: features(#"{"rows": 4}"#)) { tower in
            #expect(
                tower.value(ofElement: "3", field: "ids") == 3 && tower.value(ofElement: "3.5", field: "ids") == "3.5")
        }
    }

    @Test func aGraphThatNormalisesDoesSoAfterACut() throws {
        let graph = B.graph(
            nodes: [B.node("LpNormalization", ["x"], ["y"], B.int("axis", -1))],
            inputs: [B.value("x", .float32, [nil, 4])], outputs: [B.value("y", .float32, [nil, 4])])
        try withTower(graph, dimension: 2) { tower in
            let found = try tower.embed([["x": [3, 4, 7, 8]]])
            #expect(tower.dimension == 2 && abs(found[0][0] - 0.6) < 1e-6 && abs(found[0][1] - 0.8) < 1e-6)
        }
        let plain = B.graph(
            nodes: [B.node("Neg", ["x"], ["y"])], inputs: [B.value("x", .float32, [nil, 4])],
            outputs: [B.value("y", .float32, [nil, 4])])
        try withTower(plain, dimension: 2) { tower in
            let found = try tower.embed([["x": [3, 4, 7, 8]]])
            #expect(Array(found[0]) == [-3, -4])
        }
    }

    @Test func aRowWhoseVectorIsNotFiniteIsNamed() throws {
        let graph = B.graph(
            nodes: [B.node("Exp", ["x"], ["y"])], inputs: [B.value("x", .float32, [nil, 4])],
            outputs: [B.value("y", .float32, [nil, 4])])
        try withTower(graph) { tower in
            let error = #expect(throws: BelfryError.self) {
                try tower.embed([["x": [0, 0, 0, 0]], ["x": [0, 1000, 0, 0]]], source: "rows.jsonl", first: 5)
            }
            #expect(error?.code == .invalidInput && error?.location?.place == "row 6", "\(error!)")
            #expect(error?.location?.file == "rows.jsonl")
        }
    }

    /// What goes wrong while the tower is made names the model, and not a place that is gone.
    @Test func errorsOfAnImportNameTheModel() throws {
        try withTemporaryDirectory { folder in
            let graph = B.graph(
                nodes: [B.node("Gather", ["table", "i"], ["y"])],
                constants: [B.tensor("table", [Float(1), 2, 3, 4], [2, 2])], inputs: [B.value("i", .int64, [nil])],
                outputs: [B.value("y", .float32, [nil, 2])])
            // The canaries ask for rows that the table does not have.
            let features = #"""
                {"format": 1, "columns": [{"input": "i", "type": "index", "lookup": {"rows": 7918}}]}
                """#
            let error = #expect(throws: BelfryError.self) { try tower(graph, features, nil, in: folder) }
            #expect(error?.location?.file == folder + "/model.onnx", "\(error!)")
            let left = try System.list(folder)
            #expect(left == ["features.json", "model.onnx"])
        }
    }
}
