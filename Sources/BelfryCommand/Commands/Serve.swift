import ArgumentParser
import BelfryServer
import Files
import Foundation
import Logging

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve all collections of a folder over HTTP: Qdrant's REST interface, and embeddings.",
        discussion: """
            belfry serve Indexes
            curl -X POST localhost:6333/collections/products/points/query \\
                -d '{"query": {"text": "heat resistant gloves"}, "with_payload": true}'

            Clients of Qdrant work as they are. Without a key, only this machine may ask: give --api-key before you give \
            --host 0.0.0.0. Keys are read from BELFRY_API_KEY and BELFRY_READ_ONLY_API_KEY as well, where no list of processes \
            shows them. docs/http.md lists what is offered.
            """)

    @Argument(help: "The folder of the collections; it is made if it is not there.") var data = "Indexes"
    @Option(help: "The address to listen at.") var host = "127.0.0.1"
    @Option(help: "The port; 0 for one that is free.") var port = 6_333
    @Option(help: "The key that callers must give.") var apiKey: String?
    @Option(help: "A key that opens what only reads.") var readOnlyApiKey: String?
    @Option(
        help: "A name by which the server may be called, beside addresses and localhost. May be given several times.")
    var hostName: [String] = []
    @Option(help: "The certificates of HTTPS, as a PEM file.") var tlsCert: String?
    @Option(help: "Their key, as a PEM file.") var tlsKey: String?
    @Option(help: "Log searches that take longer than so many milliseconds, with their bodies; 0 for none.")
    var slow = 1_000
    @Option(
        help: ArgumentHelp(
            "Percent of one processor's time for asking answered searches again, exactly: what recall do they have? 0 for none.",
            valueName: "percent"))
    var audit = 1.0
    @Option(help: "The tower of a cross-encoder, for /v1/rerank and searches that name it. May be given several times.")
    var reranker: [String] = []
    @OptionGroup var memory: MemoryOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port takes a number from 0 to 65535.") }
        guard (tlsCert == nil) == (tlsKey == nil) else { throw ValidationError("Give --tls-cert and --tls-key.") }
        guard slow >= 0 else { throw ValidationError("--slow takes milliseconds.") }
        guard (0...50).contains(audit) else { throw ValidationError("--audit takes percents from 0 to 50.") }
        for key in [apiKey, readOnlyApiKey] where key?.isEmpty == true { throw ValidationError("A key is empty.") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        var settings = ServerSettings(data: data)
        (settings.host, settings.port) = (host, port)
        // A file of settings may have a line for a key that nobody has filled in.
        func key(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        settings.apiKey = apiKey ?? key("BELFRY_API_KEY")
        settings.readOnlyKey = readOnlyApiKey ?? key("BELFRY_READ_ONLY_API_KEY")
        settings.hostNames = Set(hostName.map { $0.lowercased() })
        settings.memoryLimit = memory.bytes
        settings.slowSeconds = slow == 0 ? nil : Double(slow) / 1_000
        settings.auditShare = audit / 100
        settings.rerankers = reranker
        if let tlsCert, let tlsKey { settings.certificate = (tlsCert, tlsKey) }
        var logger = Logger(label: "belfry", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .notice
        let server = try BelfryServer(settings, logger: logger)
        for key in [settings.apiKey, settings.readOnlyKey].compactMap({ $0 }) where key.utf8.count < 16 {
            Terminal.note(
                "belfry: a key of \(key.utf8.count) bytes can be guessed: openssl rand -hex 32 makes a better one")
        }
        if server.isUnguarded {
            Terminal.note("belfry: anybody who reaches \(host) may read and write: give --api-key")
        }
        let (scheme, host, data) = (tlsCert == nil ? "http" : "https", host, data)
        try await server.run { port in Terminal.note("belfry: serving \(data) at \(scheme)://\(host):\(port)") }
    }
}
