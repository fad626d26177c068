import Foundation

/// The keys that open the server.
struct AccessKeys: Sendable {
    /// Opens all; nil where nobody needs a key to write.
    var full: String?
    /// Opens what only reads.
    var readOnly: String?

    init(full: String? = nil, readOnly: String? = nil) {
        // An empty one would be everybody's.
        (self.full, self.readOnly) = (full?.isEmpty == true ? nil : full, readOnly?.isEmpty == true ? nil : readOnly)
    }

    /// Whether anybody may do anything.
    var isOpen: Bool { full == nil && readOnly == nil }

    /// Who asks, by the keys that a request brings. With two keys, as with a header twice, it may do nothing: what stands before
    /// the server might have looked at the other one.
    func caller(_ given: [String], at time: Date = Date()) -> Caller {
        if isOpen { return Caller(.managing) }
        guard given.count == 1 else { return Caller(.nothing) }
        let isFull = full.map { Self.isSame(given[0], $0) } ?? false
        let isReader = readOnly.map { Self.isSame(given[0], $0) } ?? false
        if isFull { return Caller(.managing) }
        if isReader { return Caller(.reading) }
        return full.flatMap { AccessToken(given[0], signedWith: $0, at: time)?.caller } ?? Caller(.nothing)
    }

    /// Whether two texts are the same, in a time that does not depend on where they differ.
    static func isSame(_ given: String, _ key: String) -> Bool {
        let (given, key) = (Array(given.utf8), Array(key.utf8))
        guard !key.isEmpty else { return false }
        var difference = UInt(given.count ^ key.count)
        for place in key.indices { difference |= UInt((place < given.count ? given[place] : 0) ^ key[place]) }
        return difference == 0
    }
}
