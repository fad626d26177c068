import Files
import NIOHTTP1

/// Why a request is not carried out, as its answer says it.
struct Refusal: Error, Equatable {
    /// The status of the answer.
    var status: Int
    /// What went wrong, in one sentence.
    var message: String
    /// The seconds after which it may be asked again, where that is known.
    var retryAfter: Int?

    init(_ status: Int, _ message: String) {
        // What a mistake says may show all of a request.
        self.message = message.utf8.count > Self.most ? String(message.prefix(Self.most / 2)) + "…" : message
        self.status = status
    }

    private static let most = 4_000

    /// A body that is not what the call takes.
    static func format(_ place: String, _ what: String) -> Refusal {
        Refusal(400, "Format error in JSON body: " + (place.isEmpty ? what : "\(place): \(what)"))
    }

    /// A value that is of the right kind and not allowed.
    static func invalid(_ place: String, _ value: some CustomStringConvertible, _ rule: String) -> Refusal {
        Refusal(422, "Validation error in JSON body: [\(place): value \(value) invalid, \(rule)]")
    }

    /// A request that cannot be carried out on this collection.
    static func bad(_ what: String) -> Refusal { Refusal(400, "Bad request: \(what)") }

    /// What is not there.
    static func missing(_ what: String) -> Refusal { Refusal(404, "Not found: \(what)") }

    /// What the interface knows and Belfry does not do.
    static func notOffered(_ what: String) -> Refusal {
        Refusal(501, "Not offered: \(what). docs/http.md lists what is.")
    }

    /// What the engine has thrown.
    init(_ error: BelfryError) {
        let words = error.message + (error.remedy.map { " \($0.description)" } ?? "")
        switch error.code {
        case .notFound: self = .missing(words)
        case .conflict: self.init(409, "Conflict: \(words)")
        case .unsupported: self = .notOffered(words.hasSuffix(".") ? String(words.dropLast()) : words)
        case .invalidInput, .wrongTower: self = .bad(words)
        case .cancelled: self.init(499, "Cancelled: \(words)")
        // Paths and bytes of files are for the log, not for a client.
        default: self.init(500, "Service internal error: \(error.message)")
        }
    }

    /// The refusal for whatever was thrown.
    init(any error: any Error) {
        switch error {
        case let refusal as Refusal: self = refusal
        case let error as BelfryError: self.init(error)
        case is CancellationError: self.init(499, "Cancelled.")
        // The caller has gone in the middle of a body, or has sent what is none: no fault of the server's.
        case is HTTPParserError: self.init(400, "Bad request: the body ended before its end, or is not HTTP")
        default: self.init(500, "Service internal error.")
        }
    }
}
