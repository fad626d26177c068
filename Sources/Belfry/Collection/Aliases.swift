public import Files
import Foundation

/// Names for collections of a folder, or for versions of them: `shop` for `products`, or for `products@v2`. What asks for a
/// name gets what it stands for now, and is changed by writing a small file in the place of the one before: everybody sees
/// the names of before, or those of after.
///
/// A part of what is asked for by a name may go to a second collection or version, or be asked of it as well: see ``Trial``.
///
/// They are kept in `aliases.json` in the folder: an object of names and what they stand for.
public struct Aliases: Sendable {
    /// The folder that holds the collections.
    public let folder: String
    /// What each name stands for.
    public fileprivate(set) var targets: [String: Target]
    /// What is tried under a name beside that, where something is.
    public fileprivate(set) var trials: [String: Trial]

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

    /// Which file they were read from; nil where there was none. One that was put in its place has another state.
    private let state: FileState?

    /// Reads the names of a folder.
    /// - Throws: `corruptData` for a file that is not what ``change(_:in:)`` writes.
    public init(of folder: String) throws(BelfryError) {
        let file = Self.file(folder)
        (self.folder, targets, trials, state) = (folder, [:], [:], FileState(file))
        guard state != nil else { return }
        // Nobody has given it: what cannot be read is damage.
        let data = try System.read(file, limit: 1 << 26)
        guard let json = try? JSON(parsing: data, source: file), case .object = json else {
            throw .corrupt("This is no object of aliases.", at: .init(file: file))
        }
        for name in json.names {
            let isOnTrial = json[name]?["trial"] != nil
            let trial = json[name]?["trial"].flatMap { Trial($0) }
            guard let text = json[name]?.string ?? json[name]?["to"]?.string, Self.isName(name),
                Self.isName(Target(text).collection),
                !isOnTrial || trial.map({ Self.isName($0.target.collection) }) ?? false
            else {
                throw .corrupt("The alias \(name.debugDescription) is none.", at: .init(file: file))
            }
            (targets[name], trials[name]) = (Target(text), trial)
        }
    }

    /// Whether somebody has changed them since they were read.
    package var isStale: Bool { FileState(Self.file(folder)) != state }

    /// Changes names of a folder, all at once: nil takes one away.
    /// - Throws: `notFound` for a collection or a version that is not there, or a name to take away that is not; `conflict`
    ///   for the name of a collection; `invalidInput` for what is no name. What is tried under these names ends.
    @discardableResult
    public static func change(_ changes: [(name: String, target: Target?)], in folder: String) throws(BelfryError)
        -> Aliases
    {
        var change = try Change(in: folder)
        for (name, target) in changes { try change.aliases.set(name, target) }
        return try change.commit()
    }

    /// Names that are being changed: nobody else changes them meanwhile, and all stay as they are until ``commit()``.
    package struct Change {
        private let lock: WriterLock?
        private let before: Aliases
        fileprivate var aliases: Aliases
        /// What the names are to stand for.
        package var targets: [String: Target] {
            get { aliases.targets }
            set { aliases.targets = newValue }
        }
        /// What is to be tried beside that: it ends where the name goes, or is made to stand for something else.
        package var trials: [String: Trial] {
            get { aliases.trials }
            set { aliases.trials = newValue }
        }

        package init(in folder: String) throws(BelfryError) {
            lock = try WriterLock("\(folder)/aliases.lock", .wait)
            before = try Aliases(of: folder)
            aliases = before
        }

        /// Begins to try something under a name, or ends that: nil.
        /// - Throws: `notFound` for a name that is not there, `invalidInput` for a share or a header that is none, and for what the
        ///   name stands for already.
        package mutating func tryOut(_ trial: Trial?, under name: String) throws(BelfryError) {
            guard let target = targets[name] else { throw aliases.noAlias(name) }
            try trial?.check()
            guard trial?.target != target else {
                throw BelfryError(
                    .invalidInput, "\(name.debugDescription) stands for \(target) already.",
                    remedy: "Name another collection or version to be tried.")
            }
            trials[name] = trial
        }

        /// - Returns: What the names are now.
        package func commit() throws(BelfryError) -> Aliases {
            defer { withExtendedLifetime(lock) {} }
            var after = aliases
            after.trials = after.trials.filter { name, trial in
                after.targets[name] != nil && trial.target != after.targets[name]
                    && (after.targets[name] == before.targets[name] || trial != before.trials[name])
            }
            guard after.targets != before.targets || after.trials != before.trials else { return before }
            try after.write()
            return try Aliases(of: before.folder)
        }
    }

    private mutating func set(_ name: String, _ target: Target?) throws(BelfryError) {
        guard Self.isName(name) else {
            throw BelfryError(
                .invalidInput, "\(name.debugDescription) is no name for a collection.",
                remedy: "A name has 1 to 255 bytes, none of them a slash, an @ or a control character.")
        }
        guard let target else {
            guard targets.removeValue(forKey: name) != nil else { throw noAlias(name) }
            return
        }
        guard System.isMissing(path(of: name)) else {
            throw BelfryError(
                .conflict, "A collection is called \(name.debugDescription).", at: .init(file: path(of: name)),
                remedy: "Give the alias another name.")
        }
        // One that is not there would be missed by whoever asks for the name.
        _ = try VectorCollection(path(of: target.collection), version: target.version)
        targets[name] = target
    }

    private func noAlias(_ name: String) -> BelfryError {
        BelfryError(.notFound, "There is no alias \(name.debugDescription).", at: .init(file: Self.file(folder)))
    }

    /// Begins to try something under a name, or ends that: nil.
    /// - Throws: as ``change(_:in:)``; `invalidInput` for a share or a header that is none, and for what the name stands for
    ///   already.
    @discardableResult
    public static func tryOut(_ trial: Trial?, under name: String, in folder: String) throws(BelfryError) -> Aliases {
        var change = try Change(in: folder)
        try change.tryOut(trial, under: name)
        if let trial {
            // One that is not there would be missed by whoever is to get its answers.
            _ = try VectorCollection(
                change.aliases.path(of: trial.target.collection), version: trial.target.version)
        }
        return try change.commit()
    }

    /// The directory of a collection of this name.
    public func path(of collection: String) -> String { "\(folder)/\(collection).belfry" }

    /// What `aliases.json` has of a name: what it stands for, or an object of that and of what is tried; nil where there is none.
    package func json(of name: String) -> JSON? {
        guard let target = targets[name]?.description else { return nil }
        return trials[name].map { ["to": .string(target), "trial": $0.json] } ?? .string(target)
    }

    private func write() throws(BelfryError) {
        var members = JSON.Members()
        for name in targets.keys.sorted() { members[name] = json(of: name) }
        try System.write(Data((JSON.object(members).text() + "\n").utf8), to: Self.file(folder))
    }

    private static func file(_ folder: String) -> String { "\(folder)/aliases.json" }

    private static func isName(_ name: String) -> Bool {
        1...255 ~= name.utf8.count && name != "." && name != ".."
            && name.unicodeScalars.allSatisfy { $0 != "/" && $0 != "@" && $0.value >= 32 && $0.value != 127 }
    }
}
