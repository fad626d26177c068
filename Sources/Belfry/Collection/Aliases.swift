public import Files
import Foundation

/// Names for collections of a folder, or for versions of them: `shop` for `products`, or for `products@v2`. What asks for a
/// name gets what it stands for now, and is changed by writing a small file in the place of the one before: everybody sees
/// the names of before, or those of after.
///
/// They are kept in `aliases.json` in the folder: an object of names and what they stand for.
public struct Aliases: Sendable {
    /// The folder that holds the collections.
    public let folder: String
    /// What each name stands for.
    public private(set) var targets: [String: Target]

    /// What a name stands for.
    public struct Target: Hashable, Sendable, CustomStringConvertible {
        /// The collection's directory in the folder, without its ending.
        public var collection: String
        /// The version; empty for the first.
        public var version: String

        /// A collection, or a version of it.
        public init(collection: String, version: String = "") {
            (self.collection, self.version) = (collection, version)
        }

        /// What a text like `collection@version` says.
        public init(_ text: String) {
            let at = text.lastIndex(of: "@")
            collection = String(text[..<(at ?? text.endIndex)])
            version = at.map { String(text[text.index(after: $0)...]) } ?? ""
        }

        /// `collection`, or `collection@version`.
        public var description: String { VectorSpace.name(collection, inVersion: version) }
    }

    /// Reads the names of a folder.
    /// - Throws: `corruptData` for a file that is not what ``change(_:in:)`` writes.
    public init(of folder: String) throws(BelfryError) {
        (self.folder, targets) = (folder, [:])
        guard System.exists(Self.file(folder)) else { return }
        let json = try JSON(parsing: System.read(Self.file(folder), limit: 1 << 26), source: Self.file(folder))
        for name in json.names {
            guard let text = json[name]?.string, Self.isName(name), Self.isName(Target(text).collection) else {
                throw .corrupt("The alias \(name.debugDescription) is none.", at: .init(file: Self.file(folder)))
            }
            targets[name] = Target(text)
        }
        guard case .object = json else {
            throw .corrupt("This is no object of aliases.", at: .init(file: Self.file(folder)))
        }
    }

    /// Changes names of a folder, all at once: nil takes one away.
    /// - Throws: `notFound` for a collection or a version that is not there, or a name to take away that is not; `conflict`
    ///   for the name of a collection; `invalidInput` for what is no name.
    @discardableResult
    public static func change(_ changes: [(name: String, target: Target?)], in folder: String) throws(BelfryError)
        -> Aliases
    {
        let lock = try WriterLock("\(folder)/aliases.lock", .wait)
        defer { lock?.release() }
        var aliases = try Aliases(of: folder)
        for (name, target) in changes {
            guard isName(name) else {
                throw BelfryError(
                    .invalidInput, "\(name.debugDescription) is no name for a collection.",
                    remedy: "A name has 1 to 255 bytes, none of them a slash, an @ or a control character.")
            }
            guard let target else {
                guard aliases.targets.removeValue(forKey: name) != nil else {
                    throw BelfryError(
                        .notFound, "There is no alias \(name.debugDescription).", at: .init(file: file(folder)))
                }
                continue
            }
            guard System.isMissing(aliases.path(of: name)) else {
                throw BelfryError(
                    .conflict, "A collection is called \(name.debugDescription).",
                    at: .init(file: aliases.path(of: name)),
                    remedy: "Give the alias another name.")
            }
            // One that is not there would be missed by whoever asks for the name.
            _ = try VectorCollection(aliases.path(of: target.collection), version: target.version)
            aliases.targets[name] = target
        }
        try aliases.write()
        return aliases
    }

    /// The directory of a collection of this name.
    public func path(of collection: String) -> String { "\(folder)/\(collection).belfry" }

    private func write() throws(BelfryError) {
        var members = JSON.Members()
        for (name, target) in targets.sorted(by: { $0.key < $1.key }) { members[name] = .string(target.description) }
        try System.write(Data((JSON.object(members).text() + "\n").utf8), to: Self.file(folder))
    }

    package static func file(_ folder: String) -> String { "\(folder)/aliases.json" }

    private static func isName(_ name: String) -> Bool {
        1...255 ~= name.utf8.count && name != "." && name != ".."
            && name.unicodeScalars.allSatisfy { $0 != "/" && $0 != "@" && $0.value >= 32 && $0.value != 127 }
    }
}
