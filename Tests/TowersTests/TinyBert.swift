import Files
import Foundation
import TestSupport

@testable import Towers

/// The committed model of random weights (`Fixtures/make_tiny_bert.py`), and folders made of it.
enum TinyBert {
    static let fixtures = TestData.root + "/Tests/TowersTests/Fixtures"
    static let folder = fixtures + "/tiny-bert"

    struct Text: Decodable {
        var text: String
        var ids: [Int32]
        var uncut: [Int32]
    }

    static func texts() throws -> [Text] {
        try JSONDecoder().decode(
            [Text].self, from: Data(contentsOf: URL(fileURLWithPath: fixtures + "/tiny-texts.json")))
    }

    /// A writable copy of the model folder.
    static func copy(to folder: String) throws {
        try FileManager.default.copyItem(atPath: Self.folder, toPath: folder)
    }

    /// Replaces text in a file of a copy.
    static func replace(_ old: String, _ new: String, in file: String) throws {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        precondition(text.contains(old), "\(file) has \(old)")
        try text.replacingOccurrences(of: old, with: new).write(toFile: file, atomically: false, encoding: .utf8)
    }
}
