import Files
import Vectors

/// Rows of the data that an index does not see while it learns, so that they can stand for queries.
///
/// Each vector counts once, however many rows have it: a placeholder text of a thousand products is one query, not a
/// thousand. They are few beside the other vectors, and enough that what was found of one neighbor each has a standard
/// error of less than 0.007.
enum HeldRows {
    /// The most rows that are held back.
    private static let limit = 2_000
    /// One in so many vectors is held back.
    private static let share = 20

    /// The rows that are held back, in random order: at most one of those that are equal to the bit.
    static func choose(_ rows: any VectorSource, seed: UInt64, threads: Int) throws(BelfryError) -> [UInt32] {
        let twins = try Twins(rows, threads: threads)
        var random = SplitMix64(seed: seed ^ 0x6865_6c64)
        let firsts = random.permutation(rows.rowCount).filter { !twins.isLater(Int($0)) }
        return Array(firsts.prefix(min(limit, firsts.count / share)))
    }

    /// All rows below `count`: the others first, each in its order, then those held back.
    static func last(_ held: [UInt32], of order: [UInt32]) -> [UInt32] {
        let set = RowSet(held.map(Int.init), capacity: order.count)
        return order.filter { !set.contains(Int($0)) } + held
    }
}
