import Files
import Vectors

/// Whether a row's vector depends on the rows beside it: measured when a graph is imported.
///
/// 1. Made-up rows, of unequal and of equal lengths, run one at a time: these are the vectors that rows have.
/// 2. They run together, in several sizes and orders. Where all vectors are the same, rows run together from then on.
/// 3. Else the weaker promises are tried: dynamic quantization by rows, rows of equal length, one at a time.
///
/// It does not say why. What makes rows depend on each other is dynamic quantization, padding that a graph sees in spite
/// of its mask, statistics over the rows, a condition on how many there are.
struct RowTrial {
    private let manifest: TowerManifest
    private let files: TowerFiles
    private let columns: FeatureSet
    /// Rows of unequal lengths, and groups of rows of one length each.
    private let uneven: [JSON]
    private let even: [[JSON]]

    /// How far apart vectors may be that count as the same, relative to the greatest component: sums that are taken in
    /// another order are closer.
    private static let tolerance: Float = 1e-5
    /// Sizes of runs: around the kernels' own, and beyond what a condition on small batches would show.
    private static let sizes = [2, 3, 5, 8, 17, 33, 64, 128]
    /// Elements of a run that is larger than the rows that were made up: these are repeated.
    private static let maxElements = 1024

    init(_ manifest: TowerManifest, _ files: TowerFiles, _ columns: FeatureSet) {
        (self.manifest, self.files, self.columns) = (manifest, files, columns)
        uneven = columns.samples()
        even = columns.evenSamples()
    }

    /// The manifest with the weakest demand under which every row has the vector that it has alone.
    /// - Throws: `unsupported` if alone all rows have the same vector.
    func decided() throws(BelfryError) -> TowerManifest {
        let alone = tower(.alone, rangesPerRow: false)
        let tower = try GraphModel(alone, files, instructionSet: .current)
        if tower.rowsAtOnce == 1 { return manifest }
        let rows = uneven + even.flatMap { $0 }
        let wanted = try tower.vectors(of: rows)
        let hasRanges = tower.inspection.operators["DynamicQuantizeLinear"] != nil
        let hasLists = columns.longestList > 0
        for grouping in hasLists ? [RowGrouping.together, .lengths] : [.together] {
            for ranges in hasRanges ? [false, true] : [false] {
                let candidate = self.tower(grouping, rangesPerRow: ranges)
                if try isSame(candidate, rows, wanted) { return candidate }
            }
        }
        guard rows.count < 2 || (1..<rows.count).contains(where: { !Self.areSame(wanted[0], wanted[$0], 1) }) else {
            throw BelfryError(
                .unsupported,
                "The vector of a row depends on the other rows of its batch, and alone every row has the same vector.",
                at: .init(file: files.path(TowerFiles.graph)),
                remedy: "Export the model so that it computes nothing over the dimension of the rows.")
        }
        return alone
    }

    private func tower(_ rows: RowGrouping, rangesPerRow: Bool) -> TowerManifest {
        var manifest = manifest
        (manifest.rows, manifest.rangesPerRow) = (rows, rangesPerRow)
        return manifest
    }

    /// Whether the rows that `candidate` runs together have the vectors that they have alone.
    private func isSame(_ candidate: TowerManifest, _ rows: [JSON], _ wanted: Matrix) throws(BelfryError) -> Bool {
        // A graph that cannot run several rows at all is one whose rows run alone.
        guard let tower = try? GraphModel(candidate, files, instructionSet: .current) else { return false }
        var scale: Float = 0
        for index in 0..<wanted.rows * wanted.columns { scale = max(scale, abs(wanted.pointer[index])) }
        for run in runs(rows, tower) {
            guard let found = try? tower.vectors(of: run.map { rows[$0] }, together: true) else { return false }
            for (row, place) in run.enumerated() where !Self.areSame(found[row], wanted[place], scale) { return false }
        }
        return true
    }

    private static func areSame(
        _ left: [Float], _ right: [Float], _ scale: Float
    ) -> Bool {
        for index in 0..<left.count where !(abs(left[index] - right[index]) <= tolerance * scale) { return false }
        return true
    }

    /// Places of rows that are tried together.
    private func runs(_ rows: [JSON], _ tower: GraphModel) -> [[Int]] {
        var runs: [[Int]] = []
        let all = Array(uneven.indices)
        let long = all.max { columns.elements(of: rows[$0]) < columns.elements(of: rows[$1]) } ?? 0
        runs += [all, all.reversed()] + all.filter { $0 != long }.prefix(3).flatMap { [[$0, long], [long, $0]] }
        // Rows of all lengths, the short ones more often, and rows of one length.
        let byLength = all.sorted { columns.elements(of: rows[$0]) < columns.elements(of: rows[$1]) }
        var pools = [Array(byLength.prefix(max(byLength.count / 2, 2)))]
        var next = uneven.count
        for group in even {
            pools.append(Array(next..<next + group.count))
            next += group.count
        }
        for pool in pools where !pool.isEmpty {
            let longest = pool.reduce(1) { max($0, columns.elements(of: rows[$1])) }
            for size in Self.sizes where size * longest <= Self.maxElements || size <= pool.count {
                let run = (0..<size).map { pool[$0 % pool.count] }
                runs.append(run)
                if size <= 8 { runs.append(run.reversed()) }
            }
        }
        var seen: Set<[Int]> = []
        return runs.map { Array($0.prefix(tower.rowsAtOnce)) }.filter { $0.count > 1 && seen.insert($0).inserted }
    }
}
