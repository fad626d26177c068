import Belfry
import Files

/// What is asked of the server itself.
enum ServiceCalls {
    /// Clients compare it with their own: they take one version more or less.
    static let version = "1.19.0"

    @Sendable static func version(_ service: Service, _ call: Call) -> Answer {
        let json: JSON = ["title": "belfry - embedding search engine", "version": .string(version)]
        return Answer(.document(Array(json.text().utf8)))
    }

    @Sendable static func health(_ service: Service, _ call: Call) -> Answer {
        Answer(.text("healthz check passed", type: "text/plain"))
    }

    @Sendable static func ready(_ service: Service, _ call: Call) -> Answer {
        Answer(.text("all shards are ready", type: "text/plain"))
    }

    @Sendable static func openAPI(_ service: Service, _ call: Call) -> Answer {
        Answer(.document(Array(OpenAPI.document.text().utf8)))
    }

    @Sendable static func cluster(_ service: Service, _ call: Call) -> Answer { Answer(["status": "disabled"]) }

    @Sendable static func issues(_ service: Service, _ call: Call) -> Answer { Answer(["issues": []]) }

    @Sendable static func clearIssues(_ service: Service, _ call: Call) -> Answer { .done }

    /// What servers in a cluster do: clients know by the status that this one is none of them.
    @Sendable static func refuseAlone(_ service: Service, _ call: Call) throws -> Answer {
        throw Refusal(405, "Method not allowed: the server runs in standalone mode")
    }

    static func refuse(_ what: String) -> @Sendable (Service, Call) throws -> Answer {
        { _, _ in throw Refusal.notOffered(what) }
    }
}
