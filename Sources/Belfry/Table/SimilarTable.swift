package import Files
import Shards

/// The nearest others of every point: what a shop computes each night, and looks up by day.
///
/// 1. The points that have a vector are the table's rows, in the order of their ids, as they are at one moment.
/// 2. Rows are searched for in pieces of some thousands, on all threads: through the index, where a walk sets out from the
///    row itself, or by a scan that all rows of a piece share. No row finds itself.
/// 3. Each piece is put into an ``UnfinishedTable``, with a checksum. A process that is killed has lost one piece: the next
///    one goes on behind the last that is whole, if the collection and the request are the same, and begins anew if not.
/// 4. When all rows are there, the table is written as it was asked for, under another name, and takes its place by one
///    rename: whoever reads it sees the old one or the new, never half of it.
/// 5. A sample of the rows is searched for exactly, and compared.
///
/// The bytes of the table do not depend on the number of threads, nor on how often the work was interrupted.
///
/// It does not answer with what is alike in words, in groups, or from several collections: those are searches for one
/// point.
package struct SimilarTable {
    /// What is asked for every row.
    package struct Request: Sendable {
        /// How many others, at most.
        package var k: Int
        /// The mean recall, from above 0 to 1; nil for the collection's own.
        package var recall: Double?
        /// Whether all rows are compared with all others.
        package var exact = false
        /// Only points that pass this are answered; every point has its row. Nil for all.
        package var filter: Filter?
        /// The name of the vectors that are compared.
        package var space = ""
        /// Answers that score worse are left out: less than this, or more where the score is a distance.
        package var scoreThreshold: Float?
        /// How many threads work.
        package var threads = 1

        /// The `k` nearest of every point.
        package init(k: Int) { self.k = k }
    }

    /// How the work began.
    package enum Beginning: Equatable, Sendable {
        /// Nothing was there.
        case new
        /// An earlier run has done so many rows.
        case goingOn(rows: Int)
        /// What an earlier run has left is of no use: why.
        case anew(String)
    }

    /// Hears how the work goes.
    package struct Events {
        package var begin: (Beginning, _ rows: Int) -> Void
        package var advance: (_ rows: Int) -> Void
        package var remove: ([String]) -> Void

        package init(
            begin: @escaping (Beginning, _ rows: Int) -> Void = { _, _ in },
            advance: @escaping (_ rows: Int) -> Void = { _ in }, remove: @escaping ([String]) -> Void = { _ in }
        ) { (self.begin, self.advance, self.remove) = (begin, advance, remove) }
    }

    /// What was made.
    package struct Result: Sendable {
        /// How many rows the table has.
        package var rows: Int
        /// How many of them were searched for now, and not by an earlier run.
        package var searched: Int
        /// How many points have no vector of this kind, and no row.
        package var withoutVector: Int
        /// What such searches could expect.
        package var expectation: Expectation
        /// Of each row of a sample the share of the true nearest that it has; empty where all rows were compared.
        package var recalls: [Double]
        /// Seconds that searching took.
        package var seconds: Double
    }

    let view: View
    let request: Request
    /// The place of the space in the collection's configuration.
    let space: Int
    let rows: Rows
    /// The only points that may be answered; nil for all.
    let kept: PointSet?

    /// The table's rows.
    struct Rows {
        /// Whose they are.
        let ids: [PointID]
        /// The ids as they were written.
        let names: [String]
        /// Where their vectors lie.
        let places: [PointPlace]
        /// The row of each point.
        let numbers: [PointID: Int32]
        /// How many points there are that have no vector of this kind.
        let withoutVector: Int
    }
}

extension VectorCollection {
    /// Writes the table of every point's nearest others: see ``SimilarTable``.
    /// - Parameter path: where to; its extension says how: see ``SimilarTable/Format``.
    /// - Throws: `invalidInput` for a space or a file that cannot have such a table, or a collection without points;
    ///   `notFound` for a folder that is not there; `conflict` where another process writes the same table; `io`, also for a
    ///   full disk: what was done stays, and the next run goes on from there; `corruptData` with the place.
    package func writeSimilarTable(
        _ request: SimilarTable.Request, to path: String, _ events: SimilarTable.Events = .init()
    ) throws(BelfryError) -> SimilarTable.Result {
        let format = try SimilarTable.Format(of: path)
        let version = version
        let table = try onCurrentView { view throws(BelfryError) in try SimilarTable(view, version: version, request) }
        let unfinished = try UnfinishedTable(
            for: path, rows: table.rows.ids.count, k: request.k, of: table.collectionDigest, table.requestDigest)
        CrashPoint.tableBegun.reach()
        events.begin(unfinished.beginning, table.rows.ids.count)
        let (before, start) = (unfinished.done, ContinuousClock.now)
        while unfinished.done < table.rows.ids.count {
            try unfinished.append(try table.search(unfinished.nextRows))
            CrashPoint.tablePiece.reach()
            events.advance(unfinished.done)
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let content = try unfinished.content()
        events.remove(try table.write(content, to: path, as: format))
        CrashPoint.tableWritten.reach()
        let expectation = try table.expectation()
        let result = SimilarTable.Result(
            rows: table.rows.ids.count, searched: table.rows.ids.count - before,
            withoutVector: table.rows.withoutVector, expectation: expectation,
            recalls: expectation.isExact ? [] : try table.recalls(of: content), seconds: seconds)
        try unfinished.remove()
        return result
    }
}
