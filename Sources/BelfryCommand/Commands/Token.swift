import ArgumentParser
import BelfryServer
import Foundation

struct Token: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a key for some collections of a server, or for a time.",
        discussion: """
            export BELFRY_API_KEY=…              # the server's
            belfry token --collection products   # reads products, and nothing else
            belfry token --collection products --write --days 30
            belfry token --read-only --days 1    # reads all

            Clients send it in the place of the server's key. It is signed with that one and kept nowhere: another key of the \
            server's ends it. Names are those of collections: an alias of products is opened by its name, too.
            """)

    @Option(help: "A collection that it opens. May be given several times.") var collection: [String] = []
    @Flag(help: "Points of these collections may be written, too.") var write = false
    @Flag(help: "All collections may be read.") var readOnly = false
    @Option(help: "After so many days it opens nothing; without it, it does not end.") var days: Double?
    @Option(help: "The server's key (default: BELFRY_API_KEY).") var apiKey: String?

    func validate() throws {
        guard collection.isEmpty != !readOnly else {
            throw ValidationError("Name collections by --collection, or give --read-only for all.")
        }
        guard !write || !readOnly else { throw ValidationError("--write goes with --collection.") }
        guard days.map({ $0 > 0 && $0 < 100_000 }) ?? true else {
            throw ValidationError("--days takes a number above 0.")
        }
    }

    func run() throws {
        guard let key = apiKey ?? ProcessInfo.processInfo.environment["BELFRY_API_KEY"], !key.isEmpty else {
            throw ValidationError("Give the server's key by --api-key or BELFRY_API_KEY: the token is signed with it.")
        }
        Terminal.print(
            AccessToken.make(
                readOnly ? .reading : .collections(collection.map { ($0, write) }), signedWith: key,
                until: days.map { Date().addingTimeInterval($0 * 86_400) }))
    }
}
