import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// The least and the greatest integers wherever a file has one: in an attribute, in a shape, in an index. What comes of
/// them does not matter here, as long as it is a result or an error.
@Suite struct ExtremeIntegerTests {
    private static let extremes: [Int64] = [
        .min, .min + 1, -1 << 62, -1 << 31, -1, 0, 1 << 40, 1 << 62, .max - 1, .max,
    ]

    /// Every integer of every conformance case in turn.
    @Test(.enabled(if: TestData.has(Conformance.folder + "/1.22.0/node", Conformance.folder + "/1.12.0/node")))
    func everyOperatorTakesAnyInteger() throws {
        var runs = 0
        for version in ["1.22.0", "1.12.0"] {
            let folder = Conformance.folder + "/\(version)/node"
            for name in try System.list(folder) where !name.contains("_expanded") {
                runs += try attack(folder + "/" + name)
            }
        }
        print("extreme integers: \(runs) runs")
        #expect(runs > 1000)
    }

    /// Several integers at once, of nodes, constants and inputs, in cases drawn at random.
    @Test(.enabled(if: TestData.has(Conformance.folder + "/1.22.0/node"))) func severalAtOnce() throws {
        var random = SeededGenerator()
        let folder = Conformance.folder + "/1.22.0/node"
        let cases = try System.list(folder).filter { !$0.contains("_expanded") }.sorted().compactMap {
            (name) -> (Graph, [String: Int], [Tensor])? in
            guard let file = try? OnnxImporter("\(folder)/\(name)/model.onnx"),
                let model = try? OnnxModel("\(folder)/\(name)/model.onnx")
            else { return nil }
            let inputs = model.inputs.indices.map {
                try? OnnxTensorReader.read("\(folder)/\(name)/test_data_set_0/input_\($0).pb").tensor
            }
            guard !inputs.contains(where: { $0 == nil }) else { return nil }
            return (file.graph, file.versions, inputs.map { $0! })
        }
        #expect(cases.count > 100)
        func extreme() -> Int { Int(Self.extremes.randomElement(using: &random)!) }
        func changed(_ tensor: Tensor) -> Tensor {
            guard tensor.type == .int64, (1...16).contains(tensor.count) else { return tensor }
            var values = tensor.values(Int64.self)
            values[Int.random(in: values.indices, using: &random)] = Int64(extreme())
            return Tensor(values, shape: tensor.shape)
        }
        for _ in 0..<Fuzz.executions {
            var (graph, versions, inputs) = cases.randomElement(using: &random)!
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    guard let name = graph.constants.keys.sorted().randomElement(using: &random) else { continue }
                    graph.constants[name] = changed(graph.constants[name]!)
                case 1:
                    guard let index = inputs.indices.randomElement(using: &random) else { continue }
                    inputs[index] = changed(inputs[index])
                default:
                    guard let index = graph.nodes.indices.randomElement(using: &random),
                        let name = graph.nodes[index].attributes.keys.sorted().randomElement(using: &random)
                    else { continue }
                    switch graph.nodes[index].attributes[name] {
                    case .int: graph.nodes[index].attributes[name] = .int(extreme())
                    case .ints(var values) where !values.isEmpty:
                        values[Int.random(in: values.indices, using: &random)] = extreme()
                        graph.nodes[index].attributes[name] = .ints(values)
                    default: break
                    }
                }
            }
            let model = try? OnnxModel(folder, graph, versions, .current, fuses: true)
            _ = try? model?.run(inputs)
        }
    }

    /// Runs the case in `folder` with each of its integers changed. How many runs.
    private func attack(_ folder: String) throws -> Int {
        guard let model = try? OnnxModel(folder + "/model.onnx") else { return 0 }
        let set = folder + "/test_data_set_0"
        var inputs: [Tensor] = []
        for index in model.inputs.indices {
            guard let input = try? OnnxTensorReader.read("\(set)/input_\(index).pb").tensor else { return 0 }
            inputs.append(input)
        }
        var runs = 0
        // What is an input here may be a constant in another file: the kernels are the same.
        for index in inputs.indices where inputs[index].type == .int64 && (1...16).contains(inputs[index].count) {
            for extreme in Self.extremes {
                for place in 0..<inputs[index].count {
                    var changed = inputs
                    var values = inputs[index].values(Int64.self)
                    values[place] = extreme
                    changed[index] = Tensor(values, shape: inputs[index].shape)
                    _ = try? model.run(changed)
                    runs += 1
                }
            }
        }
        let file = try OnnxImporter(folder + "/model.onnx")
        func attack(_ change: (inout Graph) -> Void) {
            var graph = file.graph
            change(&graph)
            let model = try? OnnxModel(folder, graph, file.versions, .current, fuses: true)
            _ = try? model?.run(inputs)
            runs += 1
        }
        for extreme in Self.extremes.map({ Int($0) }) {
            for (index, node) in file.graph.nodes.enumerated() {
                for (name, attribute) in node.attributes {
                    switch attribute {
                    case .int: attack { $0.nodes[index].attributes[name] = .int(extreme) }
                    case .ints(let values):
                        for place in values.indices {
                            var values = values
                            values[place] = extreme
                            attack { $0.nodes[index].attributes[name] = .ints(values) }
                        }
                    default: break
                    }
                }
            }
            for (name, tensor) in file.graph.constants where tensor.type == .int64 && (1...16).contains(tensor.count) {
                for place in 0..<tensor.count {
                    var values = tensor.values(Int64.self)
                    values[place] = Int64(extreme)
                    attack { $0.constants[name] = Tensor(values, shape: tensor.shape) }
                }
            }
        }
        return runs
    }

    /// Pads, strides and windows that would be more places than memory has.
    @Test func windowsAndPadsOfAnySize() throws {
        typealias B = OnnxBytes
        func run(_ node: [UInt8], _ dims: [Int], _ constants: [[UInt8]] = [], opset: Int = 17) throws {
            let bytes = B.model(
                B.graph(
                    nodes: [node], constants: constants, inputs: [B.value("x", .float32, dims)],
                    outputs: [B.field(1, "y")]), opset: opset)
            #expect(throws: BelfryError.self) {
                let model = try B.load(bytes)
                let shape = try #require(Shape(dims))
                _ = try model.run([Tensor([Float](repeating: 1, count: shape.elements), shape: shape)])
            }
        }
        for extreme in [Int.min, Int.min + 1, Int.max, -1 << 62, 1 << 62] {
            let pads = B.tensor("pads", [Int64(extreme), 0], [2])
            try run(B.node("Pad", ["x", "pads"], ["y"]), [3], [pads])
            try run(B.node("Pad", ["x"], ["y"], B.ints("pads", [0, extreme])), [3], opset: 10)
            try run(B.node("Reshape", ["x", "pads"], ["y"]), [3], [pads])
        }
        let weights = B.tensor("w", [Float(1)], [1, 1, 1, 1, 1])
        let widest = [Int](repeating: 1 << 20 - 1, count: 6)
        try run(B.node("Conv", ["x", "w"], ["y"], B.ints("pads", widest)), [1, 1, 64, 64, 1], [weights])
        try run(B.node("Cast", ["x"], ["y"], B.int("to", 1 << 32 | 1)), [1])
    }

    /// An input whose fixed extents have no product.
    @Test func extentsOfInputsOfAnySize() throws {
        typealias B = OnnxBytes
        try withTemporaryDirectory { folder in
            for (dims, says) in [([nil, 1 << 40, 1 << 40], "has the shape"), ([1 << 40, 4], "rows at a time")] {
                let graph = B.graph(
                    nodes: [B.node("Identity", ["x"], ["z"]), B.node("Neg", ["z"], ["y"])],
                    inputs: [B.value("x", .float32, dims)], outputs: [B.value("y", .float32, [nil, nil])])
                try Data(B.model(graph)).writeAnew(to: folder + "/model.onnx")
                try Data(#"{"format": 1, "columns": [{"input": "x", "type": "vector", "length": 4}]}"#.utf8).writeAnew(
                    to: folder + "/features.json")
                let error = #expect(throws: BelfryError.self) {
                    try Tower.importModel(from: folder, to: folder + "/t.tower")
                }
                #expect(error?.message.contains(says) == true, "\(error!)")
            }
        }
    }
}
