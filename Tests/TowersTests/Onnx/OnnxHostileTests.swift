import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Files that are wrong on purpose: each is refused with an error that names the place.
struct OnnxHostileTests {
    private typealias B = OnnxBytes

    private func refuses(
        _ bytes: [UInt8], _ code: BelfryError.Code, _ wanted: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try withTemporaryDirectory { folder in
            try Data(bytes).writeAnew(to: folder + "/model.onnx")
            try Data([UInt8](repeating: 0, count: 64)).writeAnew(to: folder + "/weights")
            let error = try #require(throws: BelfryError.self, sourceLocation: sourceLocation) {
                try OnnxModel(folder + "/model.onnx")
            }
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
            for wanted in wanted {
                #expect(error.description.contains(wanted), "\(error)", sourceLocation: sourceLocation)
            }
        }
    }

    /// A model of these nodes with the input x, the output y and the constant c.
    private func model(_ nodes: [[UInt8]], constant: [UInt8] = B.tensor("c", [Float(1)], []), opset: Int = 17)
        -> [UInt8]
    {
        B.model(
            B.graph(
                nodes: nodes, constants: [constant], inputs: [B.value("x", .float32, [nil])],
                outputs: [B.value("y", .float32, [nil])]), opset: opset)
    }

    @Test func operatorsAreRefusedAtImportByNameAndOpset() throws {
        try refuses(
            model([B.node("Fancy", ["x"], ["y"], name: "layer7")]), .unsupported, "“layer7” (Fancy, opset 17)",
            "not supported")
        try refuses(
            model([B.node("Relu", ["x"], ["y"])], opset: 99), .unsupported, "(Relu, opset 99)", "supported are 6…")
        try refuses(
            model([B.node("Relu", ["x"], ["y"], B.int("slope", 3))]), .unsupported, "the attribute “slope”")
        try refuses(model([B.node("Not", ["x"], ["y"])]), .unsupported, "input 0 of type float32")
        try refuses(model([B.node("Add", ["x"], ["y"])]), .corruptData, "1 inputs and 1 outputs")
        for name in ["Size", "Shape"] {
            try refuses(
                model([B.node(name, [""], ["n"]), B.node("Reshape", ["x", "n"], ["y"])]), .corruptData, "0 inputs")
        }
        try refuses(model([B.node("Range", ["x", "", "c"], ["y"])]), .corruptData, "input 1 is missing")
        try refuses(model([B.node("Split", ["x"], []), B.node("Relu", ["x"], ["z"])]), .corruptData, "“y”")
        try refuses(model([B.node("SequenceEmpty", [], ["y"])]), .unsupported, "nn.EmbeddingBag")
    }

    @Test func namesMustBeDefinedOnceAndInOrder() throws {
        try refuses(model([B.node("Add", ["x", "z"], ["y"])]), .corruptData, "“z”", "not defined")
        try refuses(
            model([B.node("Add", ["x", "b"], ["a"]), B.node("Relu", ["a"], ["b"]), B.node("Neg", ["b"], ["y"])]),
            .corruptData, "“b”", "cycle")
        try refuses(
            model([B.node("Neg", ["x"], ["y"]), B.node("Relu", ["x"], ["y"])]), .corruptData,
            "Duplicate definition of name: “y”")
        try refuses(
            model([B.node("Neg", ["x"], ["c"]), B.node("Add", ["x", "c"], ["y"])]), .corruptData,
            "Duplicate definition of name: “c”")
    }

    @Test func tensorsMustBeAsLongAsTheirShapes() throws {
        let add = [B.node("Add", ["x", "c"], ["y"])]
        func constant(_ dims: [Int], type: TensorType = .float32, bytes: Int = 4) -> [UInt8] {
            model(add, constant: B.tensor("c", type, dims, raw: [UInt8](repeating: 0, count: bytes)))
        }
        try refuses(constant([2]), .corruptData, "“c” has 4 bytes, but float32 [2] needs 8")
        try refuses(constant([1 << 40, 1 << 40]), .corruptData, "“c”", "no memory can hold")
        try refuses(constant([1 << 40]), .corruptData, "“c”")
        try refuses(constant([-1]), .corruptData, "“c”")
        try refuses(constant([1, 1, 1, 1, 1, 1, 1, 1, 1]), .unsupported, "“c” has 9 dimensions")
        let complex = B.field(1, 1) + B.field(2, 14) + B.field(8, "c") + B.field(9, [UInt8](repeating: 0, count: 8))
        try refuses(model(add, constant: complex), .unsupported, "“c”", "type number 14")
    }

    /// What is made of constants alone, and cannot be, is found when the model is read, with the node's name.
    @Test func constantsThatCannotBeComputedAreRefusedAtImport() throws {
        func refused(_ node: [UInt8], _ wanted: String, _ code: BelfryError.Code = .corruptData) throws {
            let bytes = B.model(
                B.graph(
                    nodes: [node, B.node("Cast", ["k"], ["f"], B.int("to", 1)), B.node("Add", ["x", "f"], ["y"])],
                    constants: [
                        B.tensor("c", [Float(1), 2, 3], [3]), B.tensor("five", [Int64(5)], [1]),
                        B.tensor("axes", (0..<8).map { Int64($0) }, [8]),
                        B.tensor("block", [Float(1)], [1, 1, 1, 1, 1, 1]),
                        B.tensor("ones", [Int64](repeating: 1, count: 9), [9]),
                    ],
                    inputs: [B.value("x", .float32, [nil])], outputs: [B.value("y", .float32, [nil])]))
            try refuses(bytes, code, wanted, "cannot run")
        }
        try refused(B.node("Reshape", ["c", "five"], ["k"], name: "fold"), "“fold” (Reshape, opset 17)")
        try refused(B.node("Gather", ["c", "five"], ["k"], name: "pick"), "“pick” (Gather, opset 17)")
        try refused(B.node("Unsqueeze", ["c", "five"], ["k"], name: "open"), "“open” (Unsqueeze, opset 17)")
        // What is beyond a limit of Belfry's is no damage.
        try refused(B.node("Unsqueeze", ["c", "axes"], ["k"]), "more than 8 dimensions", .unsupported)
        try refused(B.node("Expand", ["c", "ones"], ["k"]), "lists 9 dimensions", .unsupported)
        try refused(
            B.node("MaxPool", ["block"], ["k"], B.ints("kernel_shape", [1, 1, 1, 1])), "spatial dimensions",
            .unsupported)
    }

    /// A branch that is never taken may have what cannot be computed, and so may a value that nobody reads.
    @Test func constantsThatNobodyAsksForDoNoHarm() throws {
        func branch(_ name: String, _ node: [UInt8]) -> [UInt8] {
            B.graph(name, B.graph(nodes: [node], outputs: [B.field(1, "r")]))
        }
        let bytes = B.model(
            B.graph(
                nodes: [
                    B.node("Reshape", ["c", "five"], ["unread"]),
                    B.node("ReduceMax", ["x"], ["most"], B.int("keepdims", 0)),
                    B.node("Greater", ["most", "zero"], ["flag"]),
                    B.node(
                        "If", ["flag"], ["y"], branch("then_branch", B.node("Neg", ["x"], ["r"])),
                        branch("else_branch", B.node("Reshape", ["c", "five"], ["r"], name: "never"))),
                ],
                constants: [
                    B.tensor("c", [Float(1), 2, 3], [3]), B.tensor("five", [Int64(5)], [1]),
                    B.tensor("zero", [Float(0)], []),
                ],
                inputs: [B.value("x", .float32, [nil])], outputs: [B.field(1, "y")]))
        let model = try B.load(bytes)
        #expect(try model.run(["x": Tensor([1] as [Float], shape: [1])])["y"]!.values(Float.self) == [-1])
        let error = #expect(throws: BelfryError.self) { try model.run(["x": Tensor([-1] as [Float], shape: [1])]) }
        #expect(error?.message.contains("“never” (Reshape, opset 17)") == true, "\(error!)")
    }

    /// A constant that is too large to be kept is computed in each run.
    @Test func largeConstantsAreLeftToTheRun() throws {
        let bytes = B.model(
            B.graph(
                nodes: [
                    B.node("Expand", ["c", "wide"], ["many"]),
                    B.node("ReduceSum", ["many"], ["sum"], B.int("keepdims", 0)),
                    B.node("Add", ["x", "sum"], ["y"]),
                ],
                constants: [B.tensor("c", [Float(1)], [1]), B.tensor("wide", [Int64(1) << 21], [1])],
                inputs: [B.value("x", .float32, [nil])], outputs: [B.value("y", .float32, [nil])]))
        let found = try B.load(bytes).run(["x": Tensor([1] as [Float], shape: [1])])["y"]!
        #expect(found.values(Float.self) == [Float(1 + 1 << 21)])
    }

    /// Windows as large as numbers allow look only at what is there, and not for ever.
    @Test func poolingEnds() throws {
        func pool(_ attributes: [UInt8]..., shape: [Int]) throws -> [Float] {
            let node = attributes.reduce(B.node("MaxPool", ["x"], ["y"], name: "pool")) { $0 + B.field(5, $1) }
            let model = try B.load(
                B.model(
                    B.graph(
                        nodes: [node], inputs: [B.value("x", .float32, shape.map { _ in nil })],
                        outputs: [B.field(1, "y")])))
            let values = (0..<shape.reduce(1, *)).map { Float($0) }
            return try model.run(["x": Tensor(values, shape: Shape(shape)!)])["y"]!.values()
        }
        let large = 1 << 19
        // Sees two elements of 2^57.
        let wide = [
            B.ints("kernel_shape", [large, large, large]), B.ints("pads", Array(repeating: large / 2, count: 6)),
        ]
        #expect(try pool(wide[0], wide[1], B.ints("strides", [4, 4, 4]), shape: [1, 1, 1, 1, 2]) == [1])
        #expect(try pool(B.ints("kernel_shape", [3]), B.ints("pads", [2, 2]), shape: [1, 1, 3]) == [0, 1, 2, 2, 2])
        #expect(
            try pool(
                B.ints("kernel_shape", [3]), B.ints("dilations", [2]), B.ints("pads", [3, 3]), shape: [1, 1, 3])
                == [1, 2, 1, 2, 1])
        // Pads beside auto_pad are not looked at.
        let same = B.field(1, "auto_pad") + B.field(4, "SAME_UPPER") + B.field(20, 3)
        #expect(try pool(B.ints("kernel_shape", [3]), same, B.ints("pads", [0, 5]), shape: [1, 1, 3]) == [1, 2, 2])
        for (attributes, wanted) in [
            ([B.ints("kernel_shape", [3]), B.ints("pads", [3, 0])], "pads more than"),
            ([B.ints("kernel_shape", [3]), B.ints("pads", [0, large])], "pads more than"),
            (
                [B.ints("kernel_shape", [100_000]), B.ints("pads", [99_999, 99_999]), B.ints("dilations", [4])],
                "times at"
            ),
        ] {
            let error = #expect(throws: BelfryError.self) {
                _ =
                    attributes.count == 2
                    ? try pool(attributes[0], attributes[1], shape: [1, 1, 4])
                    : try pool(attributes[0], attributes[1], attributes[2], shape: [1, 1, 1_000_000])
            }
            #expect(error?.message.contains(wanted) == true && error?.message.contains("“pool”") == true, "\(error!)")
        }
    }

    @Test func externalDataStaysBesideTheModel() throws {
        func external(_ entries: [String: String]) -> [UInt8] {
            model([B.node("Add", ["x", "c"], ["y"])], constant: B.external("c", [4], entries))
        }
        for location in ["../weights", "/etc/passwd", "a/../../weights", "..", "", "weights/", "a\\b"] {
            try refuses(external(["location": location]), .corruptData, "“c”")
        }
        try refuses(external([:]), .corruptData, "no file is named")
        try refuses(external(["location": "nothing"]), .notFound, "nothing", "beside the model")
        try refuses(external(["location": "weights", "offset": "56"]), .corruptData, "“c” would lie at 56")
        try refuses(external(["location": "weights", "offset": "-8"]), .corruptData, "offset “-8”")
        try refuses(external(["location": "weights", "offset": "9223372036854775807"]), .corruptData, "“c”")
        try refuses(external(["location": "weights", "length": "15"]), .corruptData, "has 15 bytes")
    }

    @Test func graphsMayNotLieTooDeep() throws {
        var inner = B.graph(nodes: [B.node("Relu", ["x"], ["r"])], outputs: [B.value("r", .float32, [nil])])
        for _ in 0..<40 {
            inner = B.graph(
                nodes: [
                    B.node(
                        "If", ["flag"], ["r"], B.graph("then_branch", inner), B.graph("else_branch", []))
                ], outputs: [B.value("r", .float32, [nil])])
        }
        try refuses(B.model(inner), .unsupported, "deep in each other")
        try refuses([], .corruptData, "no graph")
        try refuses([0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], .corruptData, "bytes, but only 0")
    }

    @Test func hugeResultsAreAnErrorAndNotAnAllocation() throws {
        try withTemporaryDirectory { folder in
            let bytes = B.model(
                B.graph(
                    nodes: [B.node("Expand", ["c", "shape"], ["y"])], constants: [B.tensor("c", [Float(1)], [])],
                    inputs: [B.value("shape", .int64, [nil])], outputs: [B.value("y", .float32, [nil])]))
            try Data(bytes).writeAnew(to: folder + "/model.onnx")
            let model = try OnnxModel(folder + "/model.onnx")
            for extents in [[1 << 45], [1 << 40, 1 << 40], [-5]] as [[Int64]] {
                let error = try #require(throws: BelfryError.self) {
                    try model.run(["shape": Tensor(extents, shape: [extents.count])])
                }
                #expect(error.code == .invalidInput && error.message.contains("(Expand, opset 17)"), "\(error)")
            }
            #expect(try model.run(["shape": Tensor([Int64(2)], shape: [1])])["y"]!.values(Float.self) == [1, 1])
        }
    }

    /// Names are bytes: what differs in Unicode's normal form alone are two values, of which two inputs are refused.
    @Test func namesAreTheirBytes() throws {
        let (one, two) = ("caf\u{e9}", "cafe\u{301}")
        let inner = { (name: String) in
            B.graph(nodes: [B.node("Identity", [name], ["r"])], outputs: [B.value("r", .float32, [nil])])
        }
        let graph = B.graph(
            nodes: [
                B.node("Mul", ["x", one], ["a"]), B.node("Mul", ["x", two], [two + "x"]),
                B.node("Identity", ["a"], [one + "x"]),
                B.node(
                    "If", ["flag"], ["chosen"], B.graph("then_branch", inner(two)), B.graph("else_branch", inner(one))),
                B.node("Sub", [one + "x", two + "x"], ["d"]), B.node("Add", ["d", "chosen"], ["y"]),
            ],
            constants: [B.tensor(one, [Float(2)], [1]), B.tensor(two, [Float(7)], [1])],
            inputs: [B.value("x", .float32, [nil]), B.value("flag", .bool, [])],
            outputs: [B.value("y", .float32, [nil])])
        let model = try B.load(B.model(graph))
        for (flag, wanted) in [(true, [Float(2), -3]), (false, [-3, -8])] {
            let result = try model.run(["x": Tensor([Float(1), 2], shape: [2]), "flag": Tensor([flag], shape: [])])
            #expect(result["y"]!.values(Float.self) == wanted)
        }
        try refuses(
            B.model(
                B.graph(
                    nodes: [B.node("Add", [one, two], ["y"])],
                    inputs: [B.value(one, .float32, [nil]), B.value(two, .float32, [nil])],
                    outputs: [B.value("y", .float32, [nil])])), .unsupported, "normal form")
    }

    /// Bits turned and ends cut off, 5,000 times or as often as BELFRY_FUZZ_EXECUTIONS says: an error or a model, never
    /// a crash. What compiles has had its constants computed, too.
    @Test func damagedFilesNeverCrash() throws {
        let executions = Fuzz.executions(5_000)
        var random = SeededGenerator()
        var accepted = 0
        try withTemporaryDirectory { folder in
            let path = folder + "/model.onnx"
            for _ in 0..<executions {
                var bytes = Bool.random(using: &random) ? OnnxBytes.sample : OnnxBytes.sampleOfFunctions
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0: bytes.removeLast(bytes.count - place)
                    case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                    case 2: bytes[place] = UInt8.random(in: 0...255, using: &random)
                    default: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    }
                    if bytes.isEmpty { break }
                }
                try Data(bytes).writeAnew(to: path)
                do {
                    _ = try OnnxModel(path)
                    accepted += 1
                } catch is BelfryError {}
            }
        }
        print("ONNX: \(executions) damaged files, \(accepted) of them still models, no crash (\(random.seed))")
    }
}
