import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// The Universal Sentence Encoder on the committed archive (`Fixtures/make_tiny_use.py`).
@Suite struct UseTests {
    static let fixtures = TinyBert.fixtures + "/tiny-use"

    /// A folder as the package has it, with a tokenizer of our own.
    private func withModel(_ body: (_ folder: String, _ model: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let model = folder + "/model"
            try System.createDirectory(model)
            try FileManager.default.copyItem(atPath: Self.fixtures + "/weights.npz", toPath: model + "/weights.npz")
            try FileManager.default.copyItem(
                atPath: TinyBert.folder + "/tokenizer.json", toPath: model + "/tokenizer.json")
            try body(folder, model)
        }
    }

    @Test func vectorsFollowFloat64() throws {
        try withModel { folder, model in
            let tower = try Tower.importModel(from: model, to: folder + "/use.tower")
            let texts = try TinyBert.texts().map(\.text)
            let expected = try NpyArray(Self.fixtures + "/expected.npy")
            let scalar = try Tower(tower.path, tower.manifest, instructionSet: .scalar)
            for (kind, tower) in [("vector", tower), ("scalar", scalar)] {
                let found = try tower.embed(texts)
                #expect(found.columns == 512 && expected.shape == [texts.count, 64])
                for row in texts.indices {
                    let wanted = expected.doubles(row * 64..<row * 64 + 64)
                    let worst = (0..<64).reduce(0.0) { max($0, abs(Double(found[row][8 * $1]) - wanted[$1])) }
                    #expect(worst <= 2e-6, "\(kind), text \(row): \(worst)")
                    guard kind == "vector", InstructionSet.current != .scalar else { continue }
                    let alone = try tower.embed([texts[row]])
                    #expect(alone[0] == found[row], "text \(row) alone and in a batch")
                }
            }
            #expect(Tower.check(tower.path).isEmpty)
            #expect("\(tower)".contains("Universal Sentence Encoder, 136 rows"))
        }
    }

    @Test func theArchiveItselfMayBeNamed() throws {
        try withModel { folder, model in
            let one = try Tower.importModel(from: model, to: folder + "/one.tower")
            let two = try Tower.importModel(from: model + "/weights.npz", to: folder + "/two.tower")
            #expect(one.fingerprint == two.fingerprint)
            #expect(try System.list(folder) == ["model", "one.tower", "two.tower"])
        }
    }

    @Test func anArchiveThatLacksAPartLeavesNothingBehind() throws {
        try withModel { folder, model in
            try System.remove(model + "/weights.npz")
            try FileManager.default.copyItem(atPath: Self.fixtures + "/cut.npz", toPath: model + "/weights.npz")
            let error = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: model, to: folder + "/use.tower")
            }
            #expect(error?.code == .notFound && error?.location?.file == model + "/weights.npz")
            #expect("\(error!)".contains("proj2"))
            #expect(try System.list(folder) == ["model"])
            // A table whose rows a tokenizer's ids go beyond.
            try System.remove(model + "/tokenizer.json")
            let missing = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: model, to: folder + "/use.tower")
            }
            #expect(missing?.code == .notFound)
        }
    }
}
