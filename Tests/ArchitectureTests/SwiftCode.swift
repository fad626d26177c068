import Foundation
import TestSupport

/// The package's own sources.
enum SourceTree {
    static let root = TestData.root + "/Sources"

    /// The targets that have Swift code.
    static let targets: [String] = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return folders.filter { !files(of: $0).isEmpty }.sorted()
    }()

    /// The paths of a target's Swift files.
    static func files(of target: String) -> [String] {
        let folder = root + "/" + target
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }.sorted().map { "\(folder)/\($0)" }
    }

    static func code(_ file: String) throws -> String { try String(contentsOfFile: file, encoding: .utf8) }
}

/// Swift code as a row of words: what it declares and what it names, without comments and texts.
///
/// This reads words, not Swift: it knows no scopes but the depth of braces. That is enough for the names of types, which
/// begin with a capital letter and are one of a kind in a target.
struct SwiftCode {
    private struct Word {
        var text: String
        /// How many braces are open before it.
        var depth: Int
        /// Whether a dot stands before it: a member, whosever it is.
        var isMember: Bool
    }

    private let words: [Word]

    init(_ code: String) {
        var words: [Word] = []
        var depth = 0
        var current = ""
        var last: Character = " "
        var isMember = false
        func end() {
            if !current.isEmpty { words.append(Word(text: current, depth: depth, isMember: isMember)) }
            current = ""
        }
        for character in Self.plain(code) {
            if character.isLetter || character.isNumber || character == "_" {
                if current.isEmpty { isMember = last == "." }
                current.append(character)
            } else {
                end()
                if character == "{" { depth += 1 } else if character == "}" { depth -= 1 }
            }
            last = character
        }
        end()
        self.words = words
    }

    private static let declaring: Set = ["actor", "class", "enum", "protocol", "struct", "typealias"]

    /// The types that are declared outside of any other.
    var declaredTypes: Set<String> {
        var types: Set<String> = []
        for (index, word) in words.enumerated().dropLast() where word.depth == 0 && Self.declaring.contains(word.text) {
            // `import struct Files.JSON` declares nothing.
            guard index == 0 || words[index - 1].text != "import" else { continue }
            types.insert(words[index + 1].text)
        }
        return types
    }

    /// All words that can be a type's name.
    var namedTypes: Set<String> {
        Set(words.filter { !$0.isMember && $0.text.first?.isUppercase == true }.map(\.text))
    }

    /// The code without comments, and without texts but for what is inserted in them.
    private static func plain(_ code: String) -> String {
        var plain = ""
        var rest = Substring(code)
        /// The ends of the texts that are open, and how many parentheses of an insertion.
        var texts: [(end: String, open: Int?)] = []
        while let character = rest.first {
            if let text = texts.last, text.open == nil {
                if rest.hasPrefix("\\(") {
                    texts[texts.count - 1].open = 1
                    rest = rest.dropFirst(2)
                    plain.append(" ")
                } else if rest.hasPrefix("\\") {
                    rest = rest.dropFirst(2)
                } else if rest.hasPrefix(text.end) {
                    rest = rest.dropFirst(text.end.count)
                    texts.removeLast()
                } else {
                    rest = rest.dropFirst()
                }
                continue
            }
            if rest.hasPrefix("//") {
                rest = rest.drop { $0 != "\n" }
            } else if rest.hasPrefix("/*") {
                rest = rest.range(of: "*/").map { rest[$0.upperBound...] } ?? ""
            } else if rest.hasPrefix("\"\"\"") {
                texts.append(("\"\"\"", nil))
                rest = rest.dropFirst(3)
            } else if character == "\"" {
                texts.append(("\"", nil))
                rest = rest.dropFirst()
            } else {
                if let open = texts.last?.open {
                    let now = open + (character == "(" ? 1 : character == ")" ? -1 : 0)
                    texts[texts.count - 1].open = now == 0 ? nil : now
                }
                plain.append(character)
                rest = rest.dropFirst()
            }
        }
        return plain
    }
}
