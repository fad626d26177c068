import Belfry
import Files
import Recipes
import Vectors

/// A plain ranking of points that an evaluation compares the tower with.
protocol BaselineRanker: Sendable {
    /// The best `k` points for a query among those that `admits` lets through.
    func ranking(_ query: JudgedQuery, k: Int, admits: (Int32) -> Bool) -> [Int32]
}

/// For every query the same points: by a number of their payload, greatest first; of equal ones, the smaller id. Points
/// without the number come last.
struct PopularityRanker: BaselineRanker {
    private let order: [Int32]
    /// Each point's place in the order.
    private let places: [Int32]

    init(_ field: String, _ points: PointTable) {
        let numbers = (points.payload[UTF8Key(field)] ?? []).map { $0?.number ?? -.infinity }
        let order = numbers.indices.sorted { (-numbers[$0], $0) < (-numbers[$1], $1) }
        var places = [Int32](repeating: 0, count: order.count)
        for (place, point) in order.enumerated() { places[point] = Int32(place) }
        (self.order, self.places) = (order.map { Int32($0) }, places)
    }

    func ranking(_ query: JudgedQuery, k: Int, admits: (Int32) -> Bool) -> [Int32] {
        let order = query.candidates?.sorted { places[Int($0)] < places[Int($1)] } ?? order
        var ranking: [Int32] = []
        for point in order {
            if ranking.count == k { break }
            if admits(point) { ranking.append(point) }
        }
        return ranking
    }
}

/// By BM25 over the recipe's text, greatest first; of equal ones, the smaller id. A point that shares no word with the
/// query is found only where there are candidates: they are all ranked.
struct WordRanker: BaselineRanker {
    private let index: BM25
    private let texts: [String]

    /// Reads the rows of the recipe once more for their texts.
    init(_ recipe: Recipe, _ template: TextTemplate, _ points: PointTable) throws(BelfryError) {
        let rows = try RowReader(recipe.rows.file, format: recipe.rows.format)
        let id = try rows.column(recipe.rows.reference(recipe.id))
        let columns = try TextColumns(template, in: rows, recipe.rows)
        var texts = [String?](repeating: nil, count: points.count)
        while let event = try rows.next() {
            // As in the build, a row that cannot be used is none, and of two with the same id the first one counts.
            guard case .row(let row) = event, let name = row.text(id),
                let point = points.number(PointName(name).id), texts[Int(point)] == nil
            else { continue }
            texts[Int(point)] = columns.text(row)
        }
        self.texts = texts.map { $0 ?? "" }
        index = BM25(self.texts)
    }

    func ranking(_ query: JudgedQuery, k: Int, admits: (Int32) -> Bool) -> [Int32] {
        let text: String
        if let own = query.own {
            text = texts[Int(own)]
        } else if case .text(let words) = query.query {
            text = words
        } else {
            return []
        }
        var nearest = TopK(k)
        let found = index.scores(text)
        for (point, score) in found where admits(point) { nearest.offer(UInt32(point), -score) }
        if let candidates = query.candidates {
            let matched = Set(found.map(\.document))
            for point in candidates.subtracting(matched) where admits(point) { nearest.offer(UInt32(point), 0) }
        }
        return nearest.sorted.map { Int32($0.row) }
    }
}
