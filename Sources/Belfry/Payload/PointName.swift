import Files
import Foundation
package import Shards

/// A point's id from the text that names it in the rows.
///
/// A whole number of 64 bits without leading zeros and a UUID are ids as they stand. Any other text (`111-33248`)
/// gets the UUID of version 5 (RFC 9562, section 5.5) under Belfry's name space, and is kept as the point's key. `5.0` is
/// the number 5: so a program writes it that keeps a column with gaps as fractions.
package struct PointName: Hashable {
    /// The name space for UUIDs of keys: the version 5 UUID of `https://belfry.invalid/point` in the URL name space.
    static let space: [UInt8] = NameUUID.make("https://belfry.invalid/point", space: NameUUID.url)

    /// The id.
    package let id: PointID
    /// The text as it was written, where the id does not say it.
    package let key: String?

    /// The point that `text` names.
    package init(_ text: String) {
        let text = text.trimmed
        if let id = PointID(text.wholeNumberName ?? text) {
            self.id = id
            // A UUID without hyphens, as a digest is: answers show it as it was written.
            key = id.description == text.lowercased() ? nil : text
        } else {
            let bytes = NameUUID.make(text, space: Self.space)
            id = .uuid(UUID(uuid: bytes.withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) }))
            key = text
        }
    }
}
