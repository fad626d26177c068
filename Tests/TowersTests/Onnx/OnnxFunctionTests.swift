import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Models that define functions of their own run as if these were written out.
struct OnnxFunctionTests {
    private typealias B = OnnxBytes

    private func model(
        _ nodes: [[UInt8]], _ functions: [[UInt8]], constants: [[UInt8]] = [], opset: Int = 17
    ) -> [UInt8] {
        let graph = B.graph(
            nodes: nodes, constants: constants, inputs: [B.value("x", .float32, [nil])],
            outputs: [B.value("y", .float32, [nil])])
        return B.model(graph, opset: opset) + functions.flatMap { B.field(25, $0) }
            + B.field(8, B.field(1, "own") + B.field(2, 1))
    }

    private func run(_ bytes: [UInt8], _ x: [Float] = [1, -2, 3]) throws -> [Float] {
        try B.load(bytes).run(["x": Tensor(x, shape: [x.count])])["y"]!.values()
    }

    /// y = x · alpha, with alpha an attribute.
    private var scale: [UInt8] {
        let alpha = B.node("Constant", [], ["c"], B.reference("value_float", to: "alpha", type: 1))
        return B.function(
            "Scale", inputs: ["x"], outputs: ["y"], attributes: ["alpha"],
            nodes: [alpha, B.node("Mul", ["x", "c"], ["y"])])
    }

    @Test func callsHaveTheirOwnValuesAndAttributes() throws {
        let nodes = [
            B.node("Scale", ["x"], ["a"], B.float("alpha", 2), domain: "own"),
            B.node("Scale", ["a"], ["c"], B.float("alpha", -3), domain: "own"),
            B.node("Add", ["a", "c"], ["y"]),
        ]
        #expect(try run(model(nodes, [scale])) == [-4, 8, -12])
    }

    @Test func functionsCallFunctionsAndHandTheirAttributesOn() throws {
        let twice = B.function(
            "Twice", inputs: ["x"], outputs: ["y", "x"], attributes: [], defaults: [B.float("by", 5)],
            nodes: [
                B.node("Scale", ["x"], ["c"], B.reference("alpha", to: "by", type: 1), domain: "own"),
                B.node("Scale", ["c"], ["y"], B.reference("alpha", to: "by", type: 1), domain: "own"),
            ])
        let nodes = [
            B.node("Twice", ["x"], ["a", "b"], domain: "own"),
            B.node("Twice", ["x"], ["c"], B.float("by", 2), domain: "own"), B.node("Add", ["a", "b"], ["d"]),
            B.node("Add", ["c", "d"], ["y"]),
        ]
        #expect(try run(model(nodes, [scale, twice])) == [30, -60, 90])
    }

    /// An input that is left out, an attribute that nobody gives, and a name that an operator has, too.
    @Test func whatIsLeftOutIsLeftOut() throws {
        let clip = B.function(
            "Clip", domain: "", inputs: ["x", "least", "most"], outputs: ["y"], attributes: [],
            nodes: [B.node("Neg", ["x"], ["n"]), B.node("Max", ["n", "least"], ["y"])])
        let leaky = B.function(
            "Leaky", inputs: ["x"], outputs: ["y"], attributes: ["alpha"],
            nodes: [B.node("LeakyRelu", ["x"], ["y"], B.reference("alpha", to: "alpha", type: 1))])
        let nodes = [
            B.node("Clip", ["x", "zero"], ["n"]), B.node("Leaky", ["x"], ["l"], domain: "own"),
            B.node("Add", ["n", "l"], ["y"]),
        ]
        let found = try run(model(nodes, [clip, leaky], constants: [B.tensor("zero", [Float(0)], [])]))
        #expect(found[0] == 1 && abs(found[1] - 1.98) < 1e-6 && found[2] == 3)
    }

    @Test func branchesOfABodyReadItsValues() throws {
        func branch(_ name: String, _ alpha: String) -> [UInt8] {
            B.graph(
                name,
                B.graph(
                    nodes: [
                        B.node("Scale", ["x"], ["r"], B.reference("alpha", to: alpha, type: 1), domain: "own"),
                        B.node("Add", ["r", "one"], ["s"]),
                    ], outputs: [B.field(1, "s")]))
        }
        let choose = B.function(
            "Choose", inputs: ["x", "flag"], outputs: ["y"], attributes: ["yes", "no"],
            nodes: [
                B.node("Constant", [], ["one"], B.float("value_float", 1)),
                B.node("If", ["flag"], ["y"], branch("then_branch", "yes"), branch("else_branch", "no")),
            ])
        let flags = [("a", "high"), ("b", "low")].map { name, least in
            [
                B.node("ReduceMax", ["x"], ["max" + name], B.int("keepdims", 0)),
                B.node("Greater", ["max" + name, least], ["flag" + name]),
                B.node(
                    "Choose", ["x", "flag" + name], [name], B.float("yes", 2), B.float("no", 3), domain: "own"),
            ]
        }
        let bytes = model(
            flags.flatMap { $0 } + [B.node("Sub", ["a", "b"], ["y"])], [scale, choose],
            constants: [B.tensor("high", [Float(10)], []), B.tensor("low", [Float(0)], [])])
        #expect(try run(bytes) == [1, -2, 3])
    }

    /// The axes of ReduceSum are an attribute before opset 13, which the model's 17 does not take.
    @Test func bodiesKeepTheirOperatorSet() throws {
        func sum(opset: Int) -> [UInt8] {
            B.function(
                "Total", inputs: ["x"], outputs: ["y"], attributes: [], opset: opset,
                nodes: [B.node("ReduceSum", ["x"], ["y"], B.ints("axes", [0]))])
        }
        let nodes = [B.node("Total", ["x"], ["y"], name: "head", domain: "own")]
        #expect(try run(model(nodes, [sum(opset: 11)])) == [2])
        let error = #expect(throws: BelfryError.self) { try run(model(nodes, [sum(opset: 17)])) }
        #expect(error?.message.contains("“head/ReduceSum” (ReduceSum, opset 17)") == true, "\(error!)")
        // So does the copy of what goes out as it came in.
        let both = B.function(
            "Both", inputs: ["x"], outputs: ["y", "x"], attributes: [], nodes: [B.node("Neg", ["x"], ["y"])])
        let call = B.node("Both", ["x"], ["n", "y"], domain: "own")
        #expect(try run(model([call], [both], opset: 99)) == [1, -2, 3])
    }

    /// A graph that is handed to a function is its caller's, and may call the same function.
    @Test func aGraphThatIsHandedOverMayCallTheFunction() throws {
        let choose = B.function(
            "Choose", inputs: ["flag"], outputs: ["y"], attributes: ["body"],
            nodes: [
                B.node(
                    "If", ["flag"], ["y"], B.reference("then_branch", to: "body", type: 5),
                    B.reference("else_branch", to: "body", type: 5))
            ])
        let inner = B.graph(nodes: [B.node("Neg", ["x"], ["i"])], outputs: [B.field(1, "i")])
        let outer = B.graph(
            nodes: [
                B.node("Choose", ["flag"], ["a"], B.graph("body", inner), domain: "own"),
                B.node("Add", ["a", "one"], ["o"]),
            ], outputs: [B.field(1, "o")])
        let nodes = [
            B.node("ReduceMax", ["x"], ["most"], B.int("keepdims", 0)), B.node("Greater", ["most", "one"], ["flag"]),
            B.node("Choose", ["flag"], ["y"], B.graph("body", outer), domain: "own"),
        ]
        let bytes = model(nodes, [choose], constants: [B.tensor("one", [Float(1)], [])])
        #expect(try run(bytes) == [0, 3, -2])
        #expect(try run(bytes, [0, -1]) == [1, 2])
    }

    /// Numbers that a body keeps in the file count from its second call on: one call is the body itself.
    @Test func numbersOfABodyThatIsCalledOnceAreFree() throws {
        let count = OnnxFunctions.maxBytes / 4 + 1
        let numbers = B.tensor("", .float32, [count], raw: [UInt8](repeating: 0, count: 4 * count))
        let add = B.function(
            "AddMost", inputs: ["x"], outputs: ["y"], attributes: [],
            nodes: [
                B.node("Constant", [], ["c"], B.tensor("value", attribute: numbers)),
                B.node("ReduceMax", ["c"], ["most"], B.int("keepdims", 0)), B.node("Add", ["x", "most"], ["y"]),
            ])
        func call(_ from: String, _ to: String) -> [UInt8] { B.node("AddMost", [from], [to], domain: "own") }
        #expect(try run(model([call("x", "y")], [add])) == [1, -2, 3])
        let error = #expect(throws: BelfryError.self) { try run(model([call("x", "h"), call("h", "y")], [add])) }
        #expect(error?.code == .unsupported && error?.message.contains("bodies of functions") == true, "\(error!)")
    }

    /// A tower's own copy of the graph has no functions, and the versions of their operators.
    @Test func towersKeepWhatTheFunctionsSay() throws {
        let total = B.function(
            "Total", inputs: ["x"], outputs: ["y"], attributes: [], opset: 11,
            nodes: [B.node("ReduceSum", ["x"], ["y"], B.ints("axes", [0]))])
        try withTemporaryDirectory { folder in
            try Data(model([B.node("Total", ["x"], ["y"], domain: "own")], [total])).writeAnew(to: folder + "/m.onnx")
            try System.createDirectory(folder + "/packed")
            var packer = try OnnxPacker(folder + "/m.onnx")
            try packer.keep(output: "y")
            _ = try packer.write(to: folder + "/packed")
            #expect(packer.model.functions.isEmpty)
            let packed = try OnnxModel(folder + "/packed/" + TowerFiles.graph)
            let x = Tensor([1, 2, 4] as [Float], shape: [3])
            #expect(try packed.run(["x": x])["y"]!.values(Float.self) == [7])
        }
    }

    @Test func wrongFunctionsAreRefusedByName() throws {
        func refuses(
            _ bytes: [UInt8], _ code: BelfryError.Code, _ wanted: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let error = #expect(throws: BelfryError.self, sourceLocation: sourceLocation) { try B.load(bytes) }
            #expect(
                error?.code == code && error?.description.contains(wanted) == true, "\(error as Any)",
                sourceLocation: sourceLocation)
        }
        func function(_ name: String, _ nodes: [[UInt8]]) -> [UInt8] {
            B.function(name, inputs: ["x"], outputs: ["y"], attributes: [], nodes: nodes)
        }
        func call(_ name: String, _ from: String = "x", _ to: String = "y") -> [UInt8] {
            B.node(name, [from], [to], domain: "own")
        }
        refuses(model([call("a")], [function("a", [call("a")])]), .corruptData, "calls itself: “a” → “a”")
        refuses(
            model([call("a")], [function("a", [call("b")]), function("b", [call("a")])]), .corruptData,
            "“a” → “b” → “a”")
        refuses(model([call("a")], [function("a", []), function("a", [])]), .corruptData, "defined twice")
        refuses(
            model([B.node("Scale", ["x"], ["y"], B.float("beta", 2), domain: "own")], [scale]), .unsupported, "“beta”")
        refuses(model([B.node("Scale", ["x", "x"], ["y"], domain: "own")], [scale]), .corruptData, "2 inputs")
        refuses(
            model([B.node("LeakyRelu", ["x"], ["y"], B.reference("alpha", to: "a", type: 1))], []), .corruptData,
            "“alpha” refers to")

        // A chain is too deep, or doubles with every link.
        func chain(_ length: Int, _ calls: Int) -> [[UInt8]] {
            (0..<length).map { index in
                let inner = (0..<calls).map { call("f\(index + 1)", "x", $0 == 0 ? "y" : "z\($0)") }
                return function("f\(index)", index == length - 1 ? [B.node("Neg", ["x"], ["y"])] : inner)
            }
        }
        #expect(try run(model([call("f0")], chain(40, 1))) == [-1, 2, -3])
        refuses(model([call("f0")], chain(80, 1)), .unsupported, "more than 64 deep")
        refuses(model([call("f0")], chain(40, 2)), .unsupported, "bytes")

        // One large value in many places.
        let many = (0..<3000).map { B.node("Constant", [], ["c\($0)"], B.reference("value_floats", to: "v", type: 6)) }
        let spread = B.function(
            "Spread", inputs: ["x"], outputs: ["y"], attributes: ["v"], nodes: many + [B.node("Neg", ["x"], ["y"])])
        let floats = B.field(1, "v") + B.field(7, [UInt8](repeating: 0, count: 40_000)) + B.field(20, 6)
        refuses(model([B.node("Spread", ["x"], ["y"], floats, domain: "own")], [spread]), .unsupported, "bytes")

        // One long name in many places: the caller's of an input, the function's own before those of its nodes.
        let long = String(repeating: "n", count: 40_000)
        let readers = (0..<3000).map { B.node("Neg", ["x"], [$0 == 0 ? "y" : "n\($0)"]) }
        refuses(
            model([B.node("Neg", ["x"], [long]), call("Read", long)], [function("Read", readers)]), .unsupported,
            "bytes")
        refuses(model([call(long)], [function(long, readers)]), .unsupported, "bytes")
        let outputs = (0..<3000).map { "y\($0)" }
        let copies = B.function("Copy", inputs: ["x"], outputs: outputs.map { _ in "x" }, attributes: [], nodes: [])
        refuses(
            model([B.node("Neg", ["x"], [long]), B.node("Copy", [long], outputs, domain: "own")], [copies]),
            .unsupported, "bytes")

        // Each function puts ten graphs around the one that it was given, and hands it on; the last one forgets it.
        func wrap(_ index: Int) -> [UInt8] {
            var graph = B.graph(
                nodes: [B.node("If", ["x"], ["r"], B.reference("then_branch", to: "g", type: 5))],
                outputs: [B.field(1, "r")])
            for _ in 1..<10 {
                graph = B.graph(
                    nodes: [B.node("If", ["x"], ["r"], B.graph("then_branch", graph))], outputs: [B.field(1, "r")])
            }
            let next = B.node("w\(index + 1)", ["x"], ["y"], B.graph("g", graph), domain: "own")
            return B.function(
                "w\(index)", inputs: ["x"], outputs: ["y"], attributes: ["g"],
                nodes: index == 40 ? [B.node("Neg", ["x"], ["y"])] : [next])
        }
        let given = B.graph("g", B.graph(nodes: [], outputs: [B.field(1, "x")]))
        let first = B.node("w0", ["x"], ["y"], given, domain: "own")
        refuses(model([first], (0...40).map(wrap)), .unsupported, "deep in each other")
    }
}
