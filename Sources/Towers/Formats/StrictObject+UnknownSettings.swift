import Files

/// Settings files of other libraries: what is not known to be harmless is refused by name, for a setting that nobody
/// reads gives vectors that are not the model's.
extension StrictObject {
    /// Refuses members beside these, unless they are `null`, `false`, or empty.
    func refuseOthers(_ known: [String]) throws(BelfryError) {
        for (name, value) in members where !known.contains(where: { $0.utf8.elementsEqual(name) }) {
            if value.saysNothing { continue }
            throw unknown(String(decoding: name, as: UTF8.self))
        }
    }

    /// Refuses `name`, which would have to be read.
    func unknown(_ name: String) -> BelfryError {
        BelfryError(
            .unsupported, "The setting “\(place.isEmpty ? name : "\(place).\(name)")” is not supported.",
            at: location(name),
            remedy:
                "If it does not change the vectors, take it out of a copy of the file; else export the model as ONNX, "
                + "with what it does in the graph.")
    }
}

extension StrictJSON {
    /// Whether the value is what a setting has that is not used.
    fileprivate var saysNothing: Bool {
        switch self {
        case .null, .bool(false): true
        case .array(let values): values.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }
}
