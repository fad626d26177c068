import Belfry
import Files
import TestSupport

@testable import Belfry

/// A point as it must be read.
struct DiskPoint: Equatable, Sendable {
    var vector: [Float]
    var payload: JSON
}

/// Points by their ids.
typealias DiskPoints = [Int: DiskPoint]

/// One of several writers at once: it has points of its own, and knows what they are after each of its batches.
struct DiskWriter {
    static let dimension = 4
    /// Ids of one writer are in one thousand.
    private static let ids = 40

    let number: Int
    var points: DiskPoints = [:]
    /// Whether the batch before has failed, so that nobody knows whether it was done: the next one does not depend on it.
    var isUnsure = false
    private var random: SeededGenerator
    private var round = 0

    init(_ number: Int, seed: UInt64) {
        self.number = number
        random = SeededGenerator(seed: seed &+ UInt64(number))
    }

    /// The next batch; `points` are what they are after it.
    /// - Parameter large: whether it has many upserts, which fill a table.
    mutating func next(large: Bool = false) -> [WriteOperation] {
        round += 1
        var batch: [WriteOperation] = []
        if isUnsure {
            batch.append(.delete(.ids((0..<Self.ids).map { "\(number * 1_000 + $0)" })))
            points = [:]
        }
        let count = Int.random(in: large ? 10...16 : 1...8, using: &random)
        for _ in 0..<count { batch.append(operation(upsert: isUnsure || large)) }
        return batch
    }

    private mutating func operation(upsert: Bool) -> WriteOperation {
        let id = number * 1_000 + Int.random(in: 0..<Self.ids, using: &random)
        let text = String(repeating: "x", count: Int.random(in: 0...60, using: &random))
        let payload: JSON = ["round": .integer(Int64(round)), "text": .string(text)]
        let vector = [Float(round), Float(id), 1, Float.random(in: -1...1, using: &random)]
        switch upsert ? 0 : Int.random(in: 0..<12, using: &random) {
        case 0..<5:
            points[id] = DiskPoint(vector: vector, payload: payload)
            return .upsert(WrittenPoint(id: "\(id)", vector: vector, payload: payload))
        case 5..<7:
            points[id] = nil
            return .delete(["\(id)"])
        case 7:
            points[id]?.vector = vector
            return .setVectors("\(id)", ["": .dense(vector)])
        case 8:
            let round = round
            change(id) { $0["round"] = .integer(Int64(round)) }
            return .setPayload(["\(id)"], ["round": .integer(Int64(round))])
        case 9:
            change(id) { $0["text"] = nil }
            return .deletePayload(["\(id)"], keys: ["text"])
        case 10:
            points[id]?.payload = payload
            return .overwritePayload(["\(id)"], payload)
        default:
            points[id]?.payload = [:]
            return .clearPayload(["\(id)"])
        }
    }

    private mutating func change(_ id: Int, _ body: (inout JSON.Members) -> Void) {
        guard case .object(var members)? = points[id]?.payload else { return }
        body(&members)
        points[id]?.payload = .object(members)
    }
}

extension DiskPoints {
    /// What an open collection has, by its catalogue and by a search, which must agree.
    init(in collection: VectorCollection) throws {
        self = [:]
        let view = collection.view
        try view.forEachPoint { point in
            guard let id = Int(point.id.description), let vector = try view.vectors(of: point)[""]?.dense else {
                return
            }
            self[id] = DiskPoint(vector: vector, payload: try point.payload())
        }
        guard collection.count == count else { throw DiskMismatch("\(count) points, counted \(collection.count)") }
        var request = SearchRequest(.vector([Float](repeating: 0, count: DiskWriter.dimension)), k: 10_000)
        request.exact = true
        let hits = try collection.search(request).hits
        let found = Set(hits.compactMap { Int($0.id.description) })
        guard found == Set(keys), hits.count == count else {
            throw DiskMismatch("\(count) points, of which a search finds \(found.count) by \(hits.count) hits")
        }
        for hit in hits where self[Int(hit.id.description) ?? -1]?.payload != hit.payload {
            throw DiskMismatch("the payload of \(hit.id) is another one in a search")
        }
    }

    /// What a collection has that is opened anew, for reading.
    init(at path: String) throws { try self.init(in: VectorCollection(path)) }

    /// Those of one writer.
    func of(_ writer: Int) -> DiskPoints { filter { $0.key / 1_000 == writer } }
}

/// What does not agree.
struct DiskMismatch: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
