import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// What looks like a pattern and is something else runs as it does without patterns.
struct OnnxFusionTests {
    private typealias B = OnnxBytes

    private func load(
        _ nodes: [[UInt8]], _ constants: [[UInt8]], type: TensorType, fuses: Bool
    ) throws -> OnnxModel {
        let graph = B.graph(
            nodes: [B.node("Cast", ["in"], ["x"], B.int("to", Int(type.rawValue)))] + nodes
                + [B.node("Cast", ["y"], ["out"], B.int("to", 1))], constants: constants,
            inputs: [B.value("in", .float32, [nil, 4])], outputs: [B.field(1, "out")])
        return try B.load(B.model(graph), fuses: fuses)
    }

    /// The model gives the same with and without patterns.
    private func agree(
        _ nodes: [[UInt8]], _ constants: [[UInt8]], type: TensorType = .float32,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let x: [Float] = [1, 2, 3, 4, 0, 0, 1, 1]
        var found: [[Float]] = []
        for fuses in [true, false] {
            let model = try load(nodes, constants, type: type, fuses: fuses)
            for _ in 0..<2 {
                found.append(try #require(model.run(["in": Tensor(x, shape: [2, 4])])["out"]).values())
            }
        }
        for other in found.dropFirst() {
            #expect(found[0].count == other.count, sourceLocation: sourceLocation)
            let worst = zip(found[0], other).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst < 1e-5, "\(found)", sourceLocation: sourceLocation)
        }
    }

    private func raw<Element: TensorElement>(_ name: String, _ values: [Element], _ dims: [Int]) -> [UInt8] {
        B.tensor(
            name, Element.tensorType, dims, raw: values.flatMap { value in withUnsafeBytes(of: value) { Array($0) } })
    }

    /// Attention over x as four tokens of one head of one component.
    private func attention(scale: Bool, oneQuery: Bool, mask: Bool) -> [[UInt8]] {
        var nodes = [
            B.node("Unsqueeze", ["x", "last"], ["x4"]),
            oneQuery
                ? B.node("Slice", ["x4", "zero", "one", "zero"], ["q"]) : B.node("Identity", ["x4"], ["q"]),
            B.node("Transpose", ["x4"], ["k"], B.ints("perm", [0, 2, 3, 1])),
            B.node("Transpose", ["x4"], ["v"], B.ints("perm", [0, 2, 1, 3])),
            B.node("Transpose", ["q"], ["qt"], B.ints("perm", [0, 2, 1, 3])), B.node("MatMul", ["qt", "k"], ["s0"]),
        ]
        var scores = "s0"
        if scale {
            nodes.append(B.node("Mul", [scores, "half"], ["s1"]))
            scores = "s1"
        }
        if mask {
            nodes.append(B.node("Add", [scores, "mask"], ["s2"]))
            scores = "s2"
        }
        return nodes + [
            B.node("Softmax", [scores], ["p"], B.int("axis", -1)), B.node("MatMul", ["p", "v"], ["o"]),
            B.node("Transpose", ["o"], ["t"], B.ints("perm", [0, 2, 1, 3])),
            B.node("Reshape", ["t", "shape"], ["y"]),
        ]
    }

    @Test(arguments: [TensorType.float32, .float64, .float16, .bfloat16], [true, false])
    func attentionOfEveryTypeWithAndWithoutAScale(type: TensorType, scale: Bool) throws {
        let half: [UInt8] =
            switch type {
            case .float64: raw("half", [0.5 as Double], [])
            case .float16: raw("half", [0.5 as Float16], [])
            case .bfloat16: B.tensor("half", .bfloat16, [], raw: [0, 0x3f])
            default: raw("half", [0.5 as Float], [])
            }
        let constants = [
            B.tensor("last", [Int64(2), 3], [2]), B.tensor("shape", [Int64(-1), 4], [2]), half,
        ]
        try agree(attention(scale: scale, oneQuery: false, mask: false), constants, type: type)
    }

    /// The queries of one text for all of them; masks with a number for each key, or for each query.
    @Test(arguments: [nil, [4], [4, 1], [2, 1, 1, 4], [2, 1, 4, 1], [1], [4, 4]])
    func attentionThatBroadcasts(mask: [Int]?) throws {
        var constants = [
            B.tensor("last", [Int64(2), 3], [2]), B.tensor("zero", [Int64(0)], [1]), B.tensor("one", [Int64(1)], [1]),
            B.tensor("shape", [Int64(-1), 4], [2]), raw("half", [0.5 as Float], []),
        ]
        if let mask { constants.append(raw("mask", (0..<mask.reduce(1, *)).map { Float($0 % 3) }, mask)) }
        for oneQuery in [true, false] {
            try agree(attention(scale: true, oneQuery: oneQuery, mask: mask != nil), constants)
        }
    }

    @Test(arguments: [1, 4])
    func layerNormsOfOneWeightForAll(count: Int) throws {
        try agree(
            [
                B.node("ReduceMean", ["x"], ["m"], B.ints("axes", [-1])), B.node("Sub", ["x", "m"], ["d"]),
                B.node("Pow", ["d", "two"], ["p"]), B.node("ReduceMean", ["p"], ["v"], B.ints("axes", [-1])),
                B.node("Add", ["v", "eps"], ["e"]), B.node("Sqrt", ["e"], ["s"]), B.node("Div", ["d", "s"], ["q"]),
                B.node("Mul", ["q", "w"], ["qw"]), B.node("Add", ["qw", "b"], ["y"]),
            ],
            [
                raw("two", [2 as Float], []), raw("eps", [1e-5 as Float], []),
                raw("w", (0..<count).map { Float($0 + 2) }, [count]), raw("b", (0..<count).map(Float.init), [count]),
            ])
    }

    /// One weight for each column broadcasts a single column to many: that is no layer norm, and the pattern does not
    /// see it before it runs. From then on the model runs as it is written.
    @Test func whatFailsAsAPatternRunsAsItIsWritten() throws {
        try agree(
            [
                B.node("Slice", ["x", "zero", "one", "one"], ["c"]),
                B.node("ReduceMean", ["c"], ["m"], B.ints("axes", [-1])), B.node("Sub", ["c", "m"], ["d"]),
                B.node("Pow", ["d", "two"], ["p"]), B.node("ReduceMean", ["p"], ["v"], B.ints("axes", [-1])),
                B.node("Add", ["v", "eps"], ["e"]), B.node("Sqrt", ["e"], ["s"]), B.node("Div", ["d", "s"], ["q"]),
                B.node("Mul", ["q", "w"], ["qw"]), B.node("Add", ["qw", "b"], ["y"]),
            ],
            [
                raw("two", [2 as Float], []), raw("eps", [1e-5 as Float], []), raw("w", [2, 3] as [Float], [2]),
                raw("b", [5, 6] as [Float], [2]), B.tensor("zero", [Int64(0)], [1]), B.tensor("one", [Int64(1)], [1]),
            ])
    }

    /// An error names what the file has, and not what stands for it.
    @Test func errorsNameTheOperatorsOfTheFile() throws {
        let graph = B.graph(
            nodes: [
                B.node("Transpose", ["w"], ["t"], B.ints("perm", [1, 0])),
                B.node("MatMul", ["x", "t"], ["p"], name: "layer"), B.node("Add", ["p", "b"], ["y"], name: "bias"),
            ],
            constants: [
                B.tensor("w", [Float](repeating: 1, count: 12), [3, 4]), raw("b", [1, 2, 3] as [Float], [3]),
            ],
            inputs: [B.value("x", .float32, [nil, nil])], outputs: [B.field(1, "y")])
        let model = try B.load(B.model(graph))
        for _ in 0..<2 {
            let error = #expect(throws: BelfryError.self) {
                try model.run(["x": Tensor([Float](repeating: 1, count: 10), shape: [2, 5])])
            }
            #expect(error?.message.contains("“layer” (MatMul, opset 17)") == true, "\(error!)")
            let found = try model.run(["x": Tensor([Float](repeating: 1, count: 4), shape: [1, 4])])["y"]!
            #expect(found.values(Float.self) == [5, 6, 7])
        }
    }

    /// Each found pattern must not look at all of the graph again.
    @Test func manyPatternsAreFoundInTimeThatGrowsWithTheGraph() throws {
        var nodes: [[UInt8]] = []
        var last = "x"
        for layer in 0..<8000 {
            nodes.append(B.node("Transpose", ["w"], ["t\(layer)"], B.ints("perm", [1, 0])))
            nodes.append(B.node("MatMul", [last, "t\(layer)"], ["h\(layer)"]))
            last = "h\(layer)"
        }
        nodes.append(B.node("Identity", [last], ["y"]))
        let identity = (0..<16).map { Float($0 % 5 == 0 ? 1 : 0) }
        let model = try load(nodes, [raw("w", identity, [4, 4])], type: .float32, fuses: true)
        #expect(
            try model.run(["in": Tensor([1, 2, 3, 4] as [Float], shape: [1, 4])])["out"]!.values(Float.self) == [
                1, 2, 3, 4,
            ]
                as [Float])
    }
}
