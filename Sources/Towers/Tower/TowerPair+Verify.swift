import Files

extension TowerPair {
    /// Throws unless every file of the tower in `folder` is what was imported.
    ///
    /// Weights of which some bytes have changed would give other answers. What was right is remembered: see
    /// ``VerifiedFiles``.
    static func verify(_ folder: String, _ manifest: TowerManifest) throws(BelfryError) {
        let digests = manifest.files.mapValues(\.sha256)
        guard let name = try VerifiedFiles.differing(in: folder, from: digests).first else { return }
        throw BelfryError(
            .corruptData, "The file is not what was imported: its SHA-256 differs.",
            at: .init(file: "\(folder)/\(name)"),
            remedy: "Restore the file from a copy, or import the model again and build with \(.setting(.replacing)).")
    }
}
