import CKernels
import Foundation
import TestSupport
import Testing
import Vectors

/// Products with packed weights, the gates of recurrent layers and attention's softmax against float64, every
/// instruction set of this machine.
@Suite struct PackedKernelTests {
    private static var sets: [belfry_isa] { InstructionSet.available.map(\.isa) }

    @Test func productsFollowFloat64AtEverySizeOfEachSide() {
        var random = SeededGenerator()
        let shapes = (1...1100).map { (1 + $0 % 3, 5, $0) } + (1...1100).map { (1, $0, 33) }
            + (1...70).flatMap { [($0, 19, 40), (13, $0, 150), (4, 30, $0)] }
        for (rows, inputs, outputs) in shapes {
            let (x, w) = (random.vector(rows * inputs), random.vector(outputs * inputs))
            let bias = random.vector(outputs)
            let columns = (0..<inputs).flatMap { input in (0..<outputs).map { w[$0 * inputs + input] } }
            // Without vectors' rows ending exactly, an access beyond a row would not be seen.
            let stride = outputs + 1
            var packed = [Float](repeating: .nan, count: belfry_packed_floats(inputs, outputs))
            for isColumns in [false, true] {
                if isColumns {
                    belfry_packed_columns(columns, outputs, inputs, outputs, &packed)
                } else {
                    belfry_packed_rows(w, inputs, inputs, outputs, bias, &packed)
                }
                for isa in Self.sets {
                    var y = [Float](repeating: -7, count: rows * stride)
                    belfry_packed_multiply(isa, x, inputs, rows, packed, inputs, outputs, &y, stride)
                    var worst = 0.0
                    for row in 0..<rows {
                        for output in 0..<outputs {
                            var sum = isColumns ? 0 : Double(bias[output])
                            for input in 0..<inputs {
                                sum += Double(x[row * inputs + input]) * Double(w[output * inputs + input])
                            }
                            worst = max(worst, abs(sum - Double(y[row * stride + output])))
                        }
                    }
                    let isKept = (0..<rows).allSatisfy { y[$0 * stride + outputs] == -7 }
                    #expect(worst <= 4e-6 * Double(inputs).squareRoot(), "\(isa) \(rows) x \(inputs) x \(outputs), \(random)")
                    #expect(isKept, "wrote past a row: \(isa) \(rows) x \(inputs) x \(outputs), \(random)")
                }
            }
        }
    }

    @Test func aRowHasTheSameBitsInAnyBatch() {
        var random = SeededGenerator()
        let (inputs, outputs) = (37, 150)
        var packed = [Float](repeating: 0, count: belfry_packed_floats(inputs, outputs))
        belfry_packed_rows(random.vector(inputs * outputs), inputs, inputs, outputs, nil, &packed)
        let x = random.vector(14 * inputs)
        for isa in Self.sets {
            var all = [Float](repeating: 0, count: 14 * outputs)
            belfry_packed_multiply(isa, x, inputs, 14, packed, inputs, outputs, &all, outputs)
            for row in 0..<14 {
                var one = [Float](repeating: 0, count: outputs)
                belfry_packed_multiply(
                    isa, Array(x[row * inputs..<(row + 1) * inputs]), inputs, 1, packed, inputs, outputs, &one, outputs)
                #expect(one == Array(all[row * outputs..<(row + 1) * outputs]), "\(isa) row \(row), \(random)")
            }
        }
    }

    @Test func gatesFollowFloat64AtEverySize() {
        var random = SeededGenerator()
        func sigma(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
        for hidden in 1...1100 {
            let (x, r) = (random.vector(4 * hidden).map { 3 * $0 }, random.vector(4 * hidden).map { 3 * $0 })
            let (h, c) = (random.vector(hidden), random.vector(hidden))
            let (wideX, wideR) = (x.map(Double.init), r.map(Double.init))
            for isa in Self.sets {
                let what: Comment = "\(isa), \(hidden), \(random)"
                func worst(_ found: [Float], _ wanted: (Int) -> Double) -> Double {
                    #expect(found[hidden] == -7, "wrote past the row: \(what)")
                    return (0..<hidden).reduce(0) { max($0, abs(Double(found[$1]) - wanted($1))) }
                }
                var state = h + [-7]
                belfry_gates_gru(isa, x, r, &state, hidden)
                let linear = worst(state) { index in
                    let z = sigma(wideX[index] + wideR[index])
                    let reset = sigma(wideX[hidden + index] + wideR[hidden + index])
                    let new = tanh(wideX[2 * hidden + index] + reset * wideR[2 * hidden + index])
                    return (1 - z) * new + z * Double(h[index])
                }
                #expect(linear <= 2e-6, what)

                state = h + [-7]
                var (gates, reset) = (r, h + [-7])
                belfry_gates_gru_reset(isa, x, &gates, state, &reset, hidden)
                #expect(
                    worst(reset) { sigma(wideX[hidden + $0] + wideR[hidden + $0]) * Double(h[$0]) } <= 1e-6, what)
                belfry_gates_gru_update(isa, x, gates, reset, &state, hidden)
                let first = worst(state) { index in
                    let z = sigma(wideX[index] + wideR[index])
                    let new = tanh(wideX[2 * hidden + index] + Double(reset[index]))
                    return (1 - z) * new + z * Double(h[index])
                }
                #expect(first <= 2e-6, what)

                state = h + [-7]
                var cell = c + [-7]
                belfry_gates_lstm(isa, x, r, &cell, &state, hidden)
                func wanted(_ index: Int) -> (cell: Double, output: Double) {
                    func gate(_ number: Int) -> Double { wideX[number * hidden + index] + wideR[number * hidden + index] }
                    let cell = sigma(gate(2)) * Double(c[index]) + sigma(gate(0)) * tanh(gate(3))
                    return (cell, sigma(gate(1)) * tanh(cell))
                }
                #expect(worst(cell) { wanted($0).cell } <= 2e-6, what)
                #expect(worst(state) { wanted($0).output } <= 2e-6, what)
            }
        }
    }

    @Test func softmaxFollowsFloat64AtEverySize() {
        var random = SeededGenerator()
        for size in 1...1100 {
            let x = random.vector(size).map { 4 * $0 }
            var bias = random.vector(size)
            for index in stride(from: size / 3, to: size, by: 3) where size > 1 { bias[index] = -.infinity }
            let cap: Float = size % 2 == 0 ? 0 : 3
            for added in [nil, bias] {
                let scores = (0..<size).map { index in
                    let score = 0.7 * Double(x[index])
                    let capped = cap > 0 ? Double(cap) * tanh(score / Double(cap)) : score
                    return capped + Double(added?[index] ?? 0)
                }
                let largest = scores.max()!
                let total = scores.reduce(0) { $0 + exp($1 - largest) }
                for isa in Self.sets {
                    var y = x + [-7]
                    belfry_gates_softmax(isa, &y, added, size, 0.7, cap)
                    let worst = (0..<size).reduce(0) { max($0, abs(Double(y[$1]) - exp(scores[$1] - largest) / total)) }
                    #expect(worst <= 2e-6, "\(isa), size \(size), \(random)")
                    #expect(y[size] == -7, "wrote past the row: \(isa), size \(size)")
                    #expect((0..<size).allSatisfy { scores[$0] > -.infinity || y[$0] == 0 })
                }
            }
        }
        for isa in Self.sets {
            var nothing = [Float](repeating: 1, count: 5)
            belfry_gates_softmax(isa, &nothing, [Float](repeating: -.infinity, count: 5), 5, 1, 0)
            #expect(nothing == [0, 0, 0, 0, 0])
            var broken: [Float] = [.nan, 1, 2]
            belfry_gates_softmax(isa, &broken, nil, 3, 1, 0)
            #expect(broken.allSatisfy { $0.isNaN })
        }
    }
}
