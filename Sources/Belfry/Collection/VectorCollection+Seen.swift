public import Files
public import Foundation
package import Shards

// What a user has seen: it is kept by the ids of points, and searches with ``SearchRequest/seenBy`` leave it out. A user needs
// no row of a recipe; a point needs not be there. Of one user the latest 100,000 points are kept.
extension VectorCollection {
    /// Notes that a user has seen points. The next search for that user leaves them out.
    ///
    /// ```swift
    /// try await collection.markSeen(["red-lamp", "blue-lamp"], by: "user-17")
    /// ```
    /// - Parameter at: when; seconds count. Of a point that was seen twice, the later call's.
    /// - Throws: as ``write(_:)``.
    @discardableResult
    public func markSeen(
        _ ids: [String], by user: String, at time: Date = Date()
    ) async throws(BelfryError) -> WriteResult {
        try await write([.markSeen(ids, by: user, at: time)])
    }

    /// Has points count as never seen by a user. What a recipe says that the user has had stays.
    /// - Throws: as ``write(_:)``.
    @discardableResult
    public func forgetSeen(_ ids: [String], by user: String) async throws(BelfryError) -> WriteResult {
        try await write([.forgetSeen(ids, by: user)])
    }

    /// Has all that a user has seen before a time count as never seen. What a recipe says that the user has had stays.
    /// - Throws: as ``write(_:)``.
    @discardableResult
    public func forgetSeen(by user: String, before time: Date = .distantFuture) async throws(BelfryError) -> WriteResult
    {
        try await write([.forgetAllSeen(by: user, before: time)])
    }

    /// A point that a user has seen.
    public struct SeenPoint: Sendable, Hashable {
        /// The point's id, or the text that it was written under, where the point is there.
        public let id: String
        /// When; nil for one that the recipe says.
        public let time: Date?
    }

    /// The points that a user has seen, the latest first, and then those that the recipe says; none for a user that nobody
    /// has named.
    /// - Parameter limit: how many are wanted, at most: each is looked up.
    /// - Throws: `corruptData`.
    public func seen(by user: String, limit: Int = .max) throws(BelfryError) -> [SeenPoint] {
        try onCurrentView { view throws(BelfryError) in
            let (noted, had) = try view.seenLists(by: user)
            let latest = noted.marks.sorted { ($1.seconds, $0.id) < ($0.seconds, $1.id) }
            var points: [SeenPoint] = []
            for mark in (latest + had.marks.filter { noted.mark($0.id) == nil }).prefix(max(0, limit)) {
                let isNoted = points.count < latest.count
                points.append(
                    SeenPoint(
                        id: try view.storedPoint(mark.id)?.name ?? mark.id.description,
                        time: isNoted ? Date(timeIntervalSince1970: TimeInterval(mark.seconds)) : nil))
            }
            return points
        }
    }

    /// How many points a user has seen.
    /// - Throws: `corruptData`.
    public func seenCount(by user: String) throws(BelfryError) -> Int {
        try onCurrentView { view throws(BelfryError) in
            let (noted, had) = try view.seenLists(by: user)
            return noted.marks.count + had.marks.count { noted.mark($0.id) == nil }
        }
    }

    /// The ids of the points that a user has seen.
    package func seenIDs(by user: String) throws(BelfryError) -> Set<PointID> {
        try onCurrentView { view throws(BelfryError) in
            let (noted, had) = try view.seenLists(by: user)
            return Set(noted.ids + had.ids)
        }
    }
}
