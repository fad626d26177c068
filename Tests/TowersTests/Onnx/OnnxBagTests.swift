import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Sums and means of a table's rows become one operator, and give the bits that they give as they are written.
struct OnnxBagTests {
    private typealias B = OnnxBytes

    /// How an exporter writes it.
    enum Form: CaseIterable {
        case mean, sum, weighted, weightedForAll, masked, maskedMean, meanOfHalf, lastAxis
    }

    private static let rows = 60
    private static let columns = [1, 8, 24, 32, 70, 144]

    private func model(_ form: Form, columns: Int, _ random: inout SeededGenerator) -> [UInt8] {
        let values = (0..<Self.rows * columns).map { _ in Float.random(in: -1...1, using: &random) }
        var table = B.tensor("table", values, [Self.rows, columns])
        if form == .meanOfHalf {
            table = B.tensor(
                "table", .float16, [Self.rows, columns],
                raw: values.flatMap { withUnsafeBytes(of: Float16($0)) { Array($0) } })
        }
        var nodes = [B.node("Gather", ["table", "ids"], [form == .meanOfHalf ? "halves" : "rows"])]
        if form == .meanOfHalf { nodes.append(B.node("Cast", ["halves"], ["rows"], B.int("to", 1))) }
        switch form {
        case .mean, .meanOfHalf:
            nodes.append(B.node("ReduceMean", ["rows"], ["y"], B.ints("axes", [1]), B.int("keepdims", 0)))
        case .sum: nodes.append(B.node("ReduceSum", ["rows", "second"], ["y"], B.int("keepdims", 1)))
        case .lastAxis: nodes.append(B.node("ReduceSum", ["rows", "two"], ["y"], B.int("keepdims", 0)))
        case .weighted, .weightedForAll:
            let weights = form == .weighted ? "mask" : "firstMask"
            nodes += [
                B.node("Slice", ["mask", "zero", "one", "zero"], ["firstMask"]),
                B.node("Unsqueeze", [weights, "last"], ["weights"]), B.node("Mul", ["weights", "rows"], ["weighted"]),
                B.node("ReduceMean", ["weighted"], ["y"], B.ints("axes", [-2]), B.int("keepdims", 0)),
            ]
        case .masked, .maskedMean:
            // A mean over what is no padding, by a count that is at least 1, or that may be 0.
            nodes += [
                B.node("Equal", ["ids", "padding"], ["isPadding"]), B.node("Not", ["isPadding"], ["isThere"]),
                B.node("Unsqueeze", ["isThere", "last"], ["there"]), B.node("Cast", ["there"], ["w"], B.int("to", 1)),
                B.node("Mul", ["rows", "w"], ["weighted"]),
                B.node("ReduceSum", ["weighted", "second"], ["total"], B.int("keepdims", 0)),
                B.node("ReduceSum", ["w", "second"], ["count"], B.int("keepdims", 0)),
                B.node("Clip", ["count", "least"], ["divisor"]),
                B.node("Div", ["total", form == .masked ? "count" : "divisor"], ["y"]),
            ]
        }
        let constants = [
            table, B.tensor("second", [Int64(1)], [1]), B.tensor("last", [Int64(-1)], [1]),
            B.tensor("two", [Int64(2)], [1]), B.tensor("zero", [Int64(0)], [1]), B.tensor("one", [Int64(1)], [1]),
            B.tensor("padding", [Int64(0)], []), B.tensor("least", [Float(1)], []),
        ]
        return B.model(
            B.graph(
                nodes: nodes, constants: constants,
                inputs: [B.value("ids", .int64, [nil, nil]), B.value("mask", .float32, [nil, nil])],
                outputs: [B.field(1, "y")]))
    }

    /// How many nodes of each operator are left.
    private func operators(_ bytes: [UInt8]) throws -> [String: Int] {
        try withTemporaryDirectory { folder in
            try Data(bytes).writeAnew(to: folder + "/model.onnx")
            let file = try OnnxImporter(folder + "/model.onnx")
            let fused = GraphFusion.fused(file.graph, opset: file.versions[Operator.standard]) { $0 }
            return fused.nodes.reduce(into: [:]) { $0[$1.operatorName, default: 0] += 1 }
        }
    }

    private func bits(_ tensor: Tensor) -> [UInt32] { tensor.values(Float.self).map(\.bitPattern) }

    @Test(arguments: Form.allCases, columns)
    func bagsHaveTheBitsOfTheGraphAsItIsWritten(form: Form, columns: Int) throws {
        var random = SeededGenerator()
        let bytes = model(form, columns: columns, &random)
        let left = try operators(bytes)
        let isBag = form != .lastAxis
        #expect(left["EmbeddingBag"] == (isBag ? 1 : nil) && left["Gather"] == (isBag ? nil : 1), "\(left)")
        let (fused, plain) = (try B.load(bytes), try B.load(bytes, fuses: false))
        for (lists, length) in [(1, 1), (3, 50), (2, 7), (4, 0), (0, 3)] {
            var ids = (0..<lists * length).map { _ in
                Int64.random(in: -Int64(Self.rows)..<Int64(Self.rows), using: &random)
            }
            // A list of padding alone, which has no mean.
            if form == .masked { for place in 0..<min(length, ids.count) { ids[place] = 0 } }
            let mask = ids.map { _ in Float.random(in: -2...2, using: &random) }
            func inputs(_ chosen: Range<Int>) -> [String: Tensor] {
                let places = chosen.lowerBound * length..<chosen.upperBound * length
                return [
                    "ids": Tensor(Array(ids[places]), shape: [chosen.count, length]),
                    "mask": Tensor(Array(mask[places]), shape: [chosen.count, length]),
                ]
            }
            let all = inputs(0..<lists)
            // Twice: the second run uses the plan of the first one's memory.
            for _ in 0..<2 {
                let (found, wanted) = (try fused.run(all)["y"]!, try plain.run(all)["y"]!)
                #expect(found.shape == wanted.shape)
                // ReduceSum takes a single column in eight parts.
                if columns > 1 {
                    #expect(bits(found) == bits(wanted), "\(lists) lists of \(length), seed \(random.seed)")
                } else {
                    for (found, wanted) in zip(found.values(Float.self), wanted.values(Float.self)) {
                        let isSame = found.isNaN && wanted.isNaN || abs(found - wanted) < 1e-4
                        #expect(isSame, "\(found), \(wanted), seed \(random.seed)")
                    }
                }
            }
            guard form != .weightedForAll, lists > 0 else { continue }
            let together = bits(try fused.run(all)["y"]!)
            for list in 0..<lists {
                let alone = bits(try fused.run(inputs(list..<list + 1))["y"]!)
                #expect(alone == Array(together[list * alone.count..<(list + 1) * alone.count]))
            }
        }
        #expect(fused.isFused, "a bag could not run")
    }

    /// All instruction sets add in the same order.
    @Test(arguments: InstructionSet.available)
    func instructionSetsAgree(instructionSet: InstructionSet) throws {
        var random = SeededGenerator()
        let bytes = model(.weighted, columns: 70, &random)
        let ids = (0..<60).map { _ in Int64.random(in: 0..<Int64(Self.rows), using: &random) }
        let mask = ids.map { _ in Float.random(in: -2...2, using: &random) }
        let inputs = ["ids": Tensor(ids, shape: [3, 20]), "mask": Tensor(mask, shape: [3, 20])]
        try withTemporaryDirectory { folder in
            try Data(bytes).writeAnew(to: folder + "/model.onnx")
            let model = try OnnxModel(folder + "/model.onnx", instructionSet: instructionSet)
            let plain = try OnnxModel(folder + "/model.onnx", fuses: false)
            #expect(bits(try model.run(inputs)["y"]!) == bits(try plain.run(inputs)["y"]!), "seed \(random.seed)")
            #expect(model.isFused, "a bag could not run")
        }
    }

    @Test func whatIsReadElsewhereStays() throws {
        func graph(_ nodes: [[UInt8]], ids: [Int?] = [nil, nil], outputs: [String] = ["y"]) -> [UInt8] {
            B.model(
                B.graph(
                    nodes: nodes,
                    constants: [B.tensor("table", [Float(1), 2, 3, 4], [2, 2]), B.tensor("second", [Int64(1)], [1])],
                    inputs: [B.value("ids", .int64, ids)], outputs: outputs.map { B.field(1, $0) }))
        }
        let gather = B.node("Gather", ["table", "ids"], ["rows"])
        let sum = B.node("ReduceSum", ["rows", "second"], ["y"])
        #expect(try operators(graph([gather, sum]))["EmbeddingBag"] == 1)
        #expect(try operators(graph([gather, sum], outputs: ["y", "rows"]))["EmbeddingBag"] == nil)
        #expect(
            try operators(graph([gather, sum, B.node("Neg", ["rows"], ["z"])], outputs: ["y", "z"]))["EmbeddingBag"]
                == nil)
        #expect(try operators(graph([gather, sum], ids: [nil]))["EmbeddingBag"] == nil)
        #expect(try operators(graph([gather, sum], ids: [nil, nil, nil]))["EmbeddingBag"] == nil)
        #expect(try operators(graph([gather, B.node("ReduceSum", ["rows"], ["y"])]))["EmbeddingBag"] == nil)
        let columns = B.node("Gather", ["table", "ids"], ["rows"], B.int("axis", 1))
        #expect(try operators(graph([columns, sum]))["EmbeddingBag"] == nil)
    }

    /// A graph over numbers whose last axis is the sum's only if they have two dimensions.
    private func sum(
        over ids: [Int?], through nodes: [[UInt8]] = [], _ rest: [[UInt8]]? = nil, opset: Int = 17
    ) -> [UInt8] {
        let sum = [
            B.node("Gather", ["table", "ids"], ["rows"]),
            B.node("ReduceSum", ["rows", "second"], ["y"], B.int("keepdims", 0)),
        ]
        return B.model(
            B.graph(
                nodes: nodes + (rest ?? sum),
                constants: [
                    B.tensor("table", (0..<12).map(Float.init), [6, 2]),
                    B.tensor("other", (0..<12).map { 2 - Float($0) }, [6, 2]),
                    B.tensor("single", (0..<6).map { Float($0) - 3 }, [6, 1]), B.tensor("second", [Int64(1)], [1]),
                    B.tensor("first", [Int64(0)], [1]), B.tensor("last", [Int64(-1)], [1]),
                ],
                inputs: [B.value(nodes.isEmpty ? "ids" : "given", .int32, ids)], outputs: [B.field(1, "y")]),
            opset: opset)
    }

    /// Casts and dimensions of one element are looked through; behind anything else only an axis from the end tells.
    @Test func axesFromTheFrontNeedAKnownRank() throws {
        let cast = B.node("Cast", ["given"], ["ids"], B.int("to", 7))
        let wider = B.node("Unsqueeze", ["given", "second"], ["ids"])
        func isBag(_ bytes: [UInt8]) throws -> Bool { try operators(bytes)["EmbeddingBag"] == 1 }
        #expect(try isBag(sum(over: [nil, nil], through: [cast])))
        #expect(try !isBag(sum(over: [nil], through: [cast])))
        #expect(try isBag(sum(over: [nil], through: [wider])))
        #expect(try !isBag(sum(over: [nil, nil], through: [wider])))
        let shorter = [
            B.node("Squeeze", ["given", "last"], ["less"]), B.node("Cast", ["less"], ["ids"], B.int("to", 7)),
        ]
        #expect(try isBag(sum(over: [nil, nil, 1], through: shorter)))
        #expect(try !isBag(sum(over: [nil, 1], through: shorter)))
        let unknown = [B.node("Abs", ["given"], ["ids"])]
        #expect(try !isBag(sum(over: [nil, nil], through: unknown)))
        let fromTheEnd = [
            B.node("Gather", ["table", "ids"], ["rows"]), B.node("ReduceMean", ["rows"], ["y"], B.ints("axes", [-2])),
        ]
        #expect(try isBag(sum(over: [nil, nil], through: unknown, fromTheEnd)))
        // A circle has no rank.
        let circle = [B.node("Cast", ["b"], ["ids"], B.int("to", 7)), B.node("Cast", ["ids"], ["b"], B.int("to", 7))]
        #expect(try !isBag(sum(over: [nil], through: circle)))
    }

    /// Products of two tables' rows, which are no weights unless one table has a single column.
    @Test func rowsOfTwoTablesAreNoBag() throws {
        func product(_ other: String, _ axes: String) -> [[UInt8]] {
            [
                B.node("Gather", ["table", "ids"], ["rows"]), B.node("Gather", [other, "ids"], ["others"]),
                B.node("Mul", ["rows", "others"], ["products"]),
                B.node("ReduceSum", ["products", axes], ["y"], B.int("keepdims", 0)),
            ]
        }
        for (other, axes, isBag) in [("other", "second", false), ("other", "first", false), ("single", "first", true)] {
            let bytes = sum(over: [nil], product(other, axes))
            #expect(try operators(bytes)["EmbeddingBag"] == (isBag ? 1 : nil), "\(other), \(axes)")
            let model = try B.load(bytes)
            let ids = ["ids": Tensor([1, 5, 2] as [Int32], shape: [3])]
            let wanted = try B.load(bytes, fuses: false).run(ids)["y"]!
            #expect(bits(try model.run(ids)["y"]!) == bits(wanted) && model.isFused)
        }
    }

    /// Axes are an input of ReduceSum from opset 13 on, of ReduceMean from 18 on; the other form is an error as a bag, too.
    @Test(arguments: [("ReduceSum", 13), ("ReduceMean", 18)])
    func axesHaveTheFormOfTheVersion(name: String, inputFrom: Int) throws {
        func graph(asInput: Bool, opset: Int, _ attributes: [UInt8] = []) -> [UInt8] {
            let reduced =
                asInput
                ? B.node(name, ["rows", "second"], ["y"])
                : B.node(name, ["rows"], ["y"], B.ints("axes", [1]))
            return sum(
                over: [nil, nil],
                [
                    B.node("Gather", ["table", "ids"], ["rows"]),
                    reduced + (attributes.isEmpty ? [] : B.field(5, attributes)),
                ], opset: opset)
        }
        let nothing = B.int("noop_with_empty_axes", 1)
        for (opset, asInput) in [(inputFrom - 1, false), (inputFrom, true)] {
            #expect(try operators(graph(asInput: asInput, opset: opset))["EmbeddingBag"] == 1)
            _ = try B.load(graph(asInput: asInput, opset: opset))
            #expect(throws: BelfryError.self) { try B.load(graph(asInput: !asInput, opset: opset)) }
        }
        _ = try B.load(graph(asInput: true, opset: inputFrom, nothing))
        #expect(throws: BelfryError.self) { try B.load(graph(asInput: false, opset: inputFrom - 1, nothing)) }
    }

    /// What only a run shows to be no weights: from then on the model runs as it is written.
    @Test func weightsOfEachColumnRunAsTheyAreWritten() throws {
        let bytes = B.model(
            B.graph(
                nodes: [
                    B.node("Gather", ["table", "ids"], ["rows"]), B.node("Mul", ["rows", "w"], ["products"]),
                    B.node("ReduceSum", ["products", "second"], ["y"], B.int("keepdims", 0)),
                ],
                constants: [
                    B.tensor("table", (0..<12).map(Float.init), [6, 2]), B.tensor("second", [Int64(1)], [1]),
                ],
                inputs: [B.value("ids", .int64, [nil, nil]), B.value("w", .float32, [nil, nil, nil])],
                outputs: [B.field(1, "y")]))
        #expect(try operators(bytes)["EmbeddingBag"] == 1)
        let model = try B.load(bytes)
        func run(_ weights: [Float]) throws -> [Float] {
            let ids = Tensor([1, 2] as [Int64], shape: [1, 2])
            let w = Tensor(weights, shape: [1, 2, weights.count / 2])
            return try model.run(["ids": ids, "w": w])["y"]!.values()
        }
        #expect(try run([1, 10]) == [42, 53] && model.isFused)
        for _ in 0..<2 {
            #expect(try run([1, 10, 100, 1000]) == [402, 5030] && !model.isFused)
            #expect(try run([1, 10]) == [42, 53])
        }
    }

    /// Lists whose rank the graph does not say run as they are written.
    @Test func anotherRankRunsAsItIsWritten() throws {
        let bytes = B.model(
            B.graph(
                nodes: [
                    B.node("Reshape", ["flat", "shape"], ["ids"]), B.node("Gather", ["table", "ids"], ["rows"]),
                    B.node("ReduceSum", ["rows", "second"], ["y"], B.int("keepdims", 0)),
                ],
                constants: [
                    B.tensor("table", (0..<12).map(Float.init), [6, 2]), B.tensor("second", [Int64(1)], [1]),
                ],
                inputs: [B.value("flat", .int64, [nil]), B.value("shape", .int64, [nil])], outputs: [B.field(1, "y")]))
        #expect(try operators(bytes)["EmbeddingBag"] == nil)
        let model = try B.load(bytes)
        func run(_ shape: [Int64]) throws -> [Float] {
            let flat = Tensor([0, 1, 2, 3] as [Int64], shape: [4])
            return try model.run(["flat": flat, "shape": Tensor(shape, shape: [shape.count])])["y"]!.values()
        }
        for _ in 0..<2 {
            #expect(try run([2, 2]) == [2, 4, 10, 12])
            #expect(try run([4]) == [1, 5, 9, 13])
            #expect(try run([1, 2, 2]) == [4, 6, 8, 10])
        }
    }

    @Test func aRowThatIsNotThereIsNamed() throws {
        var random = SeededGenerator()
        let model = try B.load(model(.mean, columns: 8, &random))
        let mask = Tensor([1] as [Float], shape: [1, 1])
        for id in [Int64(Self.rows), -Int64(Self.rows) - 1] {
            let error = #expect(throws: BelfryError.self) {
                try model.run(["ids": Tensor([id], shape: [1, 1]), "mask": mask])
            }
            #expect(error?.message.contains("Gather") == true && error?.message.contains("\(id)") == true, "\(error!)")
        }
        // The patterns are right, and the program that named the operator is kept for the next wrong number.
        let kept = try model.plainProgram()
        #expect(try model.plainProgram() === kept)
        #expect(model.isFused)
    }
}
