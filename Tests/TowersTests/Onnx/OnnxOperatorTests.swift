import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Operators against onnxruntime, with the attributes that the standard's own cases leave out.
@Suite struct OnnxOperatorTests {
    static let folder = TestData.root + "/Tests/TowersTests/Fixtures/onnx-operators"
    static let cases = try! System.list(folder).filter { $0.hasSuffix(".onnx") }.map { String($0.dropLast(5)) }.sorted()

    @Test(arguments: cases)
    func operatorFollowsOnnxruntime(name: String) throws {
        let model = try OnnxModel("\(Self.folder)/\(name).onnx")
        let values = try Npz(Self.folder + "/values.npz")
        var inputs: [String: Tensor] = [:]
        for port in model.inputs { inputs[port.name] = try Self.tensor(values.array("\(name)/\(port.name)"), port.type) }
        // The first run finds out the sizes, the second one uses the plan; one thread and two.
        for threads in [1, 1, 2, 2] {
            let outputs = try model.run(inputs, threads: threads)
            for port in model.outputs {
                let wanted = try values.array("\(name)/\(port.name)")
                let found = try #require(outputs[port.name])
                #expect(Array(found.shape) == wanted.shape, "\(port.name)")
                let worst = try zip(Conformance.numbers(found), Self.numbers(wanted)).reduce(0.0) { worst, pair in
                    let (found, wanted) = pair
                    return max(worst, found == wanted ? 0 : abs(found - wanted) / max(abs(wanted), 1))
                }
                let bound = !port.type.isFloat ? 0 : port.type == .float16 ? 1e-3 : 2e-6
                #expect(worst <= bound, "\(port.name) is off by \(worst) with \(threads) threads")
            }
        }
    }

    static func numbers(_ array: NpyArray) throws -> [Double] {
        switch array.elementType {
        case .f2, .f4, .f8: array.doubles()
        default: try array.integers().map(Double.init)
        }
    }

    static func tensor(_ array: NpyArray, _ type: TensorType) throws -> Tensor {
        let shape = try #require(Shape(array.shape))
        return switch type {
        case .float32: Tensor(array.floats(), shape: shape)
        case .float16: Tensor(array.floats().map { Float16($0) }, shape: shape)
        case .int64: Tensor(try array.integers().map { Int64($0) }, shape: shape)
        case .int32: Tensor(try array.integers().map { Int32($0) }, shape: shape)
        case .int8: Tensor(try array.integers().map { Int8($0) }, shape: shape)
        case .uint8: Tensor(try array.integers().map { UInt8($0) }, shape: shape)
        default: fatalError("a case has an input of type \(type)")
        }
    }
}
