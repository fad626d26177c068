import Files

extension View {
    /// What to say beside "there is no such point": ids that are like `text`, or what ids look like here.
    func suggestion(forPoint text: String) -> String? { suggestion(text) { try $0.pointNames(limit: $1) } }

    /// The same for a user.
    func suggestion(forUser text: String) -> String? { suggestion(text) { try $0.userNames(limit: $1) } }

    private func suggestion(
        _ text: String, _ names: (Catalogue.Transaction, Int) throws -> [String]
    ) -> String? {
        guard let names = try? catalogue.read({ try names($0, Self.maxNames) }), !names.isEmpty else { return nil }
        let near = Spelling.near(text, among: names, count: 5)
        return near.isEmpty
            ? "Ids look like: \(names.prefix(3).joined(separator: ", "))." : "Near it: \(near.joined(separator: ", "))."
    }

    /// How many names are looked through: a tenth of a second for an error.
    private static let maxNames = 200_000
}
