import Belfry
import Files
import Shards
import Vectors

/// Writes JSON straight into bytes: answers are mostly numbers and payloads, and no tree of them is built first.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// Text that is JSON already.
    mutating func raw(_ json: String) { bytes.append(contentsOf: json.utf8) }

    mutating func raw(_ json: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: json.utf8Start, count: json.utf8CodeUnitCount))
    }

    mutating func raw(bytes json: [UInt8]) { bytes.append(contentsOf: json) }

    mutating func json(_ value: JSON) { raw(value.text()) }

    mutating func number(_ value: some BinaryInteger) { raw(String(value)) }

    mutating func flag(_ value: Bool) { raw(value ? "true" : "false") }

    mutating func text(_ value: String) { json(.string(value)) }

    /// By the shortest digits that give the same f32 back; what is no number is null.
    mutating func float(_ value: Float) {
        guard value.isFinite else { return raw("null") }
        raw(value.description)
    }

    /// Elements between brackets, with commas.
    mutating func list<Element>(
        _ elements: some Sequence<Element>, _ write: (inout WireWriter, Element) throws -> Void
    ) rethrows {
        bytes.append(UInt8(ascii: "["))
        var isFirst = true
        for element in elements {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            try write(&self, element)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

// MARK: points

extension WireWriter {
    /// A number, a UUID, or the text that its rows call a point.
    mutating func id(_ id: PointID, _ key: String?) {
        switch id {
        case .number(let number): self.number(number)
        case .uuid: if let key { text(key) } else { raw("\"\(id.description)\"") }
        }
    }

    mutating func vector(_ vector: PointVector) {
        switch vector {
        case .dense(let components): list(components) { $0.float($1) }
        case .multi(let vectors): list(vectors) { $0.list($1) { $0.float($1) } }
        case .sparse(let vector):
            raw("{\"indices\":")
            list(vector.indices) { $0.number($1) }
            raw(",\"values\":")
            list(vector.values) { $0.float($1) }
            raw("}")
        }
    }

    /// The vector alone where it has no name, else an object by names.
    mutating func vectors(_ vectors: [String: PointVector]) {
        if vectors.count == 1, let only = vectors[""] { return vector(only) }
        raw("{")
        for (place, (name, vector)) in vectors.sorted(by: { $0.key < $1.key }).enumerated() {
            if place > 0 { raw(",") }
            text(name)
            raw(":")
            self.vector(vector)
        }
        raw("}")
    }
}
