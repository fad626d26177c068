public import Files

extension TowerPair {
    /// Throws unless every file of what is at `path`, a pair or one tower, is what was imported.
    ///
    /// `Tower.load` looks at sizes, shapes and settings: weights of which some bytes have changed would give other answers.
    /// What was right is remembered: see ``VerifiedFiles``.
    public static func verify(_ path: String) throws(BelfryError) {
        let folders = isPair(path) ? [queryFolder, itemFolder].map { "\(path)/\($0)" } : [path]
        for folder in folders {
            let files = try TowerManifest(folder: folder).files
            for name in files.keys.sorted() where System.isMissing("\(folder)/\(name)") {
                throw Tower.missing("\(folder)/\(name)")
            }
            guard let name = try VerifiedFiles.differing(in: folder, from: files.mapValues(\.sha256)).first else {
                continue
            }
            throw BelfryError(
                .corruptData, "The file is not what was imported: its SHA-256 differs.",
                at: .init(file: "\(folder)/\(name)"),
                remedy: "Restore the file from a copy, or import the model again and build with --replace.")
        }
    }
}
