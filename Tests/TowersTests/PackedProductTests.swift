import CKernels
import Foundation
import TestSupport
import Testing
import Vectors

/// Products with weights laid out for them, every instruction set of this machine.
@Suite struct PackedProductTests {
    private static var sets: [belfry_isa] {
        InstructionSet.available.map { belfry_isa(rawValue: UInt32($0.rawValue)) }
    }

    /// With bf16 by the CPU's own instructions only where it has them; elsewhere both are the same.
    private static let numbers = [BELFRY_F32, BELFRY_BF16, BELFRY_BF16_EMULATED]

    /// A product's inputs as every kernel takes them, and what it should give.
    private struct Case {
        let rows: Int
        let inputs: Int
        let outputs: Int
        let x: [Float]
        let w: [Float]
        let bias: [Float]
        let residual: [Float]

        init(_ rows: Int, _ inputs: Int, _ outputs: Int, _ random: inout SeededGenerator) {
            (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
            x = random.vector(rows * inputs)
            w = random.vector(outputs * inputs)
            bias = random.vector(outputs)
            residual = random.vector(rows * outputs)
        }

        /// The nearest bf16 as f32.
        static func rounded(_ x: [Float]) -> [Float] {
            x.map {
                let bits = $0.bitPattern
                return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
            }
        }

        func wanted(_ number: belfry_number) -> [Double] {
            let (x, w) = number == BELFRY_F32 ? (x, w) : (Self.rounded(x), Self.rounded(w))
            var sums = [Double](repeating: 0, count: rows * outputs)
            for row in 0..<rows {
                for output in 0..<outputs {
                    var sum = Double(bias[output]) + Double(residual[row * outputs + output])
                    for i in 0..<inputs { sum += Double(x[row * inputs + i]) * Double(w[output * inputs + i]) }
                    sums[row * outputs + output] = max(sum, 0)
                }
            }
            return sums
        }

        /// y with a guard value behind each row, computed `columns` at a time; the residual is y itself.
        func run(_ isa: belfry_isa, _ number: belfry_number, columns: Int? = nil) -> [Float] {
            let packed = Matrix(rows: 1, columns: belfry_nn_packed_size(number, inputs, outputs))
            belfry_nn_pack(isa, number, w, inputs, outputs, packed.pointer)
            let half = Matrix(rows: 1, columns: rows * inputs)
            let pairs = UnsafeMutableRawPointer(half.pointer).assumingMemoryBound(to: UInt16.self)
            belfry_nn_round(isa, x, inputs, rows, inputs, pairs, inputs)
            var y = [Float](repeating: -7, count: rows * (outputs + 1))
            for row in 0..<rows {
                for output in 0..<outputs { y[row * (outputs + 1) + output] = residual[row * outputs + output] }
            }
            y.withUnsafeMutableBufferPointer { y in
                x.withUnsafeBufferPointer { x in
                    bias.withUnsafeBufferPointer { bias in
                        let input =
                            number == BELFRY_F32 ? UnsafeRawPointer(x.baseAddress!) : UnsafeRawPointer(half.pointer)
                        for first in stride(from: 0, to: outputs, by: columns ?? outputs) {
                            let target = y.baseAddress! + first
                            var product = belfry_nn_product(
                                x: input, x_stride: inputs, rows: rows,
                                packed: packed.pointer + belfry_nn_packed_size(number, inputs, first), inputs: inputs,
                                outputs: min(columns ?? outputs, outputs - first), bias: bias.baseAddress! + first,
                                activation: BELFRY_RELU, residual: target, y: target, y_stride: outputs + 1,
                                rounded: nil)
                            belfry_nn_multiply(isa, number, &product)
                        }
                    }
                }
            }
            withExtendedLifetime((packed, half)) {}
            return y
        }
    }

    @Test func productsFollowFloat64AtEverySizeOfEachSide() {
        var random = SeededGenerator()
        var shapes = (1...70).flatMap { [($0, 34, 17), (15, $0, 40), (9, 36, $0)] }
        shapes += (1...1100).map { (2, $0, 3) }
        shapes += [(29, 1100, 35), (3, 514, 64), (100, 1024, 31), (1, 1100, 1100), (17, 384, 384)]
        for (rows, inputs, outputs) in shapes {
            let product = Case(rows, inputs, outputs, &random)
            for number in Self.numbers where number == BELFRY_F32 || inputs % 2 == 0 {
                let wanted = product.wanted(number)
                for isa in Self.sets {
                    let y = product.run(isa, number)
                    let bound = 8e-6 * Double(inputs).squareRoot() + 2e-6
                    for row in 0..<rows {
                        #expect(y[row * (outputs + 1) + outputs] == -7, "wrote past a row, \(isa)")
                        for output in 0..<outputs {
                            let found = Double(y[row * (outputs + 1) + output])
                            guard abs(found - wanted[row * outputs + output]) > bound else { continue }
                            Issue.record("\(isa), \(number), \(rows) x \(inputs) x \(outputs): \(found), \(random)")
                        }
                    }
                }
            }
        }
    }

    @Test func aPartOfTheOutputsHasTheBitsOfTheWhole() {
        var random = SeededGenerator()
        for (rows, inputs, outputs) in [(16, 384, 96), (40, 70, 200), (1, 1536, 33)] {
            let product = Case(rows, inputs, outputs, &random)
            for number in Self.numbers {
                for isa in Self.sets {
                    let whole = product.run(isa, number)
                    #expect(product.run(isa, number, columns: 32) == whole, "\(isa), \(number), \(random)")
                    #expect(product.run(isa, number, columns: 64) == whole, "\(isa), \(number), \(random)")
                }
            }
        }
    }

    @Test func roundedResultsAreTheRoundedResults() {
        var random = SeededGenerator()
        for (rows, inputs, outputs) in [(1, 36, 72), (17, 36, 33), (40, 384, 64)] {
            let x = Matrix([random.vector(rows * inputs)])
            let w = random.vector(outputs * inputs)
            for number in Self.numbers {
                for isa in Self.sets {
                    let packed = Matrix(rows: 1, columns: belfry_nn_packed_size(number, inputs, outputs))
                    belfry_nn_pack(isa, number, w, inputs, outputs, packed.pointer)
                    var y = [Float](repeating: 0, count: rows * outputs)
                    var rounded = [UInt16](repeating: 7, count: rows * (outputs + 1))
                    var wanted = rounded
                    y.withUnsafeMutableBufferPointer { y in
                        rounded.withUnsafeMutableBufferPointer { rounded in
                            var product = belfry_nn_product(
                                x: x.pointer, x_stride: inputs, rows: rows, packed: packed.pointer, inputs: inputs,
                                outputs: outputs, bias: nil, activation: BELFRY_GELU_ERF, residual: nil,
                                y: y.baseAddress!, y_stride: outputs, rounded: nil)
                            belfry_nn_multiply(isa, number, &product)
                            product.y = nil
                            product.y_stride = outputs + 1
                            product.rounded = rounded.baseAddress!
                            belfry_nn_multiply(isa, number, &product)
                        }
                    }
                    belfry_nn_round(isa, y, outputs, rows, outputs, &wanted, outputs + 1)
                    #expect(rounded == wanted, "\(isa), \(number), \(rows) x \(inputs) x \(outputs), \(random)")
                }
            }
        }
    }

    @Test func attentionThatKnowsDistancesFollowsFloat64() {
        var random = SeededGenerator()
        for (tokens, size) in [(1, 1), (2, 12), (13, 32), (31, 64), (57, 16), (113, 32)] {
            let stride = 3 * size + 1
            let qkv = random.vector(tokens * stride)
            let table = random.vector(2 * tokens - 1)
            func at(_ token: Int, _ part: Int, _ i: Int) -> Double { Double(qkv[token * stride + part * size + i]) }
            var wanted = [Double](repeating: 0, count: tokens * size)
            for t in 0..<tokens {
                let scores = (0..<tokens).map { s in
                    ((0..<size).reduce(0) { $0 + at(t, 0, $1) * at(s, 1, $1) } + Double(table[s - t + tokens - 1]))
                        / Double(size).squareRoot()
                }
                let top = scores.max()!
                let total = scores.reduce(0) { $0 + exp($1 - top) }
                for s in 0..<tokens {
                    for i in 0..<size { wanted[t * size + i] += exp(scores[s] - top) / total * at(s, 2, i) }
                }
            }
            for isa in Self.sets {
                let scratch = Matrix(rows: 1, columns: belfry_nn_attention_scratch(tokens, size))
                var y = [Float](repeating: .nan, count: tokens * size)
                qkv.withUnsafeBufferPointer { qkv in
                    table.withUnsafeBufferPointer { table in
                        let q = qkv.baseAddress!
                        belfry_nn_attention_head(
                            isa, q, q + size, q + 2 * size, stride, tokens, size, table.baseAddress! + tokens - 1, &y,
                            size, scratch.pointer)
                    }
                }
                let worst = zip(y, wanted).reduce(0.0) { max($0, abs(Double($1.0) - $1.1)) }
                #expect(worst <= 3e-6, "\(isa), \(tokens) tokens, head of \(size), \(random)")
            }
        }
    }
}
