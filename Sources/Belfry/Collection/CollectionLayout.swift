import Files

/// Where the files of a collection lie inside its directory.
struct CollectionLayout: Sendable {
    /// The collection's directory.
    let path: String

    /// What a collection's directory may hold.
    static let names: Set<String> = [
        "catalog.sqlite", "catalog.sqlite-journal", "catalog.sqlite-wal", "catalog.sqlite-shm", "catalog.seal", "lock",
        "segments", "towers",
    ]

    /// The files of every segment; those of an index stand in the catalogue's document `index`.
    static let rowFiles: Set<String> = ["vectors.shard", "ids"]

    var catalogue: String { "\(path)/catalog.sqlite" }
    var lock: String { "\(path)/lock" }
    var segments: String { "\(path)/segments" }
    var towers: String { "\(path)/towers" }

    func segment(_ number: Int) -> String {
        let digits = String(number)
        return "\(segments)/\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)"
    }
    func vectors(_ number: Int) -> String { "\(segment(number))/vectors.shard" }
    func ids(_ number: Int) -> String { "\(segment(number))/ids" }
    func tower(_ name: String) -> String { "\(towers)/\(name)" }

    /// Removes every file and folder that the catalogue does not account for: what a crash left behind.
    ///
    /// Only the holder of the writer's lock may call this: a segment that is being written is not listed yet.
    func sweep(segments listed: [Int], files: Set<String>, tower: String) throws(BelfryError) {
        let known: [String: Set<String>] = [
            path: Self.names,
            segments: Set(listed.map { String(segment($0).dropFirst(segments.count + 1)) }),
            towers: [tower],
        ]
        for (folder, names) in known where System.exists(folder) {
            for name in try System.list(folder) where !names.contains(name) {
                try System.remove("\(folder)/\(name)")
            }
        }
        for number in listed where System.exists(segment(number)) {
            for name in try System.list(segment(number)) where !files.contains(name) {
                try System.remove("\(segment(number))/\(name)")
            }
        }
    }
}
