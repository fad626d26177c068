package import Files

/// Who can be named by a recommendation.
package struct User {
    /// The id, as the rows wrote it.
    package var key: String
    /// The query tower's fields.
    package var fields: JSON
    /// The points that a recommendation leaves out, by their names.
    package var seen: [String]

    /// A user.
    package init(key: String, fields: JSON, seen: [String]) { (self.key, self.fields, self.seen) = (key, fields, seen) }
}
