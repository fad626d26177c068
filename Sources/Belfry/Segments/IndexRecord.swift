import Files
import Neighbors
import Shards

/// What finds near rows in a collection's segments: the document `index`.
package struct IndexRecord: Codable, Equatable, Sendable {
    /// What the recipe asked for: `hnsw`, or `auto at recall 0.95`, with what it is calibrated on.
    var request: String
    /// What it got.
    var kind: IndexKind
    /// The files of every segment, sorted.
    var files: [String]
    /// Which files they are, by ``SegmentFile/identity``: another collection's would be as whole. Nil in a collection that an
    /// earlier version built.
    var identities: [String: UInt32]?
    /// Why it is this kind, where that was measured: it holds times, and so is no part of a segment's files.
    var choice: IndexChoice?
    /// The queries that the recipe named for the calibration; nil where it named none.
    var queries: Queries?
    /// The recall of searches where neither they nor the recipe name one, and why it is that.
    var recall: Double
    var recallReason: String

    /// Queries of a recipe: its users, or those under `calibrate`.
    package struct Queries: Codable, Equatable, Sendable {
        var areUsers: Bool
        /// How many of them could be used.
        var count: Int

        /// So many users, or queries.
        package init(areUsers: Bool, count: Int) { (self.areUsers, self.count) = (areUsers, count) }
    }
}

extension IndexRecord {
    /// Which files are in a segment's folder.
    static func identities(in folder: String) throws(BelfryError) -> [String: UInt32] {
        var identities: [String: UInt32] = [:]
        for name in try System.list(folder) { identities[name] = try SegmentFile("\(folder)/\(name)").identity }
        return identities
    }

    /// What is wrong with a file that is whole: it is not the one that was built with this collection. Reads the header.
    func problem(with name: String, in folder: String) throws(BelfryError) -> BelfryError? {
        guard let known = identities?[name], try SegmentFile("\(folder)/\(name)").identity != known else { return nil }
        return .corrupt(
            "The file is not the one that was built with this collection: the catalogue has another checksum.",
            at: .init(file: "\(folder)/\(name)"))
    }
}
