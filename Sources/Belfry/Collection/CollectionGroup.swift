public import Files
import Neighbors
import Shards
import Vectors

/// Collections whose vectors are of one space, searched as if they were one.
///
/// 1. The query becomes a vector once: by the query tower, which all of them share, or from the collection that holds the
///    points it names.
/// 2. Every collection gives its nearest points; the nearest of all are kept.
/// 3. With quotas that is done for each of them, the points that an earlier one has answered left out, and the answers of
///    all are put in order.
public struct CollectionGroup: Sendable {
    /// One answer, and the collection that it is from.
    public struct Answer: Sendable {
        /// The collection.
        public let collection: VectorCollection
        /// The point.
        public let hit: VectorCollection.Hit
    }

    /// What a search found.
    public struct Found: Sendable {
        /// The nearest first.
        public var answers: [Answer]
        /// Users that no collection knows, and that were answered as the tower was trained for such.
        public var unknownUsers: [String]
        /// Items of the session that no collection has: the tower may know them, and takes them as it was trained to.
        public var unknownItems: [String]
        /// The share of the true nearest that such a search finds, as a mean over queries like this one; 1 where all points
        /// were looked at; nil where nobody has measured it.
        public var recall: Double?
        /// Whether the query is unlike all that the recall was measured on.
        public var isUnlike: Bool
        /// Whether all points were looked at.
        public var isScanned: Bool
    }

    /// The collections, in the order in which equal answers come.
    public let collections: [VectorCollection]

    /// Puts collections together.
    /// - Throws: `wrongTower` where two are of different spaces, or compare their vectors differently.
    public init(_ collections: [VectorCollection]) throws(BelfryError) {
        precondition(!collections.isEmpty)
        let first = collections[0]
        let paths = collections.map(\.path)
        if let twice = paths.indices.first(where: { paths[..<$0].contains(paths[$0]) }) {
            throw BelfryError(.invalidInput, "The collection is named twice.", at: .init(file: paths[twice]))
        }
        for other in collections.dropFirst() {
            let (own, its) = (first.configuration, other.configuration)
            guard own.tower.fingerprint == its.tower.fingerprint, own.metric == its.metric else {
                throw BelfryError(
                    .wrongTower,
                    "The collections \(own.name) (tower \(own.tower.name), \(own.metric)) and \(its.name) (tower "
                        + "\(its.tower.name), \(its.metric)) share no space: their scores do not compare.",
                    at: .init(file: other.path), remedy: "Build both with the same tower and the same metric.")
            }
        }
        self.collections = collections
    }

    /// Searches all collections.
    /// - Throws: as the search of one.
    public func search(_ request: SearchRequest) throws(BelfryError) -> Found {
        let owner = try owner(of: request.query)
        let asked = try collections[owner].ask(
            [request.query], includingSeen: request.includesSeen, tower: request.tower)
        var leftOut = [[VectorCollection.Place]](repeating: [], count: collections.count)
        for (index, collection) in collections.enumerated() {
            leftOut[index] = index == owner ? asked.leftOut[0] : try collection.places(asked.leftOutNames[0])
        }
        var nearest: [Candidate] = []
        var verdict = VectorCollection.Verdict(recall: 1)
        if request.quotas.isEmpty {
            nearest = try candidates(asked.vectors, request.k, request, nil, leftOut, &verdict)
        }
        for quota in request.quotas {
            let found = try candidates(asked.vectors, quota.count, request, quota.condition, leftOut, &verdict)
            for (index, collection) in collections.enumerated() {
                let answered = found.filter { $0.collection == index }.map(\.found.id.description)
                if !answered.isEmpty { leftOut[index] += try collection.places(answered) }
            }
            nearest += found
        }
        return Found(
            answers: try answers(nearest.sorted()), unknownUsers: asked.unknownUsers,
            unknownItems: try unknownItems(of: request.query), recall: verdict.recall, isUnlike: verdict.isUnlike,
            isScanned: verdict.isScanned)
    }

    /// The candidates with their payloads, in their order: those of one collection are fetched together.
    private func answers(_ candidates: [Candidate]) throws(BelfryError) -> [Answer] {
        var hits: [ArraySlice<VectorCollection.Hit>] = []
        for (index, collection) in collections.enumerated() {
            hits.append(try collection.hits(candidates.filter { $0.collection == index }.map(\.found))[...])
        }
        return candidates.map { Answer(collection: collections[$0.collection], hit: hits[$0.collection].removeFirst()) }
    }

    /// The items of a session that no collection has.
    private func unknownItems(of query: VectorCollection.Query) throws(BelfryError) -> [String] {
        guard case .session(let items) = query else { return [] }
        var unknown: [String] = []
        for item in items {
            var isKnown = false
            for collection in collections where try !collection.places([item]).isEmpty { isKnown = true }
            if !isKnown { unknown.append(item) }
        }
        return unknown
    }

    /// A point before its payload is fetched.
    private struct Candidate: Comparable {
        let collection: Int
        let found: VectorCollection.Found

        static func < (first: Candidate, second: Candidate) -> Bool {
            (first.found.distance, first.collection, first.found.id)
                < (second.found.distance, second.collection, second.found.id)
        }

        static func == (first: Candidate, second: Candidate) -> Bool {
            first.collection == second.collection && first.found == second.found
        }
    }

    private func candidates(
        _ query: Matrix, _ k: Int, _ request: SearchRequest, _ quota: VectorCollection.Condition?,
        _ leftOut: [[VectorCollection.Place]], _ verdict: inout VectorCollection.Verdict
    ) throws(BelfryError) -> [Candidate] {
        var candidates: [Candidate] = []
        var nothing: BelfryError?
        var isAnyMet = false
        for (index, collection) in collections.enumerated() {
            let points: VectorCollection.PointSet?
            do throws(BelfryError) {
                points = try collection.points(where: request.within, quota)
            } catch  where error.code == .notFound {
                // No point of this one; another may have some.
                nothing = error
                continue
            }
            isAnyMet = true
            let found = try collection.nearest(
                query, k: k, recall: request.recall, exact: request.exact,
                scope: .init(leavingOut: [leftOut[index]], within: points), styles: request.query.styles,
                threads: request.threads)
            candidates += found.points[0].map { Candidate(collection: index, found: $0) }
            verdict.recall = VectorCollection.combine(verdict.recall, found.verdicts[0].recall, min)
            verdict.isUnlike = verdict.isUnlike || found.verdicts[0].isUnlike
            verdict.isScanned = verdict.isScanned && found.verdicts[0].isScanned
        }
        if !isAnyMet, let nothing { throw nothing }
        return Array(candidates.sorted().prefix(k))
    }

    /// The collection that holds what the query names: the points, or the user; the first one if it names nothing.
    private func owner(of query: VectorCollection.Query) throws(BelfryError) -> Int {
        let names: [String]
        switch query {
        case .point(let name): names = [name]
        case .examples(let like, let unlike): names = like + unlike
        case .user(let id):
            for (index, collection) in collections.enumerated() {
                if try collection.catalogue.read({ try $0.user(id) }) != nil { return index }
            }
            return 0
        case .text, .fields, .session: return 0
        }
        for (index, collection) in collections.enumerated() where try collection.places(names).count == names.count {
            return index
        }
        return 0
    }
}

extension VectorCollection {
    /// The points that a quota may answer with: those that also meet the conditions of the request.
    fileprivate func points(
        where within: [Condition], _ quota: Condition?
    ) throws(BelfryError) -> PointSet? {
        guard let quota else { return try points(where: within) }
        guard within.contains(where: { $0.field.hasSameBytes(as: quota.field) }),
            let wanted = try points(where: [quota])
        else {
            return try points(where: within + [quota])
        }
        // Conditions of one field are alternatives; a quota is one more demand.
        let both = try points(where: within)?.intersection(wanted) ?? wanted
        guard both.count > 0 else {
            let named = within.map { "\($0.field) = \($0.value)" }.joined(separator: ", ")
            throw BelfryError(
                .notFound, "No point with \(quota.field) = \(quota.value), which a quota asks for, meets \(named).",
                at: .init(file: path), remedy: "Leave the quota out, or that condition.")
        }
        return both
    }
}
