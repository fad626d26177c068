import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// The ONNX standard's own cases for single operators, from two versions of its Python package.
///
/// A case counts if every operator in its main graph is one of `operators`, and if it is not one of those that the
/// package itself made of another case by writing its operator out in smaller ones (`…_expanded`). It belongs to the
/// operator of its first node.
@Suite(.enabled(if: TestData.has(Conformance.folder + "/1.22.0/node", Conformance.folder + "/1.12.0/node")))
struct ConformanceTests {
    @Test(arguments: ["1.22.0", "1.12.0"])
    func everyPlainCaseGivesTheExpectedOutputs(version: String) throws {
        let folder = Conformance.folder + "/\(version)/node"
        var counts: [String: (passed: Int, total: Int)] = [:]
        var failures: [String] = []
        var missing: Set<String> = []
        var excused = 0
        for name in try System.list(folder) where !name.contains("_expanded") {
            let file = try MappedFile(folder + "/\(name)/model.onnx")
            let model: Onnx_ModelProto = try OnnxSkeleton(file).decoded(path: file.path)
            let operators = model.graph.node.map(\.opType)
            guard let first = operators.first, operators.allSatisfy(Conformance.operators.contains) else { continue }
            counts[first, default: (0, 0)].total += 1
            let isThere = model.graph.node.allSatisfy { node in
                node.opType == "Constant"
                    || !OperatorTable.operators(node.domain.isEmpty ? Operator.standard : node.domain, node.opType)
                        .isEmpty
            }
            let problem = Conformance.problem(folder + "/" + name)
            if problem == nil {
                counts[first]!.passed += 1
                #expect(Conformance.excuse(name, version) == nil, "\(name) passes: it needs no excuse any more")
            } else if !isThere {
                missing.insert(first)
            } else if Conformance.excuse(name, version) != nil {
                excused += 1
            } else {
                failures.append("\(name): \(problem!)")
            }
        }
        let passed = counts.values.reduce(0) { $0 + $1.passed }
        let total = counts.values.reduce(0) { $0 + $1.total }
        print("ONNX \(version): \(passed) of \(total) plain cases pass, \(excused) are left out for a written reason")
        if !missing.isEmpty { print("ONNX \(version): not there yet: \(missing.sorted().joined(separator: ", "))") }
        #expect(failures.isEmpty, "\(failures.count) cases fail:\n\(failures.joined(separator: "\n"))")
    }
}

enum Conformance {
    static let folder = TestData.cache + "/onnx-conformance"

    static let operators = Set(
        """
        Abs Add And ArgMax Attention BatchNormalization Cast Ceil Clip Concat Constant ConstantOfShape Conv Cos CumSum \
        Div Equal Erf Exp Expand Flatten GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool Greater \
        GreaterOrEqual Identity If IsNaN LSTM LayerNormalization Less LessOrEqual Log Loop LpNormalization MatMul Max \
        MaxPool Min Mod Mul Neg Not Pow RMSNormalization Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin \
        ReduceSum Relu Reshape RotaryEmbedding ScatterND Shape Sigmoid Sign Sin Size Slice Softmax Split Sqrt Squeeze \
        Sub Sum Tanh Tile Transpose Trilu Unsqueeze Where LabelEncoder CategoryMapper DequantizeLinear \
        DynamicQuantizeLinear QuantizeLinear MatMulInteger LeakyRelu Elu Selu PRelu HardSigmoid HardSwish LogSoftmax \
        OneHot Pad TopK Einsum ScatterElements Scatter Round QLinearMatMul Floor ReduceL1 ReduceSumSquare ReduceProd \
        ArgMin Softplus Xor
        """.split(separator: " ").map(String.init))

    /// Cases that are left out, and why.
    static func excuse(_ name: String, _ version: String) -> String? {
        excused[name] ?? excused[version + "/" + name]
    }

    private static let excused: [String: String] = {
        let lists = "lists and optional values are no tensors; no encoder that we know of takes or makes them"
        let training = "training mode: a model is used here, not trained"
        let einsum = "Einsum of one operand, which exporters write as Transpose and ReduceSum"
        return [
            "test_identity_opt": lists, "test_identity_sequence": lists, "test_if_opt": lists, "test_if_seq": lists,
            "test_loop13_seq": lists, "test_loop16_seq_none": lists,
            "1.12.0/test_cast_FLOAT_to_BFLOAT16":
                "the package of that time cut numbers off where the standard, and its case in 1.22.0, rounds them",
            "test_einsum_batch_diagonal": einsum, "test_einsum_sum": einsum, "test_einsum_transpose": einsum,
            "test_einsum_scalar": einsum, "test_batchnorm_epsilon_training_mode": training,
            "test_batchnorm_example_training_mode": training,
        ]
    }()

    /// What is wrong with the case in `folder`, or nil.
    static func problem(_ folder: String) -> String? {
        do throws(BelfryError) {
            let model = try OnnxModel(folder + "/model.onnx")
            for set in try System.list(folder) where set.hasPrefix("test_data_set_") {
                var inputs: [String: Tensor] = [:]
                for (index, port) in model.inputs.enumerated() {
                    let path = "\(folder)/\(set)/input_\(index).pb"
                    inputs[port.name] = try read(path, as: port.type)
                }
                // Twice: the first run finds out how much memory is needed, the second one uses the plan.
                for run in 1...2 {
                    let outputs = try model.run(inputs, threads: 2)
                    for (index, port) in model.outputs.enumerated() {
                        let wanted = try read("\(folder)/\(set)/output_\(index).pb", as: port.type)
                        if let difference = difference(outputs[port.name]!, wanted) {
                            return "\(port.name), run \(run): \(difference)"
                        }
                    }
                }
            }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// A case's tensor. The older package wrote bfloat16 as the integers of the same bits.
    private static func read(_ path: String, as type: TensorType) throws(BelfryError) -> Tensor {
        let tensor = try OnnxTensorReader.read(path).tensor
        guard type == .bfloat16, tensor.type == .uint16 else { return tensor }
        return Tensor(tensor.values(UInt16.self).map { BFloat16(bits: $0) }, shape: tensor.shape)
    }

    /// How the tensors differ, or nil: floating-point numbers may be off by 1e-7 + 0.001 · |wanted|, the standard's own
    /// tolerance, other elements not at all.
    static func difference(_ found: Tensor, _ wanted: Tensor) -> String? {
        guard found.type == wanted.type, found.shape == wanted.shape else {
            return "\(found.type) \(found.shape) instead of \(wanted.type) \(wanted.shape)"
        }
        if found.type == .string { return found.strings == wanted.strings ? nil : "\(found.strings)" }
        let (left, right) = (numbers(found), numbers(wanted))
        for (index, (left, right)) in zip(left, right).enumerated() where !(left.isNaN && right.isNaN) {
            let tolerance = found.type.isFloat ? 1e-7 + 1e-3 * abs(right) : 0
            if left != right, !(abs(left - right) <= tolerance) {
                return "element \(index) of \(found.shape) is \(left) instead of \(right)"
            }
        }
        return nil
    }

    /// The elements of any numeric type.
    static func numbers(_ tensor: Tensor) -> [Double] {
        if tensor.type == .int64 { return tensor.values(Int64.self).map { Double($0) } }
        var result = [Double](repeating: 0, count: tensor.count)
        result.withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            try! CastBody.cast(tensor.view, to: TensorView(type: .float64, shape: tensor.shape, start: start))
        }
        return result
    }
}
