package import Files
package import Towers

extension Tower {
    /// The field that says who a user is: the only one that a row must have, or the only one; nil for towers of texts
    /// and sessions, and for those that need more.
    package var userField: String? {
        let required = fields.filter(\.isRequired)
        let naming = required.isEmpty ? fields : required
        return naming.count == 1 && sessionField == nil && naming[0].type != .text ? naming[0].name : nil
    }

    /// `texts`, or `the fields user_id (…), age (…)`.
    package var whatItTakes: String { takesTexts && fields.count == 1 ? "texts" : "the fields \(fieldsAndTypes)" }

    /// `user_id (a text), age (a number)`.
    package var fieldsAndTypes: String { fields.map { "\($0.name) (\($0.type))" }.joined(separator: ", ") }

    /// Refuses names that the tower reads no field by: a misspelt one would go unread.
    package func requireFields(_ names: [String]) throws(BelfryError) {
        let known = fields.map(\.name)
        guard let unknown = names.sorted().first(where: { !known.containsBytes(of: $0) }) else { return }
        throw BelfryError(
            .invalidInput, "The tower has no field \(unknown.debugDescription).", at: .init(file: path),
            remedy: "Its fields are: \(known.joined(separator: ", ")).")
    }
}
