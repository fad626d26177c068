import Files

/// The points of a body that is to be written, as they come: a list, or a batch with lists of what they have. What is wrong with
/// them, their reader says.
struct WrittenPoints {
    private let body: Body
    /// The elements of the list; nil for a batch.
    private let points: [JSON]?

    init(_ body: Body) { (self.body, points) = (body, body["points"]?.array) }

    /// Whether only points are changed that are there.
    var areThere: Bool { ["update", "update_only"].contains(body["update_mode"]?.string) }

    var ids: [JSON] { points?.compactMap { $0["id"] } ?? body["batch"]?["ids"]?.array ?? [] }

    var payloads: [JSON] { points?.compactMap { $0["payload"] } ?? body["batch"]?["payloads"]?.array ?? [] }

    /// The vectors, by their names.
    var vectors: [(name: String, vector: JSON)] {
        if let points { return points.flatMap { Self.named($0["vector"] ?? $0["vectors"]) } }
        switch body["batch"]?["vectors"] {
        case .object(let lists)?:
            return lists.sorted.flatMap { list in (list.value.array ?? []).map { (list.name, $0) } }
        case .array(let all)?: return all.map { ("", $0) }
        default: return []
        }
    }

    private static func named(_ vector: JSON?) -> [(name: String, vector: JSON)] {
        switch vector {
        case .object(let named)?: named.sorted.map { ($0.name, $0.value) }
        case let vector?: [("", vector)]
        case nil: []
        }
    }
}
