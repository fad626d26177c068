package import Files
package import Vectors

extension Recipe {
    /// One named evaluation of a recipe: what is asked, what would be relevant, and which figures say how well that was found.
    ///
    /// ```yaml
    /// evaluate:
    ///   next-film:
    ///     file: test.jsonl          # one row per query; .csv, .tsv, .jsonl as in rows, also .gz
    ///     user: user_id             # what the query is: text, item, user, session or fields
    ///     relevant: film            # an id, a list of ids, or an object of ids and grades
    ///     exclude: seen             # a list of ids that are left out of the answers
    ///     k: [1, 10, 100]
    ///     metrics: [hit_rate, recall]
    ///     baselines: [popularity:popularity]
    ///     published: {hit_rate@1: "0.041"}
    ///     headline: [hit_rate@1]    # what a summary shows: without it, the published figures, or the first one
    ///   same-product:
    ///     same: product_code        # every point is a query, and relevant is what shares this payload value
    ///     sample: 2000
    /// ```
    package struct Evaluation: Sendable {
        /// Where queries and judgments come from.
        package enum Source: Sendable {
            /// Rows of a file.
            case file(Queries)
            /// The points themselves, or a sample of them: what shares a payload field's value is relevant.
            case same(field: String, sample: Int?)
            /// Vectors of a file, a row each, and the points that are relevant to each, by ids that are numbers.
            case vectors(Matrix, relevant: [[Int]], file: String)
        }

        /// A file of queries, and what its fields are.
        package struct Queries: Sendable {
            package var rows: RowSource
            package var query: QueryFields
            /// An id, a list of ids, or an object of ids and grades.
            package var relevant: String
            /// Where each row is one judgment: the field of its grade.
            package var grade: String?
            /// The grade that means "not relevant", subtracted from all.
            package var base: Double
            /// The only ids that are ranked.
            package var candidates: String?
            /// Ids that are left out of the answers.
            package var exclude: String?
            /// Only points whose payload field has this value are ranked.
            package var within: [(payload: String, value: Within)]
        }

        /// A value that points must have: a text, or what a field of the query's row says.
        package enum Within: Hashable, Sendable {
            case text(String)
            case field(String)

            /// `Book`, or `{domain}` for the row's field.
            init(_ text: String) {
                self =
                    text.hasPrefix("{") && text.hasSuffix("}")
                    ? .field(String(text.dropFirst().dropLast())) : .text(text)
            }

            /// The field of a row.
            package var field: String? { if case .field(let name) = self { name } else { nil } }
        }

        /// What a row asks for, and in which of its fields that stands.
        package enum QueryFields: Sendable {
            case text(String)
            /// A point, which does not find itself.
            case item(String)
            case user(String)
            case session(String)
            case fields([String])
        }

        /// A plain ranking to compare with.
        package enum Baseline: Hashable, Sendable, CustomStringConvertible {
            /// For every query the same order, greatest first, by a payload field's number.
            case popularity(field: String)
            /// By the words that the query shares with the recipe's text: see ``BM25``.
            case bm25

            /// As a recipe names it.
            package var description: String {
                switch self {
                case .popularity(let field): "popularity:\(field)"
                case .bm25: "bm25"
                }
            }
        }

        /// The evaluation's name.
        package let name: String
        package let source: Source
        /// Numbers of answers that count, growing.
        package var k: [Int]
        /// Which figures are computed.
        package let metrics: [RankingMetric]
        /// What to compare with.
        package let baselines: [Baseline]
        /// What others have published, as they wrote it, by the figure's name (`recall@10`).
        package let published: [String: String]
        /// The figures that stand for the evaluation in a summary, by name.
        package let headline: [String]

        /// An evaluation that no recipe names.
        package init(_ name: String, _ source: Source, k: [Int], _ metrics: [RankingMetric]) {
            (self.name, self.source, self.k, self.metrics) = (name, source, k, metrics)
            (baselines, published) = ([], [:])
            headline = RankingFigure.all(metrics, k).prefix(1).map(\.description)
        }

        /// All metrics at all `k`.
        package var figures: [RankingFigure] { RankingFigure.all(metrics, k) }

        /// The file of queries; nil where the points are the queries.
        package var file: String? {
            switch source {
            case .file(let queries): queries.rows.file
            case .vectors(_, _, let file): file
            case .same: nil
            }
        }

        /// How many points are queries at most, where the points are the queries.
        package var sample: Int? { if case .same(_, let sample) = source { sample } else { nil } }

        /// The payload fields that are read of every point.
        package var payloadFields: Set<UTF8Key> {
            var fields: Set<UTF8Key> = []
            if case .same(let field, _) = source { fields.insert(UTF8Key(field)) }
            for case .popularity(let field) in baselines { fields.insert(UTF8Key(field)) }
            return fields
        }
    }
}
