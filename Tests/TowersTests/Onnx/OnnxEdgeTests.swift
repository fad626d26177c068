import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Numbers, shapes and rows at the edge of what an operator is made for.
struct OnnxEdgeTests {
    private typealias B = OnnxBytes

    /// A model from x [rows, columns] to y.
    private func model(
        _ nodes: [[UInt8]], _ constants: [[UInt8]] = [], columns: Int? = 4, type: TensorType = .float32,
        opset: Int = 17, fuses: Bool = true
    ) throws -> OnnxModel {
        let graph = B.graph(
            nodes: nodes, constants: constants, inputs: [B.value("x", type, [nil, columns])],
            outputs: [B.field(1, "y")])
        return try B.load(B.model(graph, opset: opset), fuses: fuses)
    }

    private func run(_ model: OnnxModel, _ rows: [[Float]], threads: Int = 1) throws -> [Float] {
        let x = Tensor(rows.flatMap(\.self), shape: [rows.count, rows[0].count])
        return try #require(model.run(["x": x], threads: threads)["y"]).values()
    }

    // MARK: numbers

    /// What onnxruntime 1.22 gives: code, scale and zero point.
    @Test(
        arguments: [
            ([1e-44, 0, 0, 0], [255, 0, 0, 0], 0, 255), ([0, 0, 0, 0], [0, 0, 0, 0], 1, 0),
            ([-1e-44, 0, 0, 0], [0, 0, 0, 0], 0, 255), ([.infinity, 0, 0, 0], [0, 0, 0, 0], .infinity, 0),
            ([3e38, -3e38, 0, 0], [0, 0, 0, 0], .infinity, 0), ([1e-44, -1e-44, 0, 1e-45], [255, 0, 0, 255], 0, 255),
            ([2, 1, 1, 1], [255, 127, 127, 127], 2 / 255, 0),
        ] as [([Float], [UInt8], Float, UInt8)])
    func rangesTooSmallOrTooLargeAreQuantizedAsByOnnxruntime(
        row: [Float], codes: [UInt8], scale: Float, zero: UInt8
    ) throws {
        let graph = B.graph(
            nodes: [B.node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])],
            inputs: [B.value("x", .float32, [nil])], outputs: ["y", "scale", "zero"].map { B.field(1, $0) })
        let found = try B.load(B.model(graph)).run(["x": Tensor(row, shape: [4])])
        #expect(found["y"]!.values(UInt8.self) == codes && found["zero"]!.values(UInt8.self) == [zero])
        #expect(found["scale"]!.values(Float.self) == [scale])
    }

    @Test(arguments: [-1, 1], [true, false])
    func normsOfTinyRowsAreThoseOfOnnxruntime(axis: Int, isFirst: Bool) throws {
        let order: Int64 = isFirst ? 1 : 2
        let model = try model([
            B.node("LpNormalization", ["x"], ["y"], B.int("p", Int(order)), B.int("axis", axis))
        ])
        let rows: [[Float]] = [[1e-25, 0, 0, 0], [1e25, 0, 0, 0], [0, 0, -0.0, 0], [3, 0, 4, 0]]
        let found = try run(model, rows)
        guard axis == -1 else { return #expect(found.allSatisfy { $0.isFinite && abs($0) <= 1 }) }
        // The square of a tiny number is 0, that of a huge one infinite.
        let wanted: [Float] = isFirst ? [1, 1, 0, 3 / 7] : [0, 0, 0, 3 / 5]
        for row in 0..<4 { #expect(abs(found[4 * row] - wanted[row]) < 1e-6, "row \(row): \(found[4 * row])") }
    }

    @Test func bfloat16AreComparedAsNumbers() throws {
        func bytes(_ values: [Float]) -> [UInt8] {
            values.flatMap { value in withUnsafeBytes(of: BFloat16(value).bits) { Array($0) } }
        }
        func constant(_ name: String, _ values: [Float]) -> [UInt8] {
            B.tensor(name, .bfloat16, [values.count], raw: bytes(values))
        }
        let (left, right): ([Float], [Float]) = ([0, .nan, 1, 2, .nan], [-0.0, .nan, 1, 3, 1])
        for (a, b) in zip(left, right) {
            let (x, y) = (BFloat16(a), BFloat16(b))
            #expect((x == y) == (a == b) && (x != y) == (a != b) && (x < y) == (a < b) && (x > y) == (a > b))
            #expect((x <= y) == (a <= b) && (x >= y) == (a >= b), "\(a), \(b)")
        }
        #expect(Set([BFloat16(0), BFloat16(-0.0)]).count == 1)
        for name in ["Equal", "LessOrEqual"] {
            let model = try model(
                [B.node(name, ["a", "b"], ["e"]), B.node("Cast", ["e"], ["y"], B.int("to", 1))],
                [constant("a", left), constant("b", right)], opset: 16)
            let wanted: [Float] = name == "Equal" ? [1, 0, 1, 0, 0] : [1, 0, 1, 1, 0]
            #expect(try run(model, [[0, 0, 0, 0]]) == wanted)
        }
    }

    /// Over the last dimension, over another one, and for numbers of other types.
    @Test(arguments: [(1, TensorType.float32), (0, .float32), (1, .float64)])
    func softmaxOfNothingIsNothing(axis: Int, type: TensorType) throws {
        let model = try model([
            B.node("Cast", ["x"], ["c"], B.int("to", Int(type.rawValue))),
            B.node("Softmax", ["c"], ["s"], B.int("axis", axis)), B.node("Cast", ["s"], ["y"], B.int("to", 1)),
        ])
        let hidden = -Float.infinity
        #expect(
            try run(model, [[Float](repeating: hidden, count: 4), [Float](repeating: hidden, count: 4)])
                == [Float](repeating: 0, count: 8))
        let found = try run(model, [[0, hidden, 0, 1], [hidden, hidden, 0, hidden]])
        #expect(found[1] == 0 && found[5] == 0 && found[4] == 0 && found.allSatisfy(\.isFinite))
    }

    @Test func textsAreTheirBytes() {
        let table = StringTable()
        let (composed, apart) = ("caf\u{e9}", "cafe\u{301}")
        #expect(composed == apart)
        #expect(table.number(of: composed) == 0)
        let later = StringTable(after: table)
        #expect(later.number(of: composed) == 0 && later.number(of: apart) == 1 && later.number(of: apart) == 1)
        #expect(later.text(1).utf8.elementsEqual(apart.utf8))
    }

    // MARK: operators without cases of the standard

    @Test func operatorsOfTheOptimiser() throws {
        let row: [Float] = [1, -2, 3, 0.5]
        let curve = try model([
            B.node("QuickGelu", ["x"], ["y"], B.float("alpha", 2), domain: "com.microsoft")
        ])
        for (found, x) in try zip(run(curve, [row]), row) { #expect(abs(found - x / (1 + exp(-2 * x))) < 1e-6) }

        let weights = (0..<12).map { Float($0) - 5 }
        func product(_ shape: [Int], _ attributes: [UInt8]) throws -> [Float] {
            try run(
                model(
                    [
                        B.node(
                            "FusedMatMul", ["x", "w"], ["y"], B.float("alpha", 0.5), attributes, domain: "com.microsoft"
                        )
                    ],
                    [B.tensor("w", weights, shape)]), [row, row])
        }
        func weight(_ index: Int) -> Float { weights[index] / 2 }
        func sum(_ terms: [Float]) -> Float { terms.reduce(0, +) }
        var turned: [Float] = []
        var plain: [Float] = []
        for column in 0..<3 {
            turned.append(sum((0..<4).map { row[$0] * weight(column * 4 + $0) }))
            plain.append(sum((0..<4).map { row[$0] * weight($0 * 3 + column) }))
        }
        let second = try product([3, 4], B.int("transB", 1))
        #expect(second == turned + turned)
        let neither = try product([4, 3], B.int("transB", 0))
        #expect(neither == plain + plain)
        // xᵀ · w: both rows of x are the same.
        var left: [Float] = []
        for x in row { for column in 0..<6 { left.append(x * (weight(column) + weight(column + 6))) } }
        let first = try product([2, 6], B.int("transA", 1))
        #expect(first == left)

        let scale: [Float] = [1, 2, 3, 4]
        let mean = row.reduce(0) { $0 + $1 * $1 } / 4
        for domain in ["", "com.microsoft"] {
            let norm = try model(
                [B.node("SimplifiedLayerNormalization", ["x", "s"], ["y"], B.float("epsilon", 1e-6), domain: domain)],
                [B.tensor("s", scale, [4])])
            for (index, found) in try run(norm, [row]).enumerated() {
                #expect(abs(found - row[index] * scale[index] / (mean + 1e-6).squareRoot()) < 1e-6)
            }
        }
    }

    /// Every order of what is shared, own and summed.
    @Test(arguments: ["ab,cb->ac", "ab,cb->ca", "ab,ab->a", "ab,cb->", "ab,bc", "ab,ac->abc", "ab,cd->dbca"])
    func sumsOfProductsByLetters(equation: String) throws {
        let x: [[Float]] = [[1, -2, 3, 0.5], [2, 1, 0, -1], [4, 5, 6, 7], [0, 1, 0, 2]]
        let w = (0..<16).map { Float($0 % 5) - 2 }
        let text = B.field(1, "equation") + B.field(4, equation) + B.field(20, 3)
        let terms = equation.components(separatedBy: "->")
        let operands = terms[0].components(separatedBy: ",").map(Array.init)
        guard equation != "ab,cb->" else {
            // A letter of one operand that is summed away is not read.
            _ = #expect(throws: BelfryError.self) {
                try model([B.node("Einsum", ["x", "w"], ["y"], text)], [B.tensor("w", w, [4, 4])])
            }
            return
        }
        let found = try run(model([B.node("Einsum", ["x", "w"], ["y"], text)], [B.tensor("w", w, [4, 4])]), x)
        let letters = Array(Set(operands[0] + operands[1])).sorted()
        let result = terms.count > 1 ? Array(terms[1]) : ["a", "c"]
        var wanted = [Float](repeating: 0, count: result.reduce(1) { count, _ in count * 4 })
        for number in 0..<letters.reduce(1, { count, _ in count * 4 }) {
            var (rest, place) = (number, [Character: Int]())
            for letter in letters {
                place[letter] = rest % 4
                rest /= 4
            }
            wanted[result.reduce(0) { $0 * 4 + place[$1]! }] +=
                x[place[operands[0][0]]!][place[operands[0][1]]!]
                * w[place[operands[1][0]]! * 4 + place[operands[1][1]]!]
        }
        #expect(found == wanted)
    }

    // MARK: shapes

    @Test func axesMayNotBeNamedTwice() throws {
        let zeros = B.tensor("zeros", [Int64(0), 0], [2])
        let two = { (name: String, values: [Int64]) in B.tensor(name, values, [values.count]) }
        let cases: [([UInt8], [[UInt8]])] = [
            (
                B.node("Slice", ["w", "starts", "ends", "zeros"], ["y"]),
                [two("starts", [5, 5]), two("ends", [6, 6]), B.tensor("w", (0..<24).map { Float($0) }, [6, 4])]
            ), (B.node("Squeeze", ["w", "zeros"], ["y"]), [B.tensor("w", [Float(1), 2], [1, 2])]),
            (B.node("Unsqueeze", ["x", "zeros"], ["y"]), []), (B.node("ReduceSum", ["x", "zeros"], ["y"]), []),
        ]
        for (node, constants) in cases {
            let error = #expect(throws: BelfryError.self) {
                try run(model([node], [zeros] + constants), [[1, 2, 3, 4]])
            }
            #expect(error?.message.contains("name dimension 0 twice") == true, "\(error!)")
        }
    }

    @Test func productsOverNothingAreZeros() throws {
        let nothing = [B.tensor("zero", [Int64(0)], [1]), B.tensor("one", [Int64(1)], [1])]
        let cut = B.node("Slice", ["x", "zero", "zero", "one"], ["e"])
        let bias = B.tensor("b", [Float(1), 2, 3], [3])
        for (node, shape, wanted) in [
            (B.node("MatMul", ["e", "w"], ["y"]), [0, 3], [0, 0, 0]),
            (B.node("Gemm", ["e", "w"], ["y"], B.int("transB", 1)), [3, 0], [0, 0, 0]),
            (B.node("Gemm", ["e", "w", "b"], ["y"], B.int("transB", 1)), [3, 0], [1, 2, 3]),
            (B.node("Gemm", ["e", "w", "b"], ["y"]), [0, 3], [1, 2, 3]),
        ] as [([UInt8], [Int], [Float])] {
            let weight = B.tensor("w", .float32, shape, raw: [])
            for fuses in [true, false] {
                let model = try model([cut, node], nothing + [weight, bias], fuses: fuses)
                // Something has been in the memory before.
                for _ in 0..<3 { #expect(try run(model, [[1, 2, 3, 4], [5, 6, 7, 8]]) == wanted + wanted) }
            }
        }
    }

    @Test func wrongExtentsAreAnErrorAndNotACrash() throws {
        let cube = [
            B.node("Unsqueeze", ["x", "one"], ["c"]), B.node("Squeeze", ["d", "one"], ["y"]),
        ]
        let one = B.tensor("one", [Int64(1)], [1])
        func between(_ node: [UInt8]) -> [[UInt8]] { [cube[0], node, cube[1]] }
        let weights = B.tensor("w", [Float](repeating: 1, count: 16), [4, 4, 1])
        let square = B.tensor("w", [Float](repeating: 1, count: 48), [4, 12])
        let flat = B.tensor("w", [Float](repeating: 1, count: 4), [4])
        let huge = 1 << 62
        func attention(_ attributes: [UInt8]) -> [[UInt8]] {
            between(B.node("Attention", ["c", "w"], ["d"], attributes, B.int("num_heads", 1), domain: "com.microsoft"))
        }
        let empty = B.tensor("shape", [1 << 40, Int64(0)], [2])
        let cases: [([[UInt8]], [[UInt8]], Int)] = [
            (between(B.node("Conv", ["c", "w"], ["d"], B.int("group", huge))), [one, weights], 17),
            (
                between(B.node("Attention", ["c", "w"], ["d"], B.int("num_heads", huge), domain: "com.microsoft")),
                [one, square], 17
            ), (attention(B.ints("qkv_hidden_sizes", [huge, huge, huge])), [one, square], 17),
            ([B.node("Reshape", ["x"], ["y"], B.ints("shape", [1, 1, 1, 1, 1, 1, 1, 1, 4]))], [], 4),
            ([B.node("Squeeze", ["x", "w"], ["y"])], [flat], 11),
            ([B.node("Unsqueeze", ["x", "w"], ["y"])], [flat], 11),
            ([B.node("Slice", ["x", "w", "w", "w"], ["y"], B.ints("starts", [0]), B.ints("ends", [1]))], [flat], 9),
            ([B.node("ReduceMean", ["x", "one"], ["y"])], [one], 13),
            (
                [B.node("ConstantOfShape", ["shape"], ["e"]), B.node("Concat", ["e", "e"], ["y"], B.int("axis", 1))],
                [empty], 17
            ),
            (
                [
                    B.node("Cast", ["i"], ["j"], B.int("to", 7)), B.node("ScatterND", ["x", "j", "u"], ["y"]),
                ],
                [
                    B.tensor("i", .float32, [1 << 29, 0], raw: []), B.tensor("u", [Float(0)], [1]),
                ], 17
            ),
        ]
        for (index, (nodes, constants, opset)) in cases.enumerated() {
            #expect(throws: BelfryError.self, "case \(index)") {
                try run(model(nodes, constants, opset: opset), [[1, 2, 3, 4]])
            }
        }
    }

    @Test func aLoopEnds() throws {
        let body = B.graph(
            nodes: [B.node("Identity", ["go"], ["goOut"]), B.node("Identity", ["v"], ["next"])],
            inputs: [B.value("turn", .int64, []), B.value("go", .bool, []), B.field(1, "v")],
            outputs: [B.value("goOut", .bool, []), B.field(1, "next")])
        let model = try model(
            [B.node("Loop", ["m", "", "x"], ["y"], B.graph("body", body))], [B.tensor("m", [Int64(1) << 62], [])])
        let error = #expect(throws: BelfryError.self) { try run(model, [[1, 2, 3, 4]]) }
        #expect(error?.message.contains("more than 1048576 turns") == true)
    }

    // MARK: rows

    /// Each row's bits are its own: whatever rows stand beside it, and however many threads there are.
    @Test(arguments: [true, false])
    func aRowHasTheSameBitsAloneAndInABatch(fuses: Bool) throws {
        var random = SeededGenerator()
        func weight(_ name: String, _ shape: [Int]) -> [UInt8] {
            B.tensor(name, random.vector(shape.reduce(1, *)).map { $0 / 8 }, shape)
        }
        // A product of each kind: with a plain matrix, with a bias, with a matrix that is computed, with alpha and C.
        let model = try model(
            [
                B.node("MatMul", ["x", "a"], ["h1"]), B.node("Tanh", ["h1"], ["h2"]),
                B.node("Gemm", ["h2", "b", "bias"], ["h3"]), B.node("Relu", ["h3"], ["h4"]),
                B.node("Mul", ["c", "ratio"], ["d"]), B.node("ReduceMax", ["x"], ["top"], B.int("keepdims", 0)),
                B.node("Sign", ["top"], ["plus"]), B.node("Mul", ["d", "plus"], ["dynamic"]),
                B.node("MatMul", ["h4", "dynamic"], ["h5"]),
                B.node("Gemm", ["h5", "e", "h5"], ["y"], B.float("alpha", 0.5), B.int("transB", 1)),
            ],
            [
                weight("a", [64, 300]), weight("b", [300, 700]), weight("bias", [700]), weight("c", [700, 24]),
                B.tensor("ratio", [Float(0.5)], []), weight("e", [24, 24]),
            ], columns: 64, fuses: fuses)
        let rows = (0..<100).map { _ in random.vector(64).map { abs($0) } }
        let all = try run(model, rows)
        for threads in 2...3 { #expect(try run(model, rows, threads: threads) == all) }
        for (count, threads) in [(1, 1), (1, 2), (2, 1), (7, 2), (13, 1), (40, 2), (99, 3)] {
            let found = try run(model, Array(rows.prefix(count)), threads: threads)
            #expect(found == Array(all.prefix(found.count)), "\(count) rows, \(threads) threads, \(random)")
        }
        // Nothing is so small that it would have been left out.
        #expect(Set(all).count > 1000)
    }
}
