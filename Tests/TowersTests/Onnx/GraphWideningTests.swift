import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Graphs of 16-bit floats: computed as f32, with the types of their inputs and outputs.
struct GraphWideningTests {
    private typealias B = OnnxBytes

    private func half(_ name: String, _ values: [Float], _ dims: [Int]) -> [UInt8] {
        B.tensor(name, .float16, dims, raw: values.flatMap { withUnsafeBytes(of: Float16($0)) { Array($0) } })
    }

    @Test func sumsOfManyNumbersKeepTheirDigits() throws {
        var random = SeededGenerator()
        let weight = random.vector(4 * 1024).map { Float(Float16($0)) }
        let graph = B.graph(
            nodes: [
                B.node("MatMul", ["x", "w"], ["h"]), B.node("Mul", ["h", "h"], ["h2"]),
                B.node("ReduceMean", ["h2"], ["y"], B.ints("axes", [-1]), B.int("keepdims", 0)),
            ], constants: [half("w", weight, [4, 1024])], inputs: [B.value("x", .float16, [nil, 4])],
            outputs: [B.value("y", .float16, [nil])])
        let model = try B.load(B.model(graph))
        #expect(model.inputs[0].type == .float16 && model.outputs[0].type == .float16)
        let row: [Float] = [10, -7, 3, 5]
        let found = try model.run(["x": Tensor(row.map { Float16($0) }, shape: [1, 4])])["y"]!.values(Float16.self)
        var sum = 0.0
        for column in 0..<1024 {
            let value = (0..<4).reduce(0.0) { $0 + Double(row[$1]) * Double(weight[$1 * 1024 + column]) }
            sum += value * value
        }
        #expect(abs(Double(found[0]) - sum / 1024) <= 6e-4 * sum / 1024, "\(found[0]), not \(sum / 1024)")
    }

    /// Constants of an outer graph, of a branch, as an output; a table that rows are gathered from.
    @Test(arguments: [false, true])
    func everyPlaceOfAConstantIsWidened(condition: Bool) throws {
        let thenBranch = B.graph(
            nodes: [B.node("Add", ["rows", "shift"], ["t"])], outputs: [B.value("t", .float16, [nil, 2])])
        let elseBranch = B.graph(
            nodes: [], constants: [half("e", [7, 8], [1, 2])], outputs: [B.value("e", .float16, [nil, 2])])
        let graph = B.graph(
            nodes: [
                B.node("Gather", ["table", "ids"], ["rows"]),
                B.node(
                    "If", ["flag"], ["chosen"], B.graph("then_branch", thenBranch), B.graph("else_branch", elseBranch)),
                B.node("ConstantOfShape", ["two"], ["ones"], B.tensor("value", attribute: half("", [1], [1]))),
                B.node("Mul", ["chosen", "ones"], ["m"]), B.node("Cast", ["m"], ["n"], B.int("to", 10)),
                B.node("MatMul", ["n", "table"], ["y"]), B.node("Cast", ["n"], ["wide"], B.int("to", 1)),
            ],
            constants: [
                half("table", [1, 2, 3, 4], [2, 2]), half("shift", [0.5, 0.25], [2]), B.tensor("two", [Int64(2)], [1]),
            ], inputs: [B.value("ids", .int64, [nil]), B.value("flag", .bool, [])],
            outputs: [
                B.value("y", .float16, [nil, 2]), B.value("shift", .float16, [2]), B.value("wide", .float32, [nil, 2]),
            ])
        for fuses in [true, false] {
            let found = try B.load(B.model(graph), fuses: fuses).run([
                "ids": Tensor([Int64(1)], shape: [1]), "flag": Tensor([condition], shape: []),
            ])
            let (a, b): (Float, Float) = condition ? (3.5, 4.25) : (7, 8)
            #expect(found["wide"]!.values(Float.self) == [a, b])
            #expect(found["y"]!.values(Float16.self) == [Float16(a + 3 * b), Float16(2 * a + 4 * b)])
            #expect(found["shift"]!.values(Float16.self) == [0.5, 0.25])
        }
    }
}
