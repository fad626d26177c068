public import Foundation

/// The name of a point: an unsigned 64-bit number or a UUID.
///
/// Numbers order before UUIDs, numbers by value, UUIDs by their bytes.
public enum PointID: Hashable, Comparable, Sendable {
    /// An unsigned 64-bit number.
    case number(UInt64)
    /// A UUID of any version.
    case uuid(UUID)

    /// Reads an id as people write it: a decimal number without sign or leading zeros, or a UUID in either case, with
    /// its hyphens or without. Nil for anything else.
    public init?(_ text: String) {
        let letters = Array(text.utf8)
        let isDigit: (UInt8) -> Bool = { $0 >= 0x30 && $0 <= 0x39 }
        if letters.count <= 20, letters.allSatisfy(isDigit), let number = UInt64(text) {
            guard letters.count == 1 || letters[0] != 0x30 else { return nil }
            self = .number(number)
        } else if letters.count == 36, let uuid = UUID(uuidString: text) {
            self = .uuid(uuid)
        } else if letters.count == 32, letters.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) {
            let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: letters[$0], as: UTF8.self) }
            guard let uuid = UUID(uuidString: parts.joined(separator: "-")) else { return nil }
            self = .uuid(uuid)
        } else {
            return nil
        }
    }

    /// The order of ids.
    public static func < (left: PointID, right: PointID) -> Bool {
        switch (left, right) {
        case (.number(let a), .number(let b)): a < b
        case (.number, .uuid): true
        case (.uuid, .number): false
        case (.uuid(let a), .uuid(let b)):
            withUnsafeBytes(of: a.uuid) { a in withUnsafeBytes(of: b.uuid) { b in a.lexicographicallyPrecedes(b) } }
        }
    }
}

extension PointID: CustomStringConvertible {
    /// The number in decimal, or the UUID in lowercase with hyphens.
    public var description: String {
        switch self {
        case .number(let number): String(number)
        case .uuid(let uuid): uuid.uuidString.lowercased()
        }
    }
}
