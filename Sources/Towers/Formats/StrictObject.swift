import Files

/// An object of a settings file that is not ours, with what an error needs to name the place.
///
/// A member that is absent or `null` takes its default; one of another type than it should have is an error. Reading
/// it as absent would give a model that works and computes something else.
struct StrictObject {
    let members: [(name: [UInt8], value: StrictJSON)]
    let file: String
    /// Where in the file the object is: `model`, `added_tokens[3]`; empty for the whole document.
    let place: String

    /// The document in `file`, at most `limit` bytes.
    init(file: String, limit: Int = StrictJSON.largestFile) throws(BelfryError) {
        try self.init(StrictJSON(file: file, limit: limit), file: file)
    }

    /// The object `json`, which stands at `place` of `file`.
    init(_ json: StrictJSON, file: String, place: String = "") throws(BelfryError) {
        guard let members = json.members else {
            let what = place.isEmpty ? "The file" : "The member “\(place)”"
            throw BelfryError(
                .corruptData, "\(what) must be an object, not \(json.kind).",
                at: .init(file: file, place: place.isEmpty ? nil : place), remedy: Self.remedy)
        }
        self.members = members
        self.file = file
        self.place = place
    }

    private static let remedy = "Download or save the model again, or write the value as the type that is asked for."

    /// The value of `name` if it is there and not `null`.
    subscript(name: String) -> StrictJSON? {
        members.first { $0.name.elementsEqual(name.utf8) }.map(\.value).present
    }

    /// The place of the member `name`, for an error.
    func location(_ name: String) -> BelfryError.Location { .init(file: file, place: path(name)) }

    private func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    private func value<Value>(
        _ name: String, _ type: String, _ read: (StrictJSON) -> Value?
    ) throws(BelfryError) -> Value? {
        guard let json = self[name] else { return nil }
        guard let value = read(json) else {
            throw BelfryError(
                .corruptData, "The member “\(path(name))” must be \(type), not \(json.kind).", at: location(name),
                remedy: Self.remedy)
        }
        return value
    }

    func bool(_ name: String) throws(BelfryError) -> Bool? { try value(name, "true or false", \.bool) }

    func bool(_ name: String, default fallback: Bool) throws(BelfryError) -> Bool { try bool(name) ?? fallback }

    func string(_ name: String) throws(BelfryError) -> String? { try value(name, "a text", \.string) }

    func utf8(_ name: String) throws(BelfryError) -> [UInt8]? { try value(name, "a text", \.utf8) }

    func number(_ name: String) throws(BelfryError) -> Double? { try value(name, "a number", \.number) }

    func integer(_ name: String) throws(BelfryError) -> Int? { try value(name, "a whole number", \.integer) }

    func array(_ name: String) throws(BelfryError) -> [StrictJSON]? { try value(name, "an array", \.array) }

    func object(_ name: String) throws(BelfryError) -> StrictObject? {
        guard let json = self[name] else { return nil }
        return try StrictObject(json, file: file, place: path(name))
    }

    /// The objects of an array; none if it is absent.
    func objects(_ name: String) throws(BelfryError) -> [StrictObject] {
        try Self.objects(array(name) ?? [], file: file, place: path(name))
    }

    /// The elements of an array, each of which must be an object.
    static func objects(
        _ array: [StrictJSON], file: String, place: String
    ) throws(BelfryError) -> [StrictObject] {
        var objects: [StrictObject] = []
        for (index, json) in array.enumerated() {
            objects.append(try StrictObject(json, file: file, place: "\(place)[\(index)]"))
        }
        return objects
    }
}

extension StrictJSON {
    /// More than any settings file has; a vocabulary of many languages is larger, and has a limit of its own.
    static let largestFile = 16 << 20

    /// Parses a file of at most `limit` bytes.
    init(file: String, limit: Int = largestFile) throws(BelfryError) {
        let bytes = try MappedFile(file)
        guard bytes.bytes.count <= limit else {
            throw BelfryError(
                .unsupported, "The file has \(bytes.bytes.count) bytes; at most \(limit) of JSON are read here.",
                at: .init(file: file), remedy: "Check that this is the model's own file and not another one.")
        }
        self = try withExtendedLifetime(bytes) { () throws(BelfryError) in
            try GitLFS.refusePointer(bytes.bytes, file: file)
            return try StrictJSON(parsing: bytes.bytes, file: file)
        }
    }

    /// What kind of value this is, for an error.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .number: "a number"
        case .string: "a text"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
