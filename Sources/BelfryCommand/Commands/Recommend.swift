import ArgumentParser
import Belfry
import Files
import Foundation

/// How examples count.
enum ExampleStrategy: String, ExpressibleByArgument, CaseIterable { case mean, best, sum }

struct Recommend: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Find points for a user, a session, or by examples.",
        discussion: """
            belfry recommend Indexes/movielens --user 5 -k 5
            belfry recommend Indexes/movielens/rich --user '{"user_id": 5, "age": 34}'
            belfry recommend Indexes/sessions/three-domains --session Movie_tt0133093,Book_126 \
                --quota domain:Movie=5,domain:Book=5
            belfry recommend Indexes/products --like 111-33784,111-59404 --unlike 111-33772

            What a user has had, a session's own items and the examples are not recommended again; of a user who is given \
            by fields nobody knows what that is. Ids that have commas go in a JSON array: '["a,1", "b"]'. Quotas say how \
            many answers there are at most, in the place of -k: a point that has several of the values counts for the \
            first of them. Values that have commas go in a JSON object: '{"brand:Acme, Inc": 5}'.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(parsing: .unconditional, help: "A user's id, or the fields of the query tower as a JSON object.") var user:
        String?
    @Option(parsing: .unconditional, help: "The ids of a session's items, the oldest first, with commas between them.")
    var session: String?
    @Option(parsing: .unconditional, help: "Ids of points that the answers are to be like.") var like: String?
    @Option(parsing: .unconditional, help: "Ids of points that the answers are to be unlike.") var unlike: String?
    @Option(
        help: .init(
            "How examples count: their mean, which an index finds; the most similar one (best); or all alike (sum). Of best "
                + "and sum every point is looked at, and --unlike alone is enough."))
    var by = ExampleStrategy.mean
    @Option(help: "How many answers with which payload value, as domain:Movie=5,domain:Book=5.") var quota: String?
    @Flag(help: "Answer also with what the user has had, with the session's items, the examples.")
    var includeSeen = false
    @OptionGroup var options: SearchOptions

    func validate() throws {
        let sources = [user, session, like ?? (by == .mean ? nil : unlike)]
        guard sources.count(where: { $0 != nil }) == 1 else {
            throw ValidationError("Name a --user, a --session or examples with --like: one of them.")
        }
        if unlike != nil, like == nil, by == .mean { throw ValidationError("--unlike goes with --like.") }
        if by != .mean, like == nil, unlike == nil { throw ValidationError("--by goes with examples.") }
        for (name, ids) in [("--session", session), ("--like", like), ("--unlike", unlike)] {
            if let ids, Self.ids(ids).isEmpty { throw ValidationError("\(name) names no id.") }
        }
        _ = try quotas()
        if quota != nil, options.answer.given != nil {
            throw ValidationError("--quota says how many answers there are: leave out -k, or --quota.")
        }
    }

    func run() throws {
        var request = options.request(try query())
        let quotas = try quotas()
        request.quotas = quotas.map { .init($0.condition, count: $0.count) }
        request.includesSeen = includeSeen
        try options.run(on: collection, quotas: quotas.map(\.condition)) { _ in request }
    }

    private func query() throws -> SearchQuery {
        if let session { return .session(Self.ids(session)) }
        if by != .mean {
            let (like, unlike) = (Self.ids(like ?? ""), Self.ids(unlike ?? ""))
            return .recommend(
                like: like.map { .point($0) }, unlike: unlike.map { .point($0) }, bySum: by == .sum)
        }
        if let like { return .examples(like: Self.ids(like), unlike: Self.ids(unlike ?? "")) }
        let user = (user ?? "").trimmingCharacters(in: .whitespaces)
        return user.first == "{" ? .fields(try JSON(parsing: Data(user.utf8), source: "--user")) : .user(user)
    }

    /// Ids with commas between them, or a JSON array for ids that have commas themselves.
    static func ids(_ text: String) -> [String] {
        if text.first == "[", let array = try? JSON(parsing: Data(text.utf8), source: "ids").array {
            return array.map { $0.string ?? $0.text() }
        }
        return text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// `field:value=count`, with commas between them.
    private func quotas() throws -> [(condition: PayloadCondition, count: Int)] {
        guard let quota else { return [] }
        var quotas: [(condition: PayloadCondition, count: Int)] = []
        for (name, count) in try Self.counts(quota) {
            guard (1...Self.maxAnswers).contains(count) else {
                throw ValidationError("--quota takes numbers between 1 and 10,000, not \(name)=\(count).")
            }
            let condition = try FilterOptions.condition(name, "--quota")
            guard !quotas.contains(where: { $0.condition == condition }) else {
                throw ValidationError("--quota names \(name) twice.")
            }
            quotas.append((condition, count))
        }
        guard !quotas.isEmpty else {
            throw ValidationError("--quota names nothing; write domain:Movie=5,domain:Book=5.")
        }
        guard quotas.reduce(0, { $0 + $1.count }) <= Self.maxAnswers else {
            throw ValidationError("--quota asks for more than 10,000 answers in all.")
        }
        return quotas
    }

    /// `field:value=count` with commas between them, or a JSON object of counts for values that have commas themselves.
    private static func counts(_ text: String) throws -> [(name: String, count: Int)] {
        if text.first == "{" {
            guard let members = try? JSON(parsing: Data(text.utf8), source: "--quota") else { throw notAQuota(text) }
            return try members.names.map { name in
                guard let count = members[name]?.integer, name.contains(":") else { throw notAQuota(name) }
                return (name, count)
            }
        }
        return try text.split(separator: ",").map { part in
            let part = part.trimmingCharacters(in: .whitespaces)
            guard let equals = part.lastIndex(of: "="), let count = Int(part[part.index(after: equals)...]),
                part.contains(":")
            else { throw notAQuota(part) }
            return (String(part[..<equals]), count)
        }
    }

    private static func notAQuota(_ text: String) -> ValidationError {
        ValidationError(
            "--quota takes a payload value and a number, as domain:Movie=5, not \(text). Values that have commas go in a "
                + "JSON object: '{\"brand:Acme, Inc\": 5}'.")
    }

    private static let maxAnswers = 10_000
}
