import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Graphs in which a row's vector depends on the rows beside it: found at import, and run so that it does not.
@Suite struct RowTrialTests {
    private typealias B = OnnxBytes

    private func importing(_ nodes: [[UInt8]], _ constants: [[UInt8]], ids: Bool = false) throws -> (Tower, String) {
        let folder = NSTemporaryDirectory() + "belfry-rows-\(UUID().uuidString)"
        try System.createDirectory(folder)
        let inputs =
            ids
            ? [B.value("ids", .int64, [nil, nil]), B.value("mask", .int64, [nil, nil])]
            : [B.value("x", .float32, [nil, 4])]
        let graph = B.graph(
            nodes: nodes, constants: constants, inputs: inputs, outputs: [B.value("y", .float32, [nil, nil])])
        try Data(B.model(graph)).writeAnew(to: folder + "/model.onnx")
        if ids {
            let column = #"{"input": "ids", "type": "list", "length": 12, "lookup": {"rows": 6}, "mask": "mask"}"#
            try Data("{\"format\": 1, \"columns\": [\(column)]}".utf8).writeAnew(to: folder + "/features.json")
        }
        return (try Tower.importModel(from: folder, to: folder + "/t.tower"), folder)
    }

    /// Every row has the same bits alone, among others, in any order; and the tower is read as it was written.
    private func expectSame(_ tower: Tower, _ rows: [JSON], _ rowsMode: RowGrouping) throws {
        #expect(tower.manifest.rows == rowsMode)
        let again = try Tower.load(tower.path)
        #expect(again.manifest == tower.manifest && Tower.check(tower.path).isEmpty)
        let many = (0..<40).map { rows[$0 % rows.count] }
        let (all, backwards) = (try again.embed(many, threads: 2), try again.embed(many.reversed(), threads: 1))
        for (index, row) in many.enumerated() {
            let alone = try again.embed([row])[0]
            #expect(alone == all[index] && alone == backwards[many.count - 1 - index])
        }
    }

    private static let vectors: [JSON] = [
        ["x": [1, 2, 3, 4]], ["x": [100, -20, 3, 0]], ["x": [0.5, 0, -0.25, 0.125]], ["x": [-7, 7, -7, 7]],
    ]

    @Test func dynamicQuantisationTakesTheRangeOfEachRow() throws {
        let weights = B.tensor("w", .int8, [4, 3], raw: (0..<12).map { UInt8(bitPattern: Int8($0 * 9 - 50)) })
        let (tower, folder) = try importing(
            [
                B.node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
                B.node("MatMulInteger", ["q", "w", "zero"], ["sums"]), B.node("Cast", ["sums"], ["f"], B.int("to", 1)),
                B.node("Mul", ["f", "scale"], ["y"]),
            ], [weights])
        defer { try? System.remove(folder) }
        #expect(tower.manifest.rangesPerRow)
        #expect(tower.inspection.rows?.contains("range of each row") == true)
        try expectSame(tower, Self.vectors, .together)
    }

    @Test func statisticsOverTheRowsRunAlone() throws {
        let (tower, folder) = try importing(
            [
                B.node("ReduceMean", ["x"], ["m"], B.ints("axes", [0])), B.node("Mul", ["m", "half"], ["h"]),
                B.node("Sub", ["x", "h"], ["y"]),
            ], [B.tensor("half", [Float(0.5)], [])])
        defer { try? System.remove(folder) }
        #expect(tower.inspection.rows?.contains("runs by itself") == true)
        try expectSame(tower, Self.vectors, .alone)
        #expect(try tower.embed([["x": [2, 4, 6, 8]]])[0] == [1, 2, 3, 4])
        // Where alone all rows have one vector, the model is none.
        let error = #expect(throws: BelfryError.self) {
            _ = try importing(
                [B.node("ReduceMean", ["x"], ["m"], B.ints("axes", [0])), B.node("Sub", ["x", "m"], ["y"])], [])
        }
        #expect(error?.code == .unsupported && error?.message.contains("batch") == true, "\(error!)")
    }

    @Test func aConditionOnHowManyRowsThereAre() throws {
        let (tower, folder) = try importing(
            [
                B.node("Shape", ["x"], ["s"]), B.node("Gather", ["s", "zero"], ["n"]),
                B.node("Greater", ["n", "twenty"], ["many"]), B.node("Where", ["many", "two", "one"], ["f"]),
                B.node("Mul", ["x", "f"], ["y"]),
            ],
            [
                B.tensor("zero", [Int64(0)], []), B.tensor("twenty", [Int64(20)], []), B.tensor("one", [Float(1)], []),
                B.tensor("two", [Float(2)], []),
            ])
        defer { try? System.remove(folder) }
        try expectSame(tower, Self.vectors, .alone)
    }

    /// A graph that was exported for one row, and says that it takes any number.
    @Test func aGraphOfOneRowRunsOneByOne() throws {
        let (tower, folder) = try importing(
            [B.node("Reshape", ["x", "one"], ["y"])], [B.tensor("one", [Int64(1), 4], [2])])
        defer { try? System.remove(folder) }
        try expectSame(tower, Self.vectors, .alone)
    }

    /// The mask is an input, but the mean is over the padding, too.
    @Test func paddingThatIsSeenKeepsRowsOfOneLengthTogether() throws {
        let (tower, folder) = try importing(
            [
                B.node("Gather", ["table", "ids"], ["g"]),
                B.node("ReduceMean", ["g"], ["mean"], B.ints("axes", [1]), B.int("keepdims", 0)),
                B.node("Cast", ["mask"], ["m"], B.int("to", 1)),
                B.node("ReduceMax", ["m"], ["one"], B.ints("axes", [1]), B.int("keepdims", 1)),
                B.node("Mul", ["mean", "one"], ["y"]),
            ], [B.tensor("table", (0..<12).map { Float($0 * $0) }, [6, 2])], ids: true)
        defer { try? System.remove(folder) }
        #expect(tower.inspection.rows?.contains("equal length") == true)
        let rows: [JSON] = [["ids": [1]], ["ids": [2, 3, 4]], ["ids": [5, 1, 1]], ["ids": [3]], ["ids": [4, 4]]]
        try expectSame(tower, rows, .lengths)
        #expect(try tower.embed(rows)[1] == [Float(16 + 36 + 64) / 3, Float(25 + 49 + 81) / 3])
    }

    /// Towers of before this was measured: a graph with dynamic quantisation runs its rows one by one.
    @Test func anOlderTowerWithDynamicQuantisationRunsAlone() throws {
        let (tower, folder) = try importing(
            [
                B.node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
                B.node("DequantizeLinear", ["q", "scale", "zero"], ["y"], B.int("axis", 0)),
            ], [])
        defer { try? System.remove(folder) }
        var manifest = tower.manifest
        (manifest.rows, manifest.rangesPerRow) = (.together, false)
        try Data(manifest.text.utf8).writeAnew(to: tower.path + "/tower.json")
        let old = try Tower.load(tower.path)
        let all = try old.embed(Self.vectors)
        for (index, row) in Self.vectors.enumerated() { #expect(try old.embed([row])[0] == all[index]) }
    }
}
