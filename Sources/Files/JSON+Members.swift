extension JSON {
    /// The members of an object, by names whose bytes count: see ``UTF8Key``. Their order carries no meaning.
    public struct Members: Hashable, Sendable {
        private var values: [UTF8Key: JSON] = [:]

        /// No members.
        public init() {}

        /// The members of a dictionary.
        public init(_ members: [String: JSON]) { self.init(members.map { ($0.key, $0.value) }) }

        /// Members in any order; of those with the same name the last one counts.
        public init(_ members: some Sequence<(String, JSON)>) {
            for (name, value) in members { values[UTF8Key(name)] = value }
        }

        /// The value of a member; nil where there is none.
        public subscript(name: String) -> JSON? {
            get { values[UTF8Key(name)] }
            set { values[UTF8Key(name)] = newValue }
        }

        /// How many there are.
        public var count: Int { values.count }
        /// Whether there are none.
        public var isEmpty: Bool { values.isEmpty }
        /// The names, in the order of their bytes.
        public var names: [String] { values.keys.sorted().map(\.text) }

        /// Puts members in the place of those of the same names; null takes one away.
        public mutating func merge(_ members: Members) {
            for (name, value) in members.sorted { self[name] = value == .null ? nil : value }
        }
        /// Names and values, in the order of the names' bytes.
        public var sorted: [(name: String, value: JSON)] {
            values.sorted { $0.key < $1.key }.map { ($0.key.text, $0.value) }
        }
        /// The values, in no particular order.
        public var allValues: some Sequence<JSON> { values.values }
    }

    /// An object of these members.
    public static func object(_ members: [String: JSON]) -> JSON { .object(Members(members)) }
}

extension JSON.Members: ExpressibleByDictionaryLiteral {
    /// Members as they are written down; of those with the same name the last one counts.
    public init(dictionaryLiteral members: (String, JSON)...) { self.init(members) }
}

extension JSON {
    /// Arrays and objects may stand so deep in one another, in texts that are read.
    static let deepest = 256

    /// Whether it could be read again: no array or object stands deeper than in any text that is read.
    public var isReadable: Bool { isReadable(within: Self.deepest) }

    private func isReadable(within levels: Int) -> Bool {
        guard levels > 0 else { return false }
        return switch self {
        case .array(let elements): elements.allSatisfy { $0.isReadable(within: levels - 1) }
        case .object(let members): members.allValues.allSatisfy { $0.isReadable(within: levels - 1) }
        case .null, .bool, .integer, .unsigned, .number, .string: true
        }
    }
}

extension JSON {
    /// Equal values of the same kind; strings and names by their bytes.
    public static func == (first: JSON, second: JSON) -> Bool {
        switch (first, second) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.unsigned(let a), .unsigned(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    /// Feeds the kind and the value.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .unsigned(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let value): value.hashBytes(into: &hasher)
        case .array(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value)
        }
    }
}

extension JSON {
    /// Whether a string or a name in it has the character U+0000, which databases and C cut texts at.
    public var hasZero: Bool {
        switch self {
        case .string(let text): text.utf8.contains(0)
        case .array(let elements): elements.contains(where: \.hasZero)
        case .object(let members):
            members.names.contains { $0.utf8.contains(0) } || members.allValues.contains(where: \.hasZero)
        case .null, .bool, .integer, .unsigned, .number: false
        }
    }
}
