public import Files
import Foundation
import Vectors

extension Tower {
    /// How far a canary vector may be from what it was, in any component.
    static let canaryTolerance: Float = 1e-5

    /// Verifies a tower directory: every byte of every file, and that the canary vectors come out as they did.
    /// - Returns: What is wrong, one problem per finding, each naming its file; empty if all is well.
    public static func check(_ path: String) -> [BelfryError] {
        var problems: [BelfryError] = []
        func file(_ name: String) -> BelfryError.Location { .init(file: path + "/" + name) }
        do throws(BelfryError) {
            let manifest = try TowerManifest(folder: path)
            // Equal manifests give equal bytes, so a byte that is not as written shows even where it means nothing.
            let written = try System.read(path + "/" + TowerManifest.name)
            if written != Data(manifest.text.utf8) {
                problems.append(
                    .corrupt("The file is not what was written: its checksum differs.", at: file(TowerManifest.name)))
            }
            let expected = Set(manifest.files.keys).union([TowerManifest.name])
            for name in try System.list(path) where !expected.contains(name) {
                problems.append(.corrupt("The file does not belong to the tower.", at: file(name)))
            }
            for (name, entry) in manifest.files.sorted(by: { $0.key < $1.key }) {
                guard !System.isMissing(path + "/" + name) else {
                    problems.append(missing(path + "/" + name))
                    continue
                }
                do throws(BelfryError) {
                    let found = try TowerManifest.File(of: path + "/" + name)
                    if found.bytes != entry.bytes {
                        problems.append(
                            .corrupt("The file has \(found.bytes) bytes, not \(entry.bytes).", at: file(name)))
                    } else if found != entry {
                        problems.append(
                            .corrupt("The file is not what was imported: its SHA-256 differs.", at: file(name)))
                    }
                } catch { problems.append(error) }
            }
            guard problems.isEmpty else { return problems }
            try problems.append(contentsOf: checkCanaries(load(path)))
        } catch { problems.append(error) }
        return problems
    }

    private static func checkCanaries(_ tower: Tower) throws(BelfryError) -> [BelfryError] {
        let path = tower.path + "/" + TowerManifest.canaryFile
        let kept = try NpyArray(path)
        guard kept.shape == [tower.manifest.canaries.count, tower.dimension] else {
            return [.corrupt("The canary vectors have the shape \(kept.shape).", at: .init(file: path))]
        }
        let expected = kept.floats()
        let found = try tower.embed(canaries: tower.manifest.canaries)
        return tower.manifest.canaries.indices.compactMap { row in
            let difference = (0..<tower.dimension).reduce(Float(0)) { worst, column in
                max(worst, abs(expected[row * tower.dimension + column] - found.row(row)[column]))
            }
            guard difference > canaryTolerance else { return nil }
            return .corrupt(
                "The vector of canary text \(row) is off by \(difference): this machine computes something else.",
                at: .init(file: path, place: "row \(row)"))
        }
    }
}
