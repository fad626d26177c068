public import Files
public import Shards

/// What a search found, and how that went.
public struct SearchResponse: Sendable {
    /// One answer.
    public struct Hit: Sendable {
        /// The point's id.
        public let id: PointID
        /// The id as the rows wrote it, where that is neither a number nor a UUID.
        public let key: String?
        /// The score in the collection's metric: see ``Metric/score(_:)``.
        public let score: Float
        /// The payload: a JSON object. Empty where the request asked for none.
        public let payload: JSON
        /// The payload as it is kept: the text of a JSON object, whether it was asked for or not.
        package let text: String
        /// Where points were asked for in an order by a field, the value by which this one stands where it does: one with several
        /// comes once for each.
        public package(set) var orderValue: OrderValue?
        /// The LSN of the write that made the point what it is; 0 for one that a build wrote.
        public let version: UInt64
        /// The name of the collection that the point is from.
        public let collection: String

        /// The id as the rows wrote it.
        public var name: String { key ?? id.description }
    }

    /// Answers that have a payload value in common.
    public struct Group: Sendable {
        /// The value: a text or a whole number.
        public let value: JSON
        /// The answers, the best first.
        public let hits: [Hit]
    }

    /// The answers, the nearest first; points at the same distance in the order of the collections and of their ids. Of groups
    /// all of their answers, group by group.
    public let hits: [Hit]
    /// The groups that were asked for, in the order of their best answers.
    public var groups: [Group] = []
    /// The share of the true nearest that such a search finds, as a mean over queries like this one; 1 where all points
    /// were looked at; nil where nobody has measured it.
    public let recall: Double?
    /// Users that no collection knows, and that were answered as the tower was trained for such.
    public let unknownUsers: [String]
    /// Items of the session that no collection has: the tower may know them, and takes them as it was trained to.
    public let unknownItems: [String]
    /// How the search went.
    public let trace: Trace
    /// What a cross-encoder has read; nil where none was asked.
    public var reranking: Reranking.Report?

    /// The same response with its answers in another order.
    package func with(hits: [Hit]) -> SearchResponse {
        var response = SearchResponse(
            hits: hits, groups: groups, recall: recall, unknownUsers: unknownUsers, unknownItems: unknownItems,
            trace: trace, isOfSeveral: isOfSeveral)
        response.reranking = reranking
        return response
    }

    /// Whether several collections were searched: an answer says then which it is from.
    let isOfSeveral: Bool

    /// What is to be said of a query that is unlike all others, or whose answers were not all reranked; nil for any other.
    public var note: String? {
        if let reranking, reranking.read < reranking.wanted {
            return
                "there was time to rerank \(reranking.read) of \(reranking.wanted) answers; the others follow as they were"
        }
        guard trace.isUnlike else { return nil }
        return "this query is unlike those that the recall was measured on: "
            + (trace.isScanned ? "every row was looked at" : "it was searched harder, and nobody knows its recall")
    }
}

extension SearchResponse {
    /// The answers for programs, without the trace.
    public var json: JSON {
        var members: JSON.Members = [
            "results": .array(hits.map(json)), "recall": recall.map { .number($0) } ?? .null,
        ]
        if !groups.isEmpty {
            members["groups"] = .array(groups.map { ["value": $0.value, "results": .array($0.hits.map(json))] })
        }
        members["note"] = note.map { .string($0) }
        members["reranked"] = reranking.map { JSON(encoding: $0) }
        if !unknownUsers.isEmpty { members["unknown_user"] = true }
        if !unknownItems.isEmpty { members["unknown_items"] = .array(unknownItems.map { .string($0) }) }
        return .object(members)
    }

    private func json(_ hit: Hit) -> JSON {
        var members: JSON.Members = [
            "id": hit.id.json(named: hit.name), "score": .shortest(hit.score), "payload": hit.payload,
        ]
        if isOfSeveral { members["collection"] = .string(hit.collection) }
        return .object(members)
    }
}

extension PointID {
    /// A number, or the text that the rows call it.
    package func json(named name: String) -> JSON {
        if case .number(let number) = self { .unsigned(number) } else { .string(name) }
    }
}
