/// The names that collections and aliases may have: those of the interface, as long as they can be a folder's.
enum CollectionName {
    /// A folder's name may have 255 bytes, and a build adds to it.
    static let longest = 220

    /// - Throws: 422 for a name that is none.
    static func require(_ name: String, _ place: String = "collection_name") throws(Refusal) {
        guard !name.isEmpty, name.utf8.count <= longest else {
            throw Refusal(
                422,
                "Validation error in path parameters: [\(place): it has \(name.utf8.count) bytes, and may have 1 to \(longest)]"
            )
        }
        let odd = name.unicodeScalars.first {
            "<>:\"/\\|?*@".unicodeScalars.contains($0) || $0.value < 32 || $0.value == 127
        }
        guard odd == nil else {
            throw Refusal(
                422,
                "Validation error in path parameters: [\(place): the character \(String(odd!).debugDescription) cannot stand in it]"
            )
        }
        guard !name.hasPrefix("."), name.contains(where: { !$0.isWhitespace }) else {
            throw Refusal(
                422, "Validation error in path parameters: [\(place): it may not be blank or begin with a dot]")
        }
    }
}
