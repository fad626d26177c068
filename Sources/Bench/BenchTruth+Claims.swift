import Files
import Foundation
import Vectors

// Whether the truth of a file is one.
extension BenchTruth {
    /// How many queries are computed to see.
    private static let probes = 16

    /// What mends a truth that does not belong here.
    static let remedy: Remedy = """
        Take the truth of this base, these queries and this metric, with rows numbered from 0; or leave out \
        \(.setting(.truth)) to have it computed.
        """

    /// Refuses lists in which a row comes twice, or before one that is nearer.
    func requireOrder(_ lists: [[Int]], _ path: String) throws(BelfryError) {
        let row = Matrix(rows: 1, columns: base.columns)
        for (query, list) in lists.enumerated() {
            var last: (row: Int, distance: Double, rounding: Double)?
            var seen: Set<Int> = []
            for (rank, number) in list.prefix(k).enumerated() {
                guard seen.insert(number).inserted else {
                    throw refusal("The truth of query \(query) lists row \(number) twice.", path)
                }
                let (distance, scale) = try distance(query, number, row)
                if let last, distance < last.distance - max(scale.rounding, last.rounding) {
                    throw refusal(
                        "The truth of query \(query) is not in order: row \(number), which it lists as number "
                            + "\(rank + 1), is at \(Self.figure(distance)), row \(last.row) before it at "
                            + "\(Self.figure(last.distance)).", path)
                }
                last = (number, distance, scale.rounding)
            }
        }
    }

    /// Looks at every row of the base for a few queries, spread over all.
    func probe(_ threads: Int) throws(BelfryError) {
        let count = min(Self.probes, queries.rows)
        let asked = (0..<count).map { $0 * queries.rows / count }
        let found = try Self.nearest(base, Matrix(asked.map { queries[$0] }), metric, k: k, threads: threads) { _ in }
        let row = Matrix(rows: 1, columns: base.columns)
        for (query, numbers) in zip(asked, found) {
            for number in numbers {
                let (distance, scale) = try distance(query, number, row)
                try requireNoContradiction(query, number, distance, scale)
            }
        }
    }

    /// Refuses a truth of a file that lacks a row which is nearer than its k-th, by more than what an f32 is off.
    func requireNoContradiction(
        _ query: Int, _ number: Int, _ distance: Double, _ scale: Scale
    ) throws(BelfryError) {
        let farthest = limits[query].distance
        guard let claims, distance < farthest - scale.rounding, !claims.lists[query].contains(number) else { return }
        throw refusal(
            "The truth of query \(query) is wrong: row \(number) is at \(Self.figure(distance)), nearer than number \(k) of "
                + "the truth at \(Self.figure(farthest)), and is not in it.", claims.file)
    }

    private func refusal(_ message: String, _ path: String) -> BelfryError {
        BelfryError(.invalidInput, message, at: .init(file: path), remedy: Self.remedy)
    }

    /// A distance with seven digits; inner products have the sign of a distance.
    private static func figure(_ distance: Double) -> String { String(format: "%.7g", distance) }
}
