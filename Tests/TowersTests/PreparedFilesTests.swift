import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// What a tower keeps ready so that it is loaded sooner: the same vectors as without, and never other weights' or another
/// tokenizer's.
@Suite struct PreparedFilesTests {
    private func withTower(_ body: (Tower) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            try body(try Tower.importModel(from: TinyBert.folder, to: folder + "/t.tower"))
        }
    }

    private func names(_ tower: Tower) throws -> [String] {
        try System.list(tower.path).filter { $0.hasPrefix("prepared.") }
    }

    /// The tower without its prepared files, as one of an older version is.
    private func plain(_ tower: Tower) throws -> Tower {
        var manifest = tower.manifest
        for name in try names(tower) { manifest.files[name] = nil }
        return try Tower(tower.path, manifest)
    }

    @Test func vectorsAndIdsAreTheSame() throws {
        try withTower { tower in
            let wanted = InstructionSet.current == .scalar ? ["prepared.tokenizer"] : PreparedFilesTests.all
            #expect(try names(tower) == wanted)
            let plain = try plain(tower)
            #expect(plain.fingerprint == tower.fingerprint)
            for text in try TinyBert.texts() {
                #expect(tower.tokens(text.text) == text.ids && plain.tokens(text.text) == text.ids)
                #expect(try tower.embed([text.text])[0] == plain.embed([text.text])[0])
            }
            #expect(Tower.check(tower.path).isEmpty)
            // In bf16 they are laid out otherwise.
            #expect(throws: Never.self) { try Tower.load(tower.path, precision: .bf16) }
        }
    }

    private static let all = ["prepared.tokenizer", "prepared.weights"]

    @Test func filesOfOtherModelsAreNotUsed() throws {
        try withTower { tower in
            let texts = try TinyBert.texts().map(\.text)
            let wanted = try tower.embed(texts)
            for name in try names(tower) {
                let file = tower.path + "/" + name
                let original = try Data(contentsOf: URL(fileURLWithPath: file))
                // Another digest, another length in the header, a unit that points outside.
                for place in [8, 33, 70, original.count - 1, 128] {
                    var bytes = original
                    bytes[place] ^= 0x5a
                    try bytes.writeAnew(to: file)
                    #expect(!Tower.check(tower.path).isEmpty, "\(name), byte \(place)")
                    guard place != 128, place != original.count - 1 else { continue }
                    let found = try? Tower(tower.path, tower.manifest).embed(texts)
                    for row in texts.indices { #expect(found == nil || found![row] == wanted[row], "\(name) \(place)") }
                }
                try original.writeAnew(to: file)
            }
            #expect(try Tower.load(tower.path).embed(texts)[0] == wanted[0])
        }
    }

    /// Whatever is in the file, opening it ends with a tower or an error, also where nobody compares digests.
    @Test func damagedTablesAreSafe() throws {
        var random = SeededGenerator()
        try withTower { tower in
            let file = tower.path + "/prepared.tokenizer"
            let original = try Data(contentsOf: URL(fileURLWithPath: file))
            for _ in 0..<200 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
                try bytes.writeAnew(to: file)
                guard let damaged = try? Tower(tower.path, tower.manifest) else { continue }
                for text in ["", "a bell", "日本 [MASK] naïve"] { _ = damaged.tokens(text) }
            }
        }
    }
}
