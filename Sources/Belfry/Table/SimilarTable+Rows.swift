import Files
import Neighbors
import Shards
import Vectors

extension SimilarTable {
    /// The rows of a table, and what may be answered, as a view has them.
    init(_ view: View, version: String, _ request: Request) throws(BelfryError) {
        try view.configuration.requireVersion(version, at: view.path)
        let space = try view.configuration.version(version).place(ofSpace: request.space)
        let description = view.configuration.spaces[space]
        guard description.kind == .dense else {
            let dense = view.configuration.spaces.filter { $0.kind == .dense }.map(\.name)
            throw BelfryError(
                .invalidInput,
                "The \(description.title) are \(description.kind.rawValue); a table of all points is of dense vectors.",
                at: .init(file: view.path),
                remedy: dense.isEmpty
                    ? "Search for one point after the other."
                    : "Name others: \(dense.map { "“\($0)”" }.joined(separator: ", ")).")
        }
        if let recall = request.recall { try SearchPlan.require(recall: recall) }
        let rows = try Rows(of: view, in: space)
        guard !rows.ids.isEmpty else {
            throw BelfryError(
                .invalidInput,
                view.count == 0
                    ? "The collection has no points." : "No point of the collection has \(description.title).",
                at: .init(file: view.path), remedy: "Write points into it first.")
        }
        guard rows.ids.count <= Int(Int32.max) else {
            throw BelfryError(
                .unsupported, "The collection has \(rows.ids.count) points; a table has at most \(Int32.max) rows.",
                at: .init(file: view.path))
        }
        (self.view, self.request, self.space, self.rows) = (view, request, space, rows)
        kept = try view.points(where: request.filter, in: space)
    }

    /// What a search for a row could expect.
    func expectation() throws(BelfryError) -> Expectation {
        try view.expectation(
            k: request.k, recall: request.recall, exact: request.exact, styles: [.rows], in: space)
    }

    /// The nearest others of some rows: of each as many as were asked for, with −1 and NaN where there are fewer.
    func search(_ range: Range<Int>) throws(BelfryError) -> TablePiece {
        let found = try nearest(Array(range), exact: request.exact)
        var piece = TablePiece(rows: range.count, k: request.k)
        for (row, points) in found.enumerated() {
            for (rank, point) in points.enumerated() {
                guard let number = rows.numbers[point.id] else { throw view.hasNoRow(point.id) }
                piece.set(row, rank, number, score(point.distance))
            }
        }
        return piece
    }

    /// The points nearest to each of some rows, but for itself, that score well enough.
    private func nearest(_ numbers: [Int], exact: Bool) throws(BelfryError) -> [[FoundPoint]] {
        let queries = Matrix(rows: numbers.count, columns: view.configuration.spaces[space].dimension)
        for (place, number) in numbers.enumerated() {
            guard case .dense(let vector) = try view.vector(at: rows.places[number]) else {
                preconditionFailure("a dense space")
            }
            vector.withUnsafeBufferPointer {
                queries.row(place).baseAddress!.update(from: $0.baseAddress!, count: queries.columns)
            }
        }
        let scope = SearchScope(excluding: numbers.map { [rows.places[$0]] }, kept: kept)
        let found = try view.nearest(
            queries, k: request.k, recall: request.recall, exact: exact, scope: scope, styles: [.rows],
            threads: request.threads, in: space
        ).points
        guard request.scoreThreshold != nil else { return found }
        return found.map { points in points.filter { isGoodEnough(score($0.distance)) } }
    }

    private func score(_ distance: Float) -> Float { view.configuration.spaces[space].score(distance) }

    private func isGoodEnough(_ score: Float) -> Bool {
        guard let threshold = request.scoreThreshold else { return true }
        return isAsGood(score, as: threshold)
    }

    private func isAsGood(_ score: Float, as other: Float) -> Bool {
        view.configuration.spaces[space].scoreIsDistance ? score <= other : score >= other
    }

    /// How many rows are searched for exactly, once the table is done.
    private static let sample = 1_000

    /// Of each row of a sample the share of the true nearest that a table has. A point counts if it is as near as the last of
    /// the exact search; a row that has nothing to find is left out.
    func recalls(of table: TableContent) throws(BelfryError) -> [Double] {
        var random = SplitMix64(seed: 1)
        let sample = random.sample(Self.sample, of: rows.ids.count).sorted()
        var recalls: [Double] = []
        for start in stride(from: 0, to: sample.count, by: 256) {
            let numbers = Array(sample[start..<min(start + 256, sample.count)])
            for (number, truth) in zip(numbers, try nearest(numbers, exact: true)) {
                guard let last = truth.last.map({ score($0.distance) }) else { continue }
                let right = table.row(number).count { isAsGood($0.score, as: last) }
                recalls.append(min(1, Double(right) / Double(min(truth.count, request.k))))
            }
        }
        return recalls
    }
}

extension SimilarTable.Rows {
    /// The points of a view that have a vector in a space, in the order of their ids.
    fileprivate init(of view: View, in space: Int) throws(BelfryError) {
        let all = try view.places(in: space).sorted { $0.id < $1.id }
        ids = all.map(\.id)
        places = all.map(\.place)
        var numbers = [PointID: Int32](minimumCapacity: ids.count)
        for (number, id) in ids.enumerated() { numbers[id] = Int32(truncatingIfNeeded: number) }
        var names = ids.map(\.description)
        try view.forEachPoint { point in
            if let key = point.key, let number = numbers[point.id] { names[Int(number)] = key }
        }
        (self.numbers, self.names) = (numbers, names)
        withoutVector = view.count - ids.count
    }
}

// MARK: what an unfinished table is of

extension SimilarTable {
    /// Changes with anything that a search for a row may see of the collection.
    var collectionDigest: String {
        var parts = [
            "table 1", "\(InstructionSet.current)", "write \(view.lastWrite)",
            JSON(encoding: view.configuration).text(),
        ]
        for live in view.segments {
            parts.append("segment \(live.segment.number): \(live.segment.rows) rows, \(live.count) alive")
            parts.append(live.segment.record.text)
        }
        return Digest.sha256(Array(parts.joined(separator: "\n").utf8))
    }

    /// Changes with anything that is asked, but for the number of threads.
    var requestDigest: String {
        let recall = request.exact ? "exact" : "\(request.recall ?? view.configuration.recall)"
        let parts = [
            "\(request.k)", recall, "\(view.configuration.spaces[space].name)",
            request.scoreThreshold.map { "\($0)" } ?? "", request.filter?.json.text() ?? "",
        ]
        return Digest.sha256(Array(parts.joined(separator: "\n").utf8))
    }
}
