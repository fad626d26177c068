import CKernels
import Foundation
import TestSupport
import Testing
import Vectors

/// The encoder's kernels against float64 and libm, every instruction set of this machine.
@Suite struct EncoderKernelTests {
    private static var sets: [belfry_isa] {
        InstructionSet.available.map { belfry_isa(rawValue: UInt32($0.rawValue)) }
    }

    @Test func activationsFollowLibm() {
        let inputs = (-4000...4000).map { Float($0) / 250 } + [-88, -30, 30, 88, 1e4, -1e4, 1e-8, -1e-8, 0, -0.0]
        let references: [(belfry_activation, (Double) -> Double)] = [
            (BELFRY_GELU_ERF, { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) }),
            (BELFRY_GELU_TANH, { $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }),
            (BELFRY_RELU, { max($0, 0) }), (BELFRY_TANH, { tanh($0) }), (BELFRY_IDENTITY, { $0 }),
        ]
        for isa in Self.sets {
            for (activation, reference) in references {
                var found = inputs
                belfry_nn_activate(isa, &found, found.count, activation)
                for (x, y) in zip(inputs, found) {
                    let wanted = reference(Double(x))
                    // erf/2 and tanh are off by 1e-7 or so at most, which the factor x multiplies, or x/2.
                    let bound = 2e-7 * max(abs(Double(x)), 1)
                    #expect(abs(Double(y) - wanted) <= bound, "\(isa) \(activation) at \(x): \(y), not \(wanted)")
                }
            }
            var broken: [Float] = [.nan, 1, 2]
            belfry_nn_activate(isa, &broken, 3, BELFRY_GELU_ERF)
            #expect(broken[0].isNaN)
            broken[0] = .nan
            belfry_nn_activate(isa, &broken, 3, BELFRY_TANH)
            #expect(broken[0].isNaN)
        }
    }

    /// A small number keeps its digits: a vector may be nothing but such numbers, made longer afterwards.
    @Test func tangentsOfSmallNumbersKeepTheirDigits() {
        for isa in Self.sets {
            for exponent in -120...3 {
                for factor in [1, -1.3, 1.9] as [Float] {
                    let x = factor * Float(sign: .plus, exponent: exponent, significand: 1)
                    var found = [x]
                    belfry_nn_activate(isa, &found, 1, BELFRY_TANH)
                    let wanted = tanh(Double(x))
                    #expect(abs(Double(found[0]) - wanted) <= 4e-7 * abs(wanted), "\(isa): tanh \(x) is \(found[0])")
                    // The state of a recurrent layer whose gates are half open: tanh(x) / 2.
                    var state: [Float] = [0]
                    belfry_gates_gru(isa, [0, 0, x], [0, 0, 0], &state, 1)
                    #expect(abs(2 * Double(state[0]) - wanted) <= 4e-7 * abs(wanted), "\(isa): \(x) gives \(state[0])")
                }
            }
        }
    }

    /// What a mask takes away weighs nothing at all, in rows of every size.
    @Test func softmaxGivesNothingToWhatIsMasked() {
        for isa in Self.sets {
            for size in 1...70 {
                for masked: Float in [-.infinity, -1e4, -3e38] {
                    var x = (0..<size).map { $0 % 3 == 2 ? masked : Float($0 % 5) }
                    belfry_nn_softmax(isa, &x, size, 0.5)
                    for (index, value) in x.enumerated() { #expect((value == 0) == (index % 3 == 2), "\(isa) \(size)") }
                    #expect(abs(x.reduce(0, +) - 1) < 1e-5)
                }
                var nothing = [Float](repeating: -.infinity, count: size)
                belfry_nn_softmax(isa, &nothing, size, 1)
                #expect(nothing.allSatisfy { $0 == 0 })
                nothing[size / 2] = .nan
                belfry_nn_softmax(isa, &nothing, size, 1)
                #expect(nothing.allSatisfy { $0.isNaN })
            }
        }
    }

    @Test func aProductOverNoInputsIsWhatIsAddedToIt() {
        let scratch = Matrix(rows: 1, columns: Int(BELFRY_NN_LINEAR_SCRATCH))
        for isa in Self.sets {
            var y = [Float](repeating: 7, count: 80)
            let bias = (0..<40).map(Float.init)
            belfry_nn_linear(isa, bias, 0, 2, bias, 0, 40, bias, BELFRY_IDENTITY, nil, &y, 40, scratch.pointer)
            #expect(y == bias + bias)
        }
    }

    /// Every size, at an aligned place and one float further: a vector load that assumes alignment traps there.
    @Test(arguments: [0, 1])
    func rowsFollowFloat64AtEverySize(offset: Int) {
        var random = SeededGenerator()
        let rooms = (0..<4).map { _ in Matrix(rows: 1, columns: 1200) }
        defer { withExtendedLifetime(rooms) {} }
        let (y, weight, bias, sum) = (
            rooms[0].pointer + offset, rooms[1].pointer + offset, rooms[2].pointer + offset, rooms[3].pointer + offset
        )
        for size in 1...1100 {
            let x = random.vector(size).map { 3 * $0 + 1 }
            weight.update(from: random.vector(size), count: size)
            bias.update(from: random.vector(size), count: size)
            let wide = x.map(Double.init)
            let mean = wide.reduce(0, +) / Double(size)
            let variance = wide.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(size)
            let scale = Double(Float(0.7))
            let largest = wide.max()! * scale
            let total = wide.reduce(0) { $0 + exp($1 * scale - largest) }
            let length = wide.reduce(0) { $0 + $1 * $1 }.squareRoot()
            func worst(_ wanted: (Int) -> Double) -> Double {
                (0..<size).reduce(0) { max($0, abs(Double(y[$1]) - wanted($1))) }
            }
            for isa in Self.sets {
                let what: Comment = "\(isa), size \(size), offset \(offset), \(random)"
                func run(_ kernel: (UnsafeMutablePointer<Float>) -> Void) {
                    y.update(from: x, count: size)
                    y[size] = -7
                    kernel(y)
                    #expect(y[size] == -7, "wrote past the row: \(what)")
                }
                run { belfry_nn_layer_norm(isa, $0, 1, size, weight, bias, 1e-5) }
                let factor = 1 / (variance + 1e-5).squareRoot()
                let norm = worst { (wide[$0] - mean) * factor * Double(weight[$0]) + Double(bias[$0]) }
                #expect(norm <= 2e-5, what)
                run { belfry_nn_softmax(isa, $0, size, 0.7) }
                #expect(worst { exp(wide[$0] * scale - largest) / total } <= 6e-7, what)
                run { belfry_nn_l2_normalize(isa, $0, size, 1e-12) }
                #expect(worst { wide[$0] / length } <= 2e-7, what)
                run { belfry_nn_activate(isa, $0, size, BELFRY_RELU) }
                #expect(worst { max(wide[$0], 0) } == 0, what)
                sum[size] = -7
                belfry_nn_add3(isa, y, weight, bias, sum, size)
                #expect(sum[size] == -7 && (0..<size).allSatisfy { sum[$0] == y[$0] + weight[$0] + bias[$0] }, what)
            }
        }
    }

    @Test(arguments: [0, 1])
    func poolingFollowsFloat64AtEverySize(offset: Int) {
        var random = SeededGenerator()
        let (room, target) = (Matrix(rows: 1, columns: 256 * 384 + 1), Matrix(rows: 1, columns: 1200))
        defer { withExtendedLifetime((room, target)) {} }
        let x = room.pointer + offset
        let y = target.pointer + offset
        for (rows, columns) in (1...1100).map({ (1 + $0 % 4, $0) }) + [(40, 33), (256, 384)] {
            x.update(from: random.vector(rows * columns), count: rows * columns)
            for isa in Self.sets {
                let what: Comment = "\(isa), \(rows) x \(columns), offset \(offset), \(random)"
                func isRight(_ wanted: (Int) -> (Double, Double)) -> Bool {
                    guard y[columns] == -7 else { return false }
                    return (0..<columns).allSatisfy { column in
                        let (value, bound) = wanted(column)
                        return abs(Double(y[column]) - value) <= bound
                    }
                }
                y[columns] = -7
                belfry_nn_sum_rows(isa, x, rows, columns, 1 / Float(rows), y)
                #expect(
                    isRight { column in
                        ((0..<rows).reduce(0) { $0 + Double(x[$1 * columns + column]) } / Double(rows), 1e-6)
                    }, what)
                belfry_nn_max_rows(isa, x, rows, columns, y)
                #expect(
                    isRight { column in
                        ((0..<rows).reduce(-Double.infinity) { max($0, Double(x[$1 * columns + column])) }, 0)
                    }, what)
            }
        }
    }

    @Test func productsFollowFloat64AtEverySizeOfEachSide() {
        var random = SeededGenerator()
        var shapes = (1...70).flatMap { [($0, 33, 17), (15, $0, 40), (9, 36, $0)] }
        shapes += [(29, 1100, 35), (3, 513, 64), (100, 1024, 31), (1, 1100, 1100), (17, 384, 384)]
        for (rows, inputs, outputs) in shapes {
            let x = random.vector(rows * inputs)
            let w = random.vector(outputs * inputs)
            let bias = random.vector(outputs)
            let residual = random.vector(rows * outputs)
            var wanted = [Double](repeating: 0, count: rows * outputs)
            for row in 0..<rows {
                for output in 0..<outputs {
                    var sum = Double(bias[output]) + Double(residual[row * outputs + output])
                    for i in 0..<inputs { sum += Double(x[row * inputs + i]) * Double(w[output * inputs + i]) }
                    wanted[row * outputs + output] = max(sum, 0)
                }
            }
            for isa in Self.sets {
                let panel = Matrix(rows: 1, columns: Int(BELFRY_NN_LINEAR_SCRATCH))
                // The residual is the target itself, as the encoder calls it; a guard value follows every row.
                var y = [Float](repeating: -7, count: rows * (outputs + 1))
                for row in 0..<rows {
                    for output in 0..<outputs { y[row * (outputs + 1) + output] = residual[row * outputs + output] }
                }
                y.withUnsafeMutableBufferPointer { y in
                    belfry_nn_linear(
                        isa, x, inputs, rows, w, inputs, outputs, bias, BELFRY_RELU, y.baseAddress!, y.baseAddress!,
                        outputs + 1, panel.pointer)
                }
                let bound = 8e-6 * Double(inputs).squareRoot() + 2e-6
                for row in 0..<rows {
                    #expect(y[row * (outputs + 1) + outputs] == -7, "wrote past a row, \(isa)")
                    for output in 0..<outputs {
                        let found = Double(y[row * (outputs + 1) + output])
                        guard abs(found - wanted[row * outputs + output]) > bound else { continue }
                        Issue.record("\(isa), \(rows) x \(inputs) x \(outputs): \(found), \(random)")
                    }
                }
            }
        }
    }

    @Test func attentionFollowsFloat64() {
        var random = SeededGenerator()
        for (tokens, heads, size) in [
            (1, 1, 1), (2, 3, 12), (13, 2, 32), (31, 1, 64), (56, 2, 33), (57, 2, 16), (113, 1, 32), (256, 2, 32),
            (300, 1, 80),
        ] {
            let hidden = heads * size
            let qkv = random.vector(tokens * 3 * hidden)
            var wanted = [Double](repeating: 0, count: tokens * hidden)
            for head in 0..<heads {
                func at(_ token: Int, _ part: Int, _ i: Int) -> Double {
                    Double(qkv[token * 3 * hidden + part * hidden + head * size + i])
                }
                for t in 0..<tokens {
                    let scores = (0..<tokens).map { s in
                        (0..<size).reduce(0) { $0 + at(t, 0, $1) * at(s, 1, $1) } / Double(size).squareRoot()
                    }
                    let top = scores.max()!
                    let total = scores.reduce(0) { $0 + exp($1 - top) }
                    for s in 0..<tokens {
                        for i in 0..<size {
                            wanted[t * hidden + head * size + i] += exp(scores[s] - top) / total * at(s, 2, i)
                        }
                    }
                }
            }
            for isa in Self.sets {
                let scratch = Matrix(rows: 1, columns: belfry_nn_attention_scratch(tokens, size))
                var y = [Float](repeating: .nan, count: tokens * hidden)
                belfry_nn_attention(isa, qkv, 3 * hidden, tokens, heads, size, &y, hidden, scratch.pointer)
                let worst = zip(y, wanted).reduce(0.0) { max($0, abs(Double($1.0) - $1.1)) }
                #expect(worst <= 3e-6, "\(isa), \(tokens) tokens, \(heads) heads of \(size), \(random)")
            }
        }
    }

    @Test func aRowHasTheSameBitsInAnyBatch() {
        var random = SeededGenerator()
        let x = random.vector(100 * 384)
        let w = random.vector(96 * 384)
        for isa in Self.sets {
            let panel = Matrix(rows: 1, columns: Int(BELFRY_NN_LINEAR_SCRATCH))
            func product(_ first: Int, _ rows: Int) -> [Float] {
                var y = [Float](repeating: 0, count: rows * 96)
                x.withUnsafeBufferPointer { x in
                    belfry_nn_linear(
                        isa, x.baseAddress! + first * 384, 384, rows, w, 384, 96, nil, BELFRY_GELU_ERF, nil, &y, 96,
                        panel.pointer)
                }
                return y
            }
            let all = product(0, 100)
            for (first, rows) in [(0, 1), (3, 5), (50, 14), (7, 93)] {
                #expect(product(first, rows) == Array(all[first * 96..<(first + rows) * 96]), "\(isa)")
            }
        }
    }
}
