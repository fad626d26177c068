import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Whole models: graphs in graphs, memory that is planned once, what a caller may do wrong.
struct OnnxModelTests {
    private func load(
        _ bytes: [UInt8], _ instructionSet: InstructionSet = .current, fuses: Bool = true
    ) throws -> OnnxModel {
        try withTemporaryDirectory { folder in
            try Data(bytes).writeAnew(to: folder + "/model.onnx")
            return try OnnxModel(folder + "/model.onnx", instructionSet: instructionSet, fuses: fuses)
        }
    }

    /// What the sample model gives, by hand.
    private func expected(_ ids: [Int]) -> (out: [Float], sums: [Float]) {
        var rows: [Float] = []
        for id in ids {
            let (x, y) = (Float(2 * id) / 7, Float(2 * id + 1) / 7)
            rows += [x + 2 * y + 0.5, 3 * x - 4 * y - 0.5]
        }
        rows = ids.max()! > 3 ? rows.enumerated().map { $1 + ($0 % 2 == 0 ? 0.5 : -0.5) } : rows.map { -$0 }
        var sums: [Float] = []
        for _ in 0..<3 {
            rows = rows.map { $0 / 2 }
            sums.append(rows.reduce(0, +))
        }
        return (rows, sums)
    }

    @Test(arguments: [true, false])
    func branchesAndLoopsReadOuterValuesForAnyShape(fuses: Bool) throws {
        let model = try load(OnnxBytes.sample, fuses: fuses)
        #expect(model.inputs == [.init(name: "ids", type: .int64, dimensions: [.symbolic("n")])])
        for ids in [[1, 2, 3], [5, 0], [1], [2, 2, 2, 2, 5], [1, 2, 3], [5, 0], [3, 1, 0]] {
            let found = try model.run(["ids": Tensor(ids.map { Int64($0) }, shape: [ids.count])])
            let wanted = expected(ids)
            for (name, wanted) in [("out", wanted.out), ("sums", wanted.sums)] {
                let values = found[name]!.values(Float.self)
                #expect(values.count == wanted.count)
                #expect(
                    zip(values, wanted).allSatisfy { abs($0 - $1) < 1e-5 }, "\(name) of \(ids): \(values), \(wanted)")
            }
            #expect(found["a"]!.values(Float.self) == [Float](repeating: 0.5, count: 6))
        }
    }

    @Test func carriedValuesMayChangePlaces() throws {
        // (a, b) ← (b, a + b): the numbers of Fibonacci.
        let scalar = { (name: String) in OnnxBytes.value(name, .int64, []) }
        let body = OnnxBytes.graph(
            nodes: [OnnxBytes.node("Add", ["a", "b"], ["sum"]), OnnxBytes.node("Identity", ["go"], ["goOut"])],
            inputs: [scalar("turn"), OnnxBytes.value("go", .bool, []), scalar("a"), scalar("b")],
            outputs: [OnnxBytes.value("goOut", .bool, []), scalar("b"), scalar("sum"), scalar("a")])
        let main = OnnxBytes.graph(
            nodes: [
                OnnxBytes.node("Loop", ["count", "", "zero", "one"], ["x", "y", "all"], OnnxBytes.graph("body", body))
            ],
            constants: [OnnxBytes.tensor("zero", [Int64(0)], []), OnnxBytes.tensor("one", [Int64(1)], [])],
            inputs: [scalar("count")], outputs: [scalar("x"), scalar("y"), OnnxBytes.value("all", .int64, [nil])])
        let model = try load(OnnxBytes.model(main))
        for _ in 0..<2 {
            let found = try model.run(["count": Tensor([Int64(10)], shape: [])])
            #expect(found["x"]!.values(Int64.self) == [55] && found["y"]!.values(Int64.self) == [89])
            #expect(found["all"]!.values(Int64.self) == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34])
        }
        #expect(try model.run(["count": Tensor([Int64(0)], shape: [])])["all"]!.shape == [0])
    }

    /// x → Gemm → BatchNormalization → Relu → Gemm, as one of a two-tower's sides, and forms that are no such pattern.
    @Test(arguments: [(1, true), (0.5, true), (1, false)])
    func productsAreTheSameWithWhatFollowsInThem(alpha: Float, transposes: Bool) throws {
        var random = SeededGenerator()
        func tensor(_ name: String, _ dims: [Int], _ range: ClosedRange<Float> = -1...1) -> [UInt8] {
            OnnxBytes.tensor(name, (0..<dims.reduce(1, *)).map { _ in Float.random(in: range, using: &random) }, dims)
        }
        let (inputs, hidden, outputs) = (7, 40, 5)
        let main = OnnxBytes.graph(
            nodes: [
                OnnxBytes.node(
                    "Gemm", ["x", "w", "b"], ["h"], OnnxBytes.float("alpha", alpha),
                    OnnxBytes.int("transB", transposes ? 1 : 0)),
                OnnxBytes.node(
                    "BatchNormalization", ["h", "scale", "offset", "mean", "variance"], ["n"],
                    OnnxBytes.float("epsilon", 1e-3)),
                OnnxBytes.node("Relu", ["n"], ["r"]),
                OnnxBytes.node("Gemm", ["r", "v"], ["y"], OnnxBytes.int("transB", 1)),
            ],
            constants: [
                tensor("w", transposes ? [hidden, inputs] : [inputs, hidden]), tensor("b", [hidden]),
                tensor("scale", [hidden]), tensor("offset", [hidden]), tensor("mean", [hidden]),
                tensor("variance", [hidden], 0.1...2), tensor("v", [outputs, hidden]),
            ],
            inputs: [OnnxBytes.value("x", .float32, [nil, inputs])],
            outputs: [OnnxBytes.value("y", .float32, [nil, outputs])])
        for set in InstructionSet.available {
            let fused = try load(OnnxBytes.model(main), set)
            let plain = try load(OnnxBytes.model(main), set, fuses: false)
            for rows in [1, 3, 1, 20] {
                let x = (0..<rows * inputs).map { _ in Float.random(in: -1...1, using: &random) }
                let values = try [fused, plain].map { model in
                    try #require(try model.run(["x": Tensor(x, shape: [rows, inputs])])["y"]).values(Float.self)
                }
                #expect(values[0].count == rows * outputs)
                #expect(zip(values[0], values[1]).allSatisfy { abs($0 - $1) < 1e-4 }, "\(set) \(rows) \(random)")
            }
        }
    }

    @Test func wrongInputsAreNamed() throws {
        let model = try load(OnnxBytes.sample)
        let ids = Tensor([Int64(1)], shape: [1])
        for (inputs, outputs, wanted) in [
            ([:], nil, "“ids” (int64) is missing"),
            (["ids": Tensor([Int32(1)], shape: [1])], nil, "must be int64 [n], and is int32 [1]"),
            (["ids": Tensor([Int64(1)], shape: [1, 1])], nil, "and is int64 [1, 1]"),
            (["ids": ids, "other": ids], nil, "no input “other”"),
            (["ids": ids], ["vector"], "no output “vector”"),
            (["ids": Tensor([Int64(6)], shape: [1])], nil, "the index 6 is not in a dimension of 6"),
            (["ids": Tensor([Int64(-7)], shape: [1])], nil, "the index -7 is not in a dimension of 6"),
        ] as [([String: Tensor], [String]?, String)] {
            let error = try #require(throws: BelfryError.self) { try model.run(inputs, outputs: outputs) }
            #expect(error.code == .invalidInput && error.message.contains(wanted), "\(error)")
        }
        #expect(try model.run(["ids": ids], outputs: ["a"]).keys.sorted() == ["a"])
    }

    @Test func placesInTheArenaNeverMeet() {
        var random = SeededGenerator()
        for _ in 0..<200 {
            let count = Int.random(in: 1...60, using: &random)
            let sizes = (0..<count).map { _ in Int.random(in: 0...5000, using: &random) }
            let lifetimes = (0..<count).map { _ in
                let begin = Int.random(in: 0...50, using: &random)
                return MemoryPlan.Lifetime(begin: begin, end: begin + Int.random(in: 0...20, using: &random))
            }
            let plan = MemoryPlan(sizes: sizes, lifetimes: lifetimes)
            for first in 0..<count where sizes[first] > 0 {
                #expect(plan.offsets[first] >= 0 && plan.offsets[first] + sizes[first] <= plan.total)
                for second in 0..<first where sizes[second] > 0 {
                    let (a, b) = (lifetimes[first], lifetimes[second])
                    guard a.begin <= b.end, b.begin <= a.end else { continue }
                    let isApart =
                        plan.offsets[first] + sizes[first] <= plan.offsets[second]
                        || plan.offsets[second] + sizes[second] <= plan.offsets[first]
                    #expect(isApart, "\(random)")
                }
            }
        }
    }

    @Test func manyThreadsMayRunOneModel() async throws {
        let model = try load(OnnxBytes.sample)
        let wanted = expected([5, 1]).sums
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<50).allSatisfy { _ in
                        let found = try? model.run(["ids": Tensor([Int64(5), 1], shape: [2])])
                        return found.map {
                            zip($0["sums"]!.values(Float.self), wanted).allSatisfy { abs($0 - $1) < 1e-5 }
                        }
                            ?? false
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
