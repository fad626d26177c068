/// What went wrong, where, why, and how to mend it: the one error type of every public call.
///
/// `code` is for programs; `message`, `location` and `remedy` are for people.
public struct BelfryError: Error, Sendable {
    /// The kind of failure. New codes may appear: switch with a default.
    public struct Code: Hashable, Sendable {
        /// The code's stable name, as `--json` errors print it.
        public let name: String

        init(_ name: String) { self.name = name }

        /// An argument, recipe or request that cannot be carried out as written.
        public static let invalidInput = Code("invalid_input")
        /// A file, point, column or tower that is not there.
        public static let notFound = Code("not_found")
        /// Bytes on disk that are not what was written.
        public static let corruptData = Code("corrupt_data")
        /// A well-formed file that asks for something Belfry does not do.
        public static let unsupported = Code("unsupported")
        /// A query through another tower than the one that filled the collection.
        public static let wrongTower = Code("wrong_tower")
        /// Something already there that would have to be replaced.
        public static let conflict = Code("conflict")
        /// The operating system refused: permissions, full disk, too many files.
        public static let io = Code("io")
        /// The caller's task was cancelled.
        public static let cancelled = Code("cancelled")
    }

    /// A place in a file or in the catalogue.
    public struct Location: Hashable, Sendable, CustomStringConvertible {
        /// The file, or the catalogue's path for a database row.
        public var file: String
        /// What in it: `byte 4096`, `line 12`, `table points, row 7`.
        public var place: String?

        /// A place in a file.
        public init(file: String, place: String? = nil) {
            self.file = file
            self.place = place
        }

        /// A byte offset in a file.
        public static func byte(_ offset: Int, of file: String) -> Location {
            Location(file: file, place: "byte \(offset)")
        }

        /// A line (counted from 1) of a text file.
        public static func line(_ number: Int, of file: String) -> Location {
            Location(file: file, place: "line \(number)")
        }

        /// `file, place`.
        public var description: String { place.map { "\(file), \($0)" } ?? file }
    }

    /// The kind of failure.
    public var code: Code
    /// What went wrong and why, as one sentence.
    public var message: String
    /// Where.
    public var location: Location?
    /// How to mend it.
    public var remedy: Remedy?
    /// The error underneath, if another library reported one.
    public var cause: (any Error)?

    /// An error with everything that is known about it.
    public init(
        _ code: Code, _ message: String, at location: Location? = nil, remedy: Remedy? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.location = location
        self.remedy = remedy
        self.cause = cause
    }

    /// The same with a remedy that is words alone.
    @_disfavoredOverload
    public init(
        _ code: Code, _ message: String, at location: Location? = nil, remedy: String?, cause: (any Error)? = nil
    ) {
        self.init(code, message, at: location, remedy: remedy.map { Remedy($0) }, cause: cause)
    }
}

extension BelfryError: CustomStringConvertible {
    /// Where, what, why and how to mend it, for a person.
    public var description: String { text(remedy: \.description) }

    /// The same, with the remedy in the words of whoever shows it.
    package func text(remedy words: (Remedy) -> String) -> String {
        var text = location.map { "\($0): \(message)" } ?? message
        if let cause { text += " (\(cause))" }
        if let remedy { text += "\n  → \(words(remedy))" }
        return text
    }
}

extension BelfryError {
    /// Bytes on disk that are not what was written.
    public static func corrupt(_ message: String, at location: Location) -> BelfryError {
        BelfryError(.corruptData, message, at: location)
    }
}
