import Belfry
package import Files
package import Recipes
import Shards
import Vectors

// What a collection is asked that no recipe describes.

extension Recipe.Evaluation {
    /// Every point, or a sample of them, as a query, to which what shares a payload field's value is relevant.
    package static func same(_ field: String, k: [Int]) -> Recipe.Evaluation {
        Recipe.Evaluation("same \(field)", .same(field: field, sample: nil), k: k, RankingMetric.allCases)
    }

    /// The vectors of a file, to which the points that a truth lists are relevant: of each the first `k`, by ids that are
    /// numbers, nearest first.
    /// - Throws: `invalidInput` for files that do not go together.
    package static func truth(_ path: String, of queries: String, k: Int) throws(BelfryError) -> Recipe.Evaluation {
        let (vectors, truth) = (try VectorFile(queries), try VectorFile(path))
        guard truth.rows == vectors.rows, truth.columns >= k else {
            throw BelfryError(
                .invalidInput,
                "The truth lists \(truth.columns) points for each of \(truth.rows) queries; \(queries) has \(vectors.rows), and "
                    + "\(k) points are asked for.", at: .init(file: path),
                remedy: "Take the truth of these queries, and a --k that it has.")
        }
        let listed = try truth.integers(first: truth.rows).map { Array($0.prefix(k)) }
        return Recipe.Evaluation(
            "truth", .vectors(try vectors.matrix(), relevant: listed, file: queries), k: [k],
            [.recall, .hitRate, .precision])
    }
}

extension JudgedQueries {
    /// Vectors as queries, to which points are relevant whose ids are numbers; a number below 0 lists none.
    /// - Throws: `notFound` where no point has any of them.
    init(
        _ vectors: Matrix, relevant listed: [[Int]], file: String, _ points: PointTable
    ) throws(BelfryError) {
        for (row, numbers) in listed.enumerated() {
            var query = JudgedQuery(query: .vector(vectors[row]))
            for number in numbers where number >= 0 {
                let id = PointID.number(UInt64(number))
                if let point = points.number(id) { query.relevant[point] = 1 } else { query.missing[id] = 1 }
            }
            if query.ideal.isEmpty { withoutRelevant += 1 } else { queries.append(query) }
        }
        guard queries.contains(where: { !$0.relevant.isEmpty }) else {
            throw BelfryError(
                .notFound, "The truth of \(file) lists no point of the collection.", at: .init(file: file),
                remedy:
                    "A truth lists points by ids that are numbers, as import gives them where it is told no others. For other "
                    + "ids leave --truth out: belfry audit compares the index with exact search.")
        }
    }
}
