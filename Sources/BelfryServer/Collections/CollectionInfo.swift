import Belfry
import Files

/// What `GET /collections/{name}` says.
enum CollectionInfo {
    static func json(_ served: ServedCollection) throws -> JSON {
        let (collection, record) = (try served.collection(), try served.record())
        let view = collection.view
        var schema = JSON.Members()
        for field in collection.indexedFields {
            let name = record.schema.names.first { (try? JSONPath($0)) == field.path } ?? field.path.description
            let filter = Filter(mustNot: [.isEmpty(field.path)])
            let points = try collection.onCurrentView { view throws(BelfryError) in try view.slots(where: filter).count
            }
            var members: JSON.Members = ["data_type": .string(field.kind.rawValue), "points": .integer(Int64(points))]
            if let params = record.schema[name], params.names.count > 1 { members["params"] = params }
            schema[name] = .object(members)
        }
        let spaces = collection.configuration.spaces
        // A vector counts as indexed where it is found as fast as it will be: a client that waits for that waits for nothing
        // that never comes. One that has turned indexes off is told of none.
        let isIndexed = record.config["optimizer_config"]?["indexing_threshold"] != 0
        let indexed = isIndexed ? view.parts.reduce(0) { $0 + ($1.isSettled ? $1.vectors : 0) } : 0
        var info: JSON.Members = [
            "status": "green", "optimizer_status": "ok", "indexed_vectors_count": .integer(Int64(indexed)),
            "points_count": .integer(Int64(view.count)),
            "segments_count": .integer(Int64(max(1, spaces.indices.reduce(0) { $0 + view.segmentCount(of: $1) }))),
            "config": record.config, "payload_schema": .object(schema), "update_queue": ["length": 0],
        ]
        let warnings = record.warnings
        if !warnings.isEmpty { info["warnings"] = .array(warnings.map { ["message": .string($0)] }) }
        return .object(info)
    }
}
