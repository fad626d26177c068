import Files
import Neighbors
import Shards
import Vectors

extension View {
    /// The points with the best scores by examples, exactly: every vector is compared with every example. Their distances are
    /// the negatives of their scores; of equal ones the smaller id comes first.
    func best(
        by score: ExampleScore, _ examples: Matrix, k: Int, scope: SearchScope, in space: Int
    ) throws(BelfryError) -> [FoundPoint] {
        let scoring = BlockScoring(score, examples, configuration.spaces[space].metric)
        var found: [FoundPoint] = []
        for live in segments(of: space) {
            guard let shard = live.segment.dense?.vectors else { preconditionFailure("a dense space") }
            let asked = scope.asked(of: live.segment.number, k, live.dead, 1)
            let filter = asked.filter(of: shard.rowCount, except: asked.excludedRows(0))
            var top = TopK(k)
            for start in stride(from: 0, to: shard.rowCount, by: BlockScoring.rows) {
                let range = start..<min(start + BlockScoring.rows, shard.rowCount)
                guard filter == nil || range.contains(where: { filter!.keeps($0) }) else { continue }
                let block = try shard.rows(range)
                scoring.score(block.pointer, count: range.count) { row, score in
                    if filter?.keeps(start + row) ?? true { top.offer(UInt32(start + row), -score) }
                }
            }
            for near in top.sorted { found.append((try live.segment.ids.id(Int(near.row)), near.distance)) }
        }
        for part in pending where part.vectors[space].liveRows > 0 {
            let vectors = part.vectors[space]
            guard case .dense(let rows) = vectors.rows else { preconditionFailure("a dense space") }
            let asked = scope.asked(of: vectors.number, k, vectors.dead, 1)
            let filter = asked.filter(of: rows.count, except: asked.excludedRows(0))
            var top = TopK(k)
            for row in 0..<rows.count where filter?.keeps(row) ?? true {
                rows.row(row).withUnsafeBufferPointer { vector in
                    scoring.score(vector.baseAddress!, count: 1) { _, score in top.offer(UInt32(row), -score) }
                }
            }
            found += top.sorted.map { (part.point(ofRow: Int($0.row), in: space).id, $0.distance) }
        }
        return Array(found.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(k))
    }
}

/// Scores rows by examples, a block at a time.
private struct BlockScoring {
    /// Rows of a block.
    static let rows = 1_024

    private let form: ExampleScore
    private let examples: Matrix
    private let kernel: DistanceKernel
    private let similarities: Matrix
    private let scores: Matrix

    init(_ form: ExampleScore, _ examples: Matrix, _ metric: Metric) {
        (self.form, self.examples) = (form, examples)
        kernel = DistanceKernel(metric: metric)
        similarities = Matrix(rows: max(examples.rows, 1), columns: Self.rows)
        scores = Matrix(rows: 1, columns: Self.rows)
    }

    /// Hands on the score of each row that has one.
    func score(_ rows: UnsafePointer<Float>, count: Int, _ take: (Int, Float) -> Void) {
        for example in 0..<examples.rows {
            let query = kernel.prepare(examples.pointer + example * examples.columns, dimension: examples.columns)
            let own = similarities.pointer + example * Self.rows
            kernel.distances(to: query, rows: rows, count: count, into: own)
            for row in 0..<count { own[row] = -own[row] }
        }
        form.score(similarities.pointer, stride: Self.rows, count: count, into: scores.pointer)
        for row in 0..<count where !scores.pointer[row].isNaN { take(row, scores.pointer[row]) }
    }
}
