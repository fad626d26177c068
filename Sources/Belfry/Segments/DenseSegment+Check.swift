import Files
import Neighbors
import Shards
import Vectors

extension DenseSegment {
    /// Whether codes and index are of the vectors in the shard: whole files of another segment pass their own checksums.
    func problems() throws(BelfryError) -> [BelfryError] {
        guard vectors.rowCount > 0 else { return [] }
        // Without the right codes no index finds anything.
        if let problem = try codesProblem() { return [problem] }
        if let problem = try indexProblem() { return [problem] }
        return []
    }

    /// Compares what the codes estimate with the distances of the stored vectors, for every row.
    private func codesProblem() throws(BelfryError) -> BelfryError? {
        // Under l1 the codes are those under l2.
        let (codes, kernel) = (index.codes, DistanceKernel(metric: index.metric.isIndexed ? index.metric : .l2))
        let query = try vectors.rows(0..<1)
        let prepared = kernel.prepare(query.pointer, dimension: vectors.dimension)
        let asked = codes.makeQuery()
        asked.prepare(query.pointer)
        let step = 4_096
        let estimates = Matrix(rows: 1, columns: step)
        for first in stride(from: 0, to: vectors.rowCount, by: step) {
            let range = first..<min(first + step, vectors.rowCount)
            let rows = try vectors.rows(range)
            codes.estimates(asked, rows: range, into: estimates.pointer)
            for row in range {
                let estimate = estimates.pointer[row - first]
                let distance = kernel.distance(to: prepared, row: rows.pointer + (row - first) * rows.columns)
                let bound = codes.errorBound(asked, row: row, estimate: estimate)
                // A bound that is not a number says that nothing is known.
                guard !(abs(distance - estimate) > bound) else {
                    return .corrupt(
                        "The codes of row \(row) are not those of its vector.", at: .init(file: codes.path))
                }
            }
        }
        return nil
    }

    /// Searches for rows that are there: an index of these vectors finds most of them.
    private func indexProblem() throws(BelfryError) -> BelfryError? {
        let effort = index.effort(recall: 0.9, k: 1)
        guard index.kind != .exact, effort != .exact else { return nil }
        let kernel = DistanceKernel(metric: index.metric)
        let count = min(100, vectors.rowCount)
        var found = 0
        for sample in 0..<count {
            let place = sample * vectors.rowCount / count
            let row = try vectors.rows(place..<place + 1)
            let own = kernel.distance(to: kernel.prepare(row.pointer, dimension: row.columns), row: row.pointer)
            let asked = SegmentQuery(k: 1, excludedRows: [], kept: nil, threads: 1)
            let answer = try searchIndex(row, asked, effort, 0.9)[0]
            // A scan finds it whatever the index is.
            guard answer.verdict == .calibrated, let nearest = answer.rows.first else { continue }
            if nearest.distance <= own { found += 1 }
        }
        guard found < count / 2 else { return nil }
        let files = SegmentPaths(System.parent(of: vectors.path))
        return .corrupt(
            "The index finds \(found) of \(count) rows that are there: it is not of these vectors.",
            at: .init(file: index.kind == .hnsw ? files.graph : files.lists))
    }
}
