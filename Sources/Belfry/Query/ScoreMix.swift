package import Vectors

/// Two rankings of points made one by a mix of their scores: the convex combination of Bruch, Gai and Ingber (An analysis of
/// fusion functions for hybrid retrieval, TOIS 2023), with each list's scores from 0, for the least that there can be, to 1,
/// for the best of the list.
///
/// A point that one of the lists does not have scores less there than its last one: it gets what that one has, where the
/// list was cut off, and 0 where the list has all that there are.
package struct ScoreMix {
    private struct List {
        /// The best first; a larger score is better.
        let points: [RankedPoint]
        /// The least that a score can be, and what a point gets that the list does not have.
        let (least, missing): (Float, Float)
        private let scale: Float

        init(_ points: [RankedPoint], least: Float, isCutOff: Bool) {
            (self.points, self.least) = (points, least)
            let best = points.first?.score ?? least
            scale = best > least ? 1 / (best - least) : 0
            missing = isCutOff ? ((points.last?.score ?? least) - least) * scale : 0
        }

        func part(_ score: Float) -> Float { (score - least) * scale }
    }

    private let meaning, words: List

    /// So many of each ranking are mixed for `k` answers.
    package static func depth(_ k: Int) -> Int { max(100, k.multipliedReportingOverflow(by: 4).partialValue) }

    /// A mix of what is nearest by meaning, and by words.
    /// - Parameters:
    ///   - metric: how the first are compared.
    ///   - depth: how many of each were asked for.
    package init(meaning: [FoundPoint], _ metric: Metric, words: [FoundPoint], depth: Int) {
        func ranked(_ found: [FoundPoint]) -> [RankedPoint] { found.map { RankedPoint($0.id, -$0.distance) } }
        // Of a metric without a least score, that of the list. No cosine is below −1, no word counts less than nothing.
        let least = metric == .cosine ? -1 : meaning.last.map { -$0.distance } ?? 0
        self.meaning = List(ranked(meaning), least: least, isCutOff: meaning.count >= depth)
        self.words = List(ranked(words), least: 0, isCutOff: words.count >= depth)
    }

    /// All points, the best first; of two with the same score, the smaller id comes first.
    /// - Parameter share: what words count for, from 0 to 1.
    package func mixed(words share: Double) -> [RankedPoint] {
        let lists = [(meaning, Float(1 - share)), (words, Float(share))]
        let floor = lists.reduce(0) { $0 + $1.0.missing * $1.1 }
        var scores: [PointID: Float] = [:]
        for (list, weight) in lists {
            for point in list.points {
                scores[point.id, default: floor] += weight * (list.part(point.score) - list.missing)
            }
        }
        return scores.map { RankedPoint($0.key, $0.value) }.sorted()
    }
}
