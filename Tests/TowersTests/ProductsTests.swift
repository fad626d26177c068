import CKernels
import Files
import TestSupport
import Testing
import Vectors

@testable import Towers

/// The products through OpenBLAS, as a machine without AVX2 runs them, against Belfry's own kernel.
@Suite struct ProductsTests {
    @Test func openBLASGivesWhatTheKernelGives() {
        var random = SeededGenerator()
        let blas = Products(.scalar)
        #expect(blas.usesBLAS)
        let workspace = Workspace()
        for set in InstructionSet.available where set != .scalar {
            let kernel = Products(set)
            #expect(!kernel.usesBLAS)
            for (rows, inputs, outputs) in [(1, 36, 20), (7, 33, 72), (40, 384, 96), (3, 1100, 31)] {
                let x = random.vector(rows * inputs)
                let weight = random.vector(outputs * inputs)
                let bias = random.vector(outputs)
                let stride = outputs + 3
                let old = random.vector(rows * stride)
                for adds in [false, true] {
                    for hasBias in [false, true] {
                        func product(_ products: Products) -> [Float] {
                            var y = old
                            y.withUnsafeMutableBufferPointer { y in
                                bias.withUnsafeBufferPointer { bias in
                                    products.multiply(
                                        x, rows: rows, weight, inputs: inputs, outputs: outputs,
                                        bias: hasBias ? bias.baseAddress : nil, BELFRY_GELU_ERF, adds: adds,
                                        into: y.baseAddress!, stride: stride, workspace)
                                }
                            }
                            return y
                        }
                        let (found, wanted) = (product(blas), product(kernel))
                        let worst = zip(found, wanted).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                        #expect(worst <= 1e-5 * Float(inputs).squareRoot(), "\(rows) x \(inputs) x \(outputs)")
                        for row in 0..<rows {
                            let gap = row * stride + outputs..<(row + 1) * stride
                            #expect(found[gap] == old[gap], "wrote past a row")
                        }
                    }
                }
            }
        }
    }

    @Test func aTowerThroughOpenBLASFollowsFloat64() throws {
        try withTemporaryDirectory { folder in
            let path = try Tower.importModel(from: TinyBert.folder, to: folder + "/t.tower").path
            let tower = try Tower(path, TowerManifest(folder: path), instructionSet: .scalar)
            let reference = try NpyArray(TinyBert.fixtures + "/tiny-mean.npy")
            let texts = try TinyBert.texts().map(\.text)
            let vectors = try tower.embed(texts)
            for row in texts.indices {
                let wanted = reference.doubles(row * vectors.columns..<(row + 1) * vectors.columns)
                let worst = zip(vectors[row], wanted).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
                #expect(worst <= 2e-6, "text \(row): \(worst)")
            }
        }
    }
}
