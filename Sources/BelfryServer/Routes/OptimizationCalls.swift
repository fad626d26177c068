import Belfry
import Files
import Foundation

/// What is merged, what will be, and what stays as it is: the segments of a collection, as clients of the interface know them.
enum OptimizationCalls {
    @Sendable static func list(_ service: Service, _ call: Call) throws -> Answer {
        let target = try service.target(call)
        let shown = (call.query["with"] ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        // Before the view: a merge that ends in between is told once more, and not left out.
        let merges = target.collection.mergesUnderWay
        let merged = Set(merges.flatMap { $0.sources.map(\.number) })
        let others = target.collection.view.parts.filter { !merged.contains($0.number) }
        let (idle, queued) = (others.filter(\.isSettled), others.filter { !$0.isSettled })
        let name = target.served.name
        var members: JSON.Members = [
            "summary": [
                "queued_optimizations": .integer(Int64(queued.count)), "queued_segments": .integer(Int64(queued.count)),
                "queued_points": .integer(Int64(queued.reduce(0) { $0 + $1.vectors })),
                "idle_segments": .integer(Int64(idle.count)),
            ],
            "running": .array(merges.map { json($0, of: name) }),
        ]
        if shown.contains("queued") {
            members["queued"] = .array(
                queued.map { ["optimizer": "index", "segments": [segment($0.number, $0.vectors, of: name)]] })
        }
        // Nothing is kept of what has ended.
        if shown.contains("completed") { members["completed"] = [] }
        if shown.contains("idle_segments") {
            members["idle_segments"] = .array(idle.map { segment($0.number, $0.vectors, of: name) })
        }
        return Answer(.object(members))
    }

    private static func json(_ merge: MergeStatus, of collection: String) -> JSON {
        let began = Date(timeIntervalSinceNow: -((ContinuousClock.now - merge.began) / .seconds(1)))
        return [
            "uuid": .string(uuid(merge.number, of: collection)), "optimizer": "merge", "status": "optimizing",
            "segments": .array(merge.sources.map { segment($0.number, $0.vectors, of: collection) }),
            "progress": ["name": "merge", "started_at": .string(Timestamp(began).description)],
        ]
    }

    private static func segment(_ number: Int, _ vectors: Int, of collection: String) -> JSON {
        ["uuid": .string(uuid(number, of: collection)), "points_count": .integer(Int64(vectors))]
    }

    /// Segments have numbers: each has always the same UUID, and no other collection's has it.
    private static func uuid(_ number: Int, of collection: String) -> String {
        PointName("\(collection)/segments/\(number)").id.description
    }
}
