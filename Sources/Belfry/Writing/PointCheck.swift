import Files
import Shards
import Vectors

/// Looks points over that are to be written to a collection: names, payloads, vectors.
struct PointCheck {
    private let configuration: CollectionConfiguration
    private let checks: [VectorCheck]

    init(_ configuration: CollectionConfiguration) {
        self.configuration = configuration
        checks = configuration.spaces.map {
            VectorCheck(dimension: $0.dimension, metric: $0.metric, elementType: $0.element)
        }
    }

    // MARK: names

    static func name(_ text: String) throws(BelfryError) -> PointName {
        guard !text.isBlank, !text.utf8.contains(0) else {
            throw BelfryError(.invalidInput, "\(text.debugDescription) is no id: it has nothing to see, or a U+0000.")
        }
        return PointName(text)
    }

    static func ids(_ names: [String]) throws(BelfryError) -> [PointID] {
        var ids: [PointID] = []
        for name in names { ids.append(try self.name(name).id) }
        return ids
    }

    /// A user's id as it is kept.
    static func user(_ text: String) throws(BelfryError) -> String {
        guard !text.isBlank, !text.utf8.contains(0), text.utf8.count <= 1_024 else {
            throw BelfryError(
                .invalidInput, "\(String(text.prefix(40)).debugDescription) is no user.",
                remedy: "A user is a text of 1 to 1,024 bytes with something to see, without U+0000.")
        }
        return text.wholeNumberName ?? text
    }

    // MARK: payloads

    /// The text of a payload.
    /// - Parameter id: whose payload it is, where that is one point's.
    static func object(_ payload: JSON, of id: String? = nil) throws(BelfryError) -> String {
        var what: String { id.map { "The payload of point \($0.debugDescription)" } ?? "The payload" }
        guard case .object = payload else {
            throw BelfryError(.invalidInput, "\(what) is no JSON object.", remedy: "Write {\"name\": value}.")
        }
        guard payload.isReadable else {
            throw BelfryError(.invalidInput, "\(what) has more levels of nesting than can be read.")
        }
        let text = payload.text()
        guard text.utf8.count <= WriteLimits.payload else {
            throw BelfryError(
                .invalidInput, "\(what) has \(text.utf8.count) bytes; it may have \(WriteLimits.payload).",
                remedy: "Keep large texts elsewhere, and their address in the payload.")
        }
        return text
    }

    // MARK: vectors

    /// A space as the configuration names it.
    func name(ofWritableSpace name: String) throws(BelfryError) -> String {
        let space = configuration.spaces[try configuration.place(ofSpace: name)]
        try requireWritable(space)
        return space.name
    }

    /// Vectors by the names of their spaces, as they will be read back from a segment.
    func vectors(_ named: [String: PointVector], of id: String) throws(BelfryError) -> [String: PointVector] {
        var checked: [String: PointVector] = [:]
        for (name, vector) in named {
            do throws(BelfryError) {
                let place = try configuration.place(ofSpace: name)
                checked[configuration.spaces[place].name] = try self.vector(vector, place)
            } catch {
                var error = error
                error.message = "Point \(id.debugDescription): \(error.message)"
                throw error
            }
        }
        return checked
    }

    private func vector(_ vector: PointVector, _ place: Int) throws(BelfryError) -> PointVector {
        let space = configuration.spaces[place]
        try requireWritable(space)
        switch (vector, space.kind) {
        case (.sparse(let terms), .sparse):
            let most = WriteLimits.terms
            guard terms.count <= most else {
                throw BelfryError(.invalidInput, "The vector has \(terms.count) terms; it may have \(most).")
            }
            return vector
        case (.dense(let components), .dense): return .dense(try self.components(components, place))
        case (.multi(let vectors), .multi):
            guard !vectors.isEmpty else {
                throw BelfryError(.invalidInput, "There is none of the \(space.title).", remedy: "Leave them out.")
            }
            var checked: [[Float]] = []
            for vector in vectors { checked.append(try components(vector, place)) }
            return .multi(checked)
        // One vector is several, as many as one.
        case (.dense(let components), .multi): return .multi([try self.components(components, place)])
        default:
            let form: Remedy =
                switch space.kind {
                case .dense: "Write all \(space.dimension) components."
                case .sparse: "Write {\"indices\": […], \"values\": […]}."
                case .multi: "Write a list of vectors."
                }
            throw BelfryError(
                .invalidInput, "The \(space.title) of the collection are \(space.kind.rawValue); this one is not.",
                remedy: form)
        }
    }

    private func requireWritable(_ space: VectorSpace) throws(BelfryError) {
        guard let words = space.words else { return }
        let fields = words.fields.map(\.path).joined(separator: ", ")
        throw BelfryError(
            .invalidInput, "The \(space.title) are the words of the payload: nobody else writes them.",
            remedy: "Leave them out; they follow the payload's \(fields).")
    }

    private func components(_ components: [Float], _ place: Int) throws(BelfryError) -> [Float] {
        let name = configuration.spaces[place].name
        try components.withUnsafeBufferPointer { components throws(BelfryError) in
            try checks[place].check(components, name.isEmpty ? "The vector" : "The vector “\(name)”")
        }
        return try configuration.spaces[place].element.rounded(components)
    }
}

extension PointVector {
    /// So many bytes it takes in the log, without its name.
    var bytes: Int {
        switch self {
        case .dense(let components): components.count * MemoryLayout<Float>.size
        case .sparse(let vector): 8 + vector.count * 8
        case .multi(let vectors): 12 + vectors.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.size
        }
    }
}

extension ElementType {
    /// A vector as it is read back from a segment.
    fileprivate func rounded(_ vector: [Float]) throws(BelfryError) -> [Float] {
        guard self != .f32 else { return vector }
        let stored = UnsafeMutableRawPointer.allocate(byteCount: vector.count * size, alignment: 16)
        defer { stored.deallocate() }
        let rounded = [Float](unsafeUninitializedCapacity: vector.count) { target, count in
            vector.withUnsafeBytes { narrow($0.baseAddress!, to: stored, count: vector.count) }
            widen(stored, to: UnsafeMutableRawPointer(target.baseAddress!), count: vector.count)
            count = vector.count
        }
        guard rounded.allSatisfy(\.isFinite) else {
            throw BelfryError(
                .invalidInput, "A component is beyond what \(rawValue) holds.",
                remedy: "Scale the vectors down, or store them as f32.")
        }
        return rounded
    }
}
