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
        let indexed = spaces.indices.reduce(0) { sum, space in
            spaces[space].kind == .sparse ? sum : sum + view.indexedVectors(of: space)
        }
        return [
            "status": "green", "optimizer_status": "ok", "indexed_vectors_count": .integer(Int64(indexed)),
            "points_count": .integer(Int64(view.count)),
            "segments_count": .integer(Int64(max(1, spaces.indices.reduce(0) { $0 + view.segmentCount(of: $1) }))),
            "config": record.config, "payload_schema": .object(schema), "update_queue": ["length": 0],
        ]
    }
}
