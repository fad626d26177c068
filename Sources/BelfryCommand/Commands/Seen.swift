import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes

struct Seen: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Note what a user has seen, so that searches leave it out; or show or forget it.",
        discussion: """
            belfry seen shop.belfry --user u-17 red-lamp blue-lamp
            belfry seen shop.belfry --user u-17
            belfry seen shop.belfry --user u-17 --forget red-lamp
            belfry seen shop.belfry --user u-17 --forget --before 2026-01-01
            belfry search shop.belfry "lamps" --seen-by u-17

            Points are kept by their ids: one that is deleted and comes back, or comes later, counts as seen. Of one user the \
            latest 100,000 are kept. What the recipe says that a user has had is left out as well, and cannot be forgotten here.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @Option(parsing: .unconditional, help: "The user.") var user: String
    @Argument(help: "The points' ids; none to see what is there.") var ids: [String] = []
    @Option(help: "When they were seen (default: now), as 2026-11-30T12:00:00Z.") var at: String?
    @Flag(help: "Forget them; without ids, all.") var forget = false
    @Option(help: "Forget only what was seen before this time.") var before: String?
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if at != nil, forget || ids.isEmpty { throw ValidationError("--at goes with ids that were seen.") }
        if before != nil, !forget || !ids.isEmpty { throw ValidationError("--before goes with --forget, without ids.") }
        _ = try (Self.time(at, "--at"), Self.time(before, "--before"))
    }

    func run() async throws {
        guard forget || !ids.isEmpty else { return try show(VectorCollection(at: collection)) }
        let opened = try VectorCollection(at: collection, for: .writing)
        if !forget {
            try await opened.markSeen(ids, by: user, at: Self.time(at, "--at") ?? Date())
        } else if ids.isEmpty {
            try await opened.forgetSeen(by: user, before: Self.time(before, "--before") ?? .distantFuture)
        } else {
            try await opened.forgetSeen(ids, by: user)
        }
        let count = try opened.seenCount(by: user)
        try await opened.close()
        if output.json {
            Terminal.print(JSON.object(["user": .string(user), "seen": .integer(Int64(count))]).text())
        } else {
            Terminal.print("user \(user) has seen \(Human.count(count, "point"))")
        }
    }

    private func show(_ opened: VectorCollection) throws {
        let seen = try opened.seen(by: user)
        func time(_ date: Date) -> String { Timestamp(date).description }
        if output.json {
            let points = seen.map { point in
                JSON.object(["id": .string(point.id), "at": point.time.map { .string(time($0)) } ?? .null])
            }
            Terminal.print(JSON.object(["user": .string(user), "points": .array(points)]).text())
        } else {
            for point in seen { Terminal.print("\(point.time.map(time) ?? "by the recipe")  \(point.id)") }
            if seen.isEmpty { Terminal.note("belfry: nothing was noted that user \(user) has seen") }
        }
    }

    private static func time(_ text: String?, _ option: String) throws -> Date? {
        guard let text else { return nil }
        guard let time = Timestamp(text) else {
            throw ValidationError("\(option) takes a time, as 2026-11-30 or 2026-11-30T12:00:00Z, not \(text).")
        }
        return time.date
    }
}
