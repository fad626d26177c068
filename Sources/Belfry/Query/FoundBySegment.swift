import Files
import Neighbors
import Shards
import Vectors

/// What the segments of a view have answered to some queries so far.
struct FoundBySegment {
    private var points: [[FoundPoint]]
    private var verdicts: [SearchVerdict]
    private var work = SearchWork()
    private let expected: Double?

    /// - Parameter expected: the recall of what an index answers to a query like those that it was calibrated on.
    init(queries count: Int, expected: Double?) {
        points = [[FoundPoint]](repeating: [], count: count)
        verdicts = [SearchVerdict](repeating: SearchVerdict(recall: 1), count: count)
        self.expected = expected
    }

    /// Takes what one segment answers to one query.
    mutating func take<Failure: Error>(
        _ answer: SegmentAnswer, of query: Int, _ id: (_ row: Int) throws(Failure) -> PointID
    ) throws(Failure) {
        for neighbor in answer.rows { points[query].append((try id(Int(neighbor.row)), neighbor.distance)) }
        verdicts[query].add(
            SearchVerdict(
                recall: answer.verdict.isScanned ? 1 : answer.verdict == .calibrated ? expected : nil,
                isUnlike: answer.verdict.isUnlike, isScanned: answer.verdict.isScanned))
        work.add(answer.work)
    }

    /// The nearest of all, by distance and then by id.
    func nearest(_ k: Int, _ expectation: Expectation) -> NearestPoints {
        let nearest = points.map { found in
            Array(found.sorted { ($0.distance, $0.id) < ($1.distance, $1.id) }.prefix(k))
        }
        return NearestPoints(points: nearest, verdicts: verdicts, expectation: expectation, work: work)
    }
}

extension SearchScope {
    /// What is asked of one segment.
    /// - Parameter dead: the rows of it that are dead.
    func asked(of segment: Int, _ k: Int, _ dead: RowSet?, _ threads: Int) -> SegmentQuery {
        let left = left?.rows[segment]
        return SegmentQuery(
            k: k, excludedRows: excluding.map { places in places.compactMap { $0.segment == segment ? $0.row : nil } },
            kept: kept.map { kept in
                let rows = kept.rows[segment] ?? RowSet(capacity: 0)
                return left.map(rows.subtracting) ?? rows
            }, dead: (left ?? dead)?.count == 0 ? nil : left ?? dead, leavesOut: left != nil, threads: threads)
    }
}
