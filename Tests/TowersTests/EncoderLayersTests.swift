import CKernels
import Files
import Synchronization
import TestSupport
import Testing
import Vectors

@testable import Towers

/// One batch on several threads, and products in bf16.
@Suite struct EncoderLayersTests {
    /// Random layers, large enough that a second thread is woken.
    private struct Model {
        static let hidden = 96
        let layers: [EncoderLayers.Layer]

        init(_ random: inout SeededGenerator) {
            let hidden = Self.hidden
            func weights(_ count: Int, _ scale: Float) -> Weights {
                Weights(Matrix([random.vector(count).map { $0 * scale }]))
            }
            func linear(_ inputs: Int, _ outputs: Int) -> EncoderLayers.Linear {
                EncoderLayers.Linear(
                    weight: weights(outputs * inputs, 1 / Float(inputs).squareRoot()), bias: weights(outputs, 0.1),
                    inputs: inputs, outputs: outputs)
            }
            func norm() -> EncoderLayers.Norm {
                EncoderLayers.Norm(weight: weights(hidden, 1), bias: weights(hidden, 0.1))
            }
            layers = (0..<3).map { _ in
                EncoderLayers.Layer(
                    query: linear(hidden, hidden), key: linear(hidden, hidden), value: linear(hidden, hidden),
                    attention: linear(hidden, hidden), attentionNorm: norm(), wide: linear(hidden, 4 * hidden),
                    narrow: linear(4 * hidden, hidden), outputNorm: norm())
            }
        }

        func packed(_ set: InstructionSet, _ precision: Precision, heads: Int) -> EncoderLayers {
            EncoderLayers(
                layers, hidden: Self.hidden, heads: heads, intermediate: 4 * Self.hidden, epsilon: 1e-5,
                BELFRY_GELU_ERF, Products(set, precision))
        }
    }

    private static let texts = [0..<40, 40..<41, 41..<41, 41..<70, 70..<150]

    private func run(
        _ layers: EncoderLayers, _ x: [Float], _ texts: [Range<Int>], threads: Int, _ workspace: Workspace
    ) -> [Float] {
        var x = x
        workspace.threads = threads
        x.withUnsafeMutableBufferPointer {
            layers.run($0.baseAddress!, rows: $0.count / Model.hidden, texts: texts, workspace)
        }
        return x
    }

    @Test func neitherThreadsNorOtherTextsChangeABit() {
        var random = SeededGenerator()
        let model = Model(&random)
        let hidden = Model.hidden
        let x = random.vector(150 * hidden)
        for set in InstructionSet.available where set != .scalar {
            for precision in Precision.allCases {
                for heads in [3, 4, 8] {
                    let layers = model.packed(set, precision, heads: heads)
                    let workspace = Workspace()
                    let one = run(layers, x, Self.texts, threads: 1, workspace)
                    let what: Comment = "\(set), \(precision), \(heads) heads, \(random)"
                    for _ in 0..<20 {
                        #expect(run(layers, x, Self.texts, threads: 2, workspace) == one, what)
                    }
                    #expect(run(layers, x, Self.texts, threads: 5, workspace) == one, what)
                    for text in Self.texts where !text.isEmpty {
                        let part = text.lowerBound * hidden..<text.upperBound * hidden
                        let alone = run(layers, Array(x[part]), [0..<text.count], threads: 2, workspace)
                        #expect(alone == Array(one[part]), what)
                    }
                }
            }
        }
    }

    @Test func everyInstructionSetGivesTheSameUpToRounding() {
        var random = SeededGenerator()
        let model = Model(&random)
        let x = random.vector(150 * Model.hidden)
        let wanted = run(model.packed(.scalar, .f32, heads: 4), x, Self.texts, threads: 1, Workspace())
        for set in InstructionSet.available where set != .scalar {
            for (precision, bound) in [(Precision.f32, Float(2e-5)), (.bf16, 0.1)] {
                let found = run(model.packed(set, precision, heads: 4), x, Self.texts, threads: 2, Workspace())
                let worst = zip(found, wanted).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                #expect(worst <= bound, "\(set), \(precision), \(random)")
            }
        }
    }

    @Test func everyPieceIsDoneOnceAndBeforeTheNextStep() {
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: 64)
        defer { counts.deallocate() }
        let workspace = Workspace()
        for _ in 0..<100 {
            counts.update(repeating: 0, count: 64)
            Team.run(threads: 4, workspace, sharing: counts) { member, _, counts in
                for step in 0..<40 {
                    // Every piece adds up what all pieces of the step before have written: a piece that was not done
                    // yet, or was done twice, makes the sum another one.
                    let (from, to) = step % 2 == 0 ? (0, 32) : (32, 0)
                    member.share(32) { piece in
                        let sum = (0..<32).reduce(0) { $0 + counts[from + $1] }
                        counts[to + piece] = sum == 32 * step ? counts[to + piece] + step + 1 : -1
                    }
                    member.share(32) { piece in counts[from + piece] = 0 }
                }
            }
            #expect((0..<32).allSatisfy { counts[$0] == 40 && counts[32 + $0] == 0 })
        }
    }

    @Test func aTowerInBF16IsNearTheOneInF32() throws {
        try withTemporaryDirectory { folder in
            let path = try Tower.importModel(from: TinyBert.folder, to: folder + "/t.tower").path
            guard InstructionSet.current != .scalar else {
                let error = #expect(throws: BelfryError.self) { try Tower.load(path, precision: .bf16) }
                #expect(error?.code == .unsupported)
                return
            }
            #expect(try Tower.load(path).precisionLoss().largestDifference == 0)
            let loss = try Tower.load(path, precision: .bf16).precisionLoss()
            #expect(loss.largestDifference > 0 && loss.largestCosineLoss <= 2e-4, "\(loss)")
            let error = #expect(throws: BelfryError.self) {
                try Tower(path, TowerManifest(folder: path), instructionSet: .scalar, precision: .bf16)
            }
            #expect(error?.code == .unsupported)
        }
    }

    @Test(.enabled(if: TestData.has(TestData.miniLM)))
    func aLargeTowerLosesLittleInBF16AndNothingToThreads() throws {
        guard InstructionSet.current != .scalar else { return }
        try withTemporaryDirectory { folder in
            let path = try Tower.importModel(from: TestData.miniLM, to: folder + "/minilm.tower").path
            for precision in Precision.allCases {
                let tower = try Tower.load(path, precision: precision)
                let loss = try tower.precisionLoss()
                print("MiniLM in \(precision): 1 - cosine \(loss.largestCosineLoss), \(loss.largestDifference)")
                #expect(loss.largestCosineLoss <= (precision == .f32 ? 1e-12 : 2e-4))
                let texts = (1...12).map { String(repeating: "bell tower ", count: $0 * $0) }
                let batch = try tower.embed(texts, threads: 2)
                #expect(try tower.embed(texts, threads: 1)[11] == batch[11])
                for (row, text) in texts.enumerated() {
                    #expect(try tower.embed([text], threads: 2)[0] == batch[row], "text \(row), \(precision)")
                    #expect(try tower.embed([text], threads: 1)[0] == batch[row], "text \(row), \(precision)")
                }
            }
        }
    }
}
