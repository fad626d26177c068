import Foundation
import TestSupport

@testable import Towers

/// ONNX files made by hand, field by field, so that tests can make wrong ones, too.
enum OnnxBytes {
    static func varint(_ value: UInt64) -> [UInt8] {
        var (value, bytes) = (value, [UInt8]())
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        return bytes + [UInt8(value)]
    }

    static func field(_ number: UInt64, _ value: Int) -> [UInt8] {
        varint(number << 3) + varint(UInt64(bitPattern: Int64(value)))
    }

    static func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
    }

    static func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    // MARK: messages

    static func tensor(_ name: String, _ type: TensorType, _ dims: [Int], raw: [UInt8]) -> [UInt8] {
        dims.flatMap { field(1, $0) } + field(2, Int(type.rawValue)) + field(8, name) + field(9, raw)
    }

    static func tensor(_ name: String, _ values: [Float], _ dims: [Int]) -> [UInt8] {
        tensor(name, .float32, dims, raw: values.flatMap { withUnsafeBytes(of: $0) { Array($0) } })
    }

    static func tensor(_ name: String, _ values: [Int64], _ dims: [Int]) -> [UInt8] {
        tensor(name, .int64, dims, raw: values.flatMap { withUnsafeBytes(of: $0) { Array($0) } })
    }

    static func external(_ name: String, _ dims: [Int], _ entries: [String: String]) -> [UInt8] {
        dims.flatMap { field(1, $0) } + field(2, Int(TensorType.float32.rawValue)) + field(8, name)
            + entries.flatMap { field(13, field(1, $0.key) + field(2, $0.value)) } + field(14, 1)
    }

    static func int(_ name: String, _ value: Int) -> [UInt8] { field(1, name) + field(3, value) + field(20, 2) }
    static func float(_ name: String, _ value: Float) -> [UInt8] {
        field(1, name) + varint(2 << 3 | 5) + withUnsafeBytes(of: value) { Array($0) } + field(20, 1)
    }
    static func tensor(_ name: String, attribute tensor: [UInt8]) -> [UInt8] {
        field(1, name) + field(5, tensor) + field(20, 4)
    }
    static func graph(_ name: String, _ graph: [UInt8]) -> [UInt8] { field(1, name) + field(6, graph) + field(20, 5) }

    /// An attribute that refers to the one of its function that is called `other`; the type is a number of the standard.
    static func reference(_ name: String, to other: String, type: Int) -> [UInt8] {
        field(1, name) + field(20, type) + field(21, other)
    }

    static func function(
        _ name: String, domain: String = "own", inputs: [String], outputs: [String], attributes: [String],
        defaults: [[UInt8]] = [], opset: Int = 17, nodes: [[UInt8]]
    ) -> [UInt8] {
        field(1, name) + inputs.flatMap { field(4, $0) } + outputs.flatMap { field(5, $0) }
            + attributes.flatMap { field(6, $0) } + nodes.flatMap { field(7, $0) }
            + field(9, field(1, "") + field(2, opset)) + field(9, field(1, "own") + field(2, 1))
            + (domain.isEmpty ? [] : field(10, domain)) + defaults.flatMap { field(11, $0) }
    }

    static func node(
        _ operatorName: String, _ inputs: [String], _ outputs: [String], _ attributes: [UInt8]..., name: String = "",
        domain: String = ""
    ) -> [UInt8] {
        inputs.flatMap { field(1, $0) } + outputs.flatMap { field(2, $0) } + field(3, name) + field(4, operatorName)
            + attributes.flatMap { field(5, $0) } + (domain.isEmpty ? [] : field(7, domain))
    }

    static func value(_ name: String, _ type: TensorType, _ dims: [Int?]) -> [UInt8] {
        let shape = dims.flatMap { field(1, $0.map { field(1, $0) } ?? field(2, "n")) }
        return field(1, name) + field(2, field(1, field(1, Int(type.rawValue)) + field(2, shape)))
    }

    static func graph(
        nodes: [[UInt8]], constants: [[UInt8]] = [], inputs: [[UInt8]] = [], outputs: [[UInt8]]
    ) -> [UInt8] {
        nodes.flatMap { field(1, $0) } + field(2, "main") + constants.flatMap { field(5, $0) }
            + inputs.flatMap { field(11, $0) } + outputs.flatMap { field(12, $0) }
    }

    static func model(_ graph: [UInt8], opset: Int = 17) -> [UInt8] {
        field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, opset))
            + field(8, field(1, "com.microsoft") + field(2, 1))
    }

    /// The model of a graph, compiled.
    static func load(_ bytes: [UInt8], fuses: Bool = true) throws -> OnnxModel {
        try withTemporaryDirectory { folder in
            try Data(bytes).writeAnew(to: folder + "/model.onnx")
            return try OnnxModel(folder + "/model.onnx", fuses: fuses)
        }
    }

    /// A small model of many parts: a table of embeddings, a product, a norm, a branch, a loop, texts.
    static let sample: [UInt8] = {
        let float2 = { (name: String) in value(name, .float32, [nil, 2]) }
        let thenBranch = graph(nodes: [node("Add", ["h", "bias"], ["t"])], outputs: [float2("t")])
        let elseBranch = graph(nodes: [node("Neg", ["h"], ["e"])], outputs: [float2("e")])
        let body = graph(
            nodes: [
                node("Identity", ["go"], ["goOut"]), node("Mul", ["state", "half"], ["next"]),
                node("ReduceSum", ["next"], ["total"], int("keepdims", 0)),
            ],
            inputs: [value("turn", .int64, []), value("go", .bool, []), float2("state")],
            outputs: [value("goOut", .bool, []), float2("next"), value("total", .float32, [])])
        let main = graph(
            nodes: [
                node("Gather", ["table", "ids"], ["x"]),
                node("Transpose", ["weight"], ["weightT"], ints("perm", [1, 0])),
                node("MatMul", ["x", "weightT"], ["p"]), node("Add", ["p", "bias"], ["h"]),
                node("ReduceMax", ["ids"], ["top"], int("keepdims", 0)), node("Greater", ["top", "three"], ["big"]),
                node(
                    "If", ["big"], ["chosen"], graph("then_branch", thenBranch), graph("else_branch", elseBranch)),
                node("Loop", ["three", "", "chosen"], ["last", "sums"], graph("body", body)),
                node("Shape", ["last"], ["shape"]), node("Reshape", ["last", "shape"], ["out"]),
                node("Expand", ["half", "wide"], ["halves"]), node("Split", ["halves"], ["a", "b"], int("axis", 1)),
            ],
            constants: [
                tensor("table", (0..<12).map { Float($0) / 7 }, [6, 2]),
                tensor("weight", [Float(1), 2, 3, -4], [2, 2]),
                tensor("bias", [0.5, -0.5], [2]), tensor("half", [Float(0.5)], []), tensor("three", [Int64(3)], []),
                tensor("wide", [Int64(3), 4], [2]),
            ],
            inputs: [value("ids", .int64, [nil])],
            outputs: [float2("out"), value("sums", .float32, [nil]), value("a", .float32, [3, 2])])
        return model(main)
    }()

    /// A small model whose one node calls a function that calls another one, in a branch, too.
    static let sampleOfFunctions: [UInt8] = {
        let scale = function(
            "Scale", inputs: ["x"], outputs: ["y"], attributes: ["alpha"],
            nodes: [
                node("Constant", [], ["c"], reference("value_float", to: "alpha", type: 1)),
                node("Mul", ["x", "c"], ["y"]),
            ])
        let call = node("Scale", ["x"], ["s"], float("alpha", 2), domain: "own")
        let handed = node("Scale", ["x"], ["s"], reference("alpha", to: "by", type: 1), domain: "own")
        let outer = function(
            "Outer", inputs: ["x"], outputs: ["y"], attributes: [], defaults: [float("by", 3)],
            nodes: [
                node("Size", ["x"], ["n"]), node("Cast", ["n"], ["flag"], int("to", 9)),
                node(
                    "If", ["flag"], ["y"], graph("then_branch", graph(nodes: [call], outputs: [field(1, "s")])),
                    graph("else_branch", graph(nodes: [handed], outputs: [field(1, "s")]))),
            ])
        let main = graph(
            nodes: [node("Outer", ["x"], ["y"], domain: "own")], inputs: [value("x", .float32, [nil])],
            outputs: [value("y", .float32, [nil])])
        return model(main) + field(25, scale) + field(25, outer) + field(8, field(1, "own") + field(2, 1))
    }()

    static func ints(_ name: String, _ values: [Int]) -> [UInt8] {
        field(1, name) + values.flatMap { field(8, $0) } + field(20, 7)
    }
}
