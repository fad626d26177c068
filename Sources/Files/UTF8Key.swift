/// A text as a key: two are the same only if their UTF-8 bytes are.
///
/// Swift's strings are equal where Unicode calls them canonically equivalent: `é` as one scalar and as `e` with an accent
/// are one key of a `[String: …]`. Ids, headers and member names that come from files are bytes: what differs there
/// must not fall together here.
public struct UTF8Key: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The text.
    public let text: String

    /// The key that is `text`.
    public init(_ text: String) { self.text = text }
    /// The key that is `value`.
    public init(stringLiteral value: String) { text = value }

    /// The text.
    public var description: String { text }

    /// Whether the bytes are the same.
    public static func == (first: UTF8Key, second: UTF8Key) -> Bool { first.text.hasSameBytes(as: second.text) }

    /// By bytes, which is the order of the scalars.
    public static func < (first: UTF8Key, second: UTF8Key) -> Bool {
        first.text.utf8.lexicographicallyPrecedes(second.text.utf8)
    }

    /// Feeds the bytes.
    public func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

extension String {
    /// Whether both texts have the same UTF-8 bytes: see ``UTF8Key``.
    public func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }

    /// Feeds the bytes and an end that no text has.
    func hashBytes(into hasher: inout Hasher) {
        let isDone = utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) } != nil
        if !isDone { for byte in utf8 { hasher.combine(byte) } }
        hasher.combine(0xff as UInt8)
    }
}

extension Sequence<String> {
    /// Whether one of the texts has the bytes of `text`.
    public func containsBytes(of text: String) -> Bool { contains { $0.hasSameBytes(as: text) } }

    /// The texts without those that have been there before, by their bytes; the first ones stay, in their order.
    public var withoutRepeats: [String] {
        var seen: Set<UTF8Key> = []
        return filter { seen.insert(UTF8Key($0)).inserted }
    }
}
