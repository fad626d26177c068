import Files
import Foundation
import TestSupport
import Vectors

@testable import Towers

/// The committed models of several families (`Fixtures/make_tiny_families.py`).
enum TinyFamilies {
    static let folder = TinyBert.fixtures + "/tiny-families"

    static func texts() throws -> [String] {
        try JSONDecoder().decode(
            [String].self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/texts.json")))
    }

    /// The vectors called `name`: [texts, components].
    static func expected(_ name: String) throws -> NpyArray {
        try Npz(folder + "/expected.npz").array(name.replacingOccurrences(of: "/", with: "."))
    }

    /// A writable copy of a model, with its tokenizer.
    static func copy(_ name: String, to target: String) throws {
        try FileManager.default.copyItem(atPath: folder + "/" + name, toPath: target)
        let tokenizer = target + "/tokenizer.json"
        guard !System.exists(tokenizer) else { return }
        let own = TinyBert.fixtures + "/tiny-tokenizers/\(name)/tokenizer.json"
        let source = System.exists(own) ? own : TinyBert.folder + "/tokenizer.json"
        try FileManager.default.copyItem(atPath: source, toPath: tokenizer)
        // A static model keeps the tokenizer's own limit, which this one was made without.
        if name == "static" { try TinyBert.replace("\"max_length\": 8", "\"max_length\": 65536", in: tokenizer) }
    }

    /// The greatest difference of `vectors` and what is expected under `name`.
    static func difference(_ tower: Tower, _ name: String, as role: Tower.Role? = nil) throws -> Double {
        let expected = try expected(name)
        let vectors = try tower.embed(texts(), as: role)
        guard expected.shape == [vectors.rows, vectors.columns] else { return .infinity }
        return (0..<vectors.rows).reduce(0.0) { worst, row in
            zip(vectors[row], expected.doubles(row * vectors.columns..<(row + 1) * vectors.columns)).reduce(worst) {
                max($0, abs(Double($1.0) - $1.1))
            }
        }
    }
}
