public import Files
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
public import Logging
import NIOCore
import NIOSSL
import UnixSignals

/// A server of a folder of collections. It runs until the process is told to end (SIGTERM, SIGINT), and then lets the
/// requests that it has taken be answered.
public struct BelfryServer: Sendable {
    private let service: Service
    private let settings: ServerSettings
    private let logger: Logger
    private let certificates: Certificates?

    /// Takes the folder.
    /// - Throws: `conflict` where another server has it; `notFound`, `io`.
    public init(_ settings: ServerSettings, logger: Logger) throws(BelfryError) {
        (self.settings, self.logger) = (settings, logger)
        certificates = try settings.certificate.map { (files) throws(BelfryError) in try Certificates(files) }
        service = try Service(settings, logger: logger)
    }

    /// Whether it can be reached from other machines without a key.
    public var isUnguarded: Bool {
        settings.apiKey == nil && !["127.0.0.1", "::1", "localhost"].contains(settings.host)
    }

    /// Runs.
    /// - Parameter running: hears the port when it listens.
    public func run(running: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        let app = try application(running)
        service.audit.begin()
        do {
            let reloads = Task { await reloadOnHangUp() }
            defer { reloads.cancel() }
            try await app.runService(gracefulShutdownSignals: [.sigterm, .sigint])
        } catch {
            await service.close()
            throw error
        }
        await service.close()
    }

    /// The same for callers that end it by cancelling their task.
    public func runUntilCancelled(running: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        let app = try application(running)
        service.audit.begin()
        try await app.run()
        await service.close()
    }

    /// Reads the certificates again at each SIGHUP, which ends no server.
    private func reloadOnHangUp() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) { reloadCertificates() }
    }

    func reloadCertificates() {
        guard let certificates else { return }
        do {
            try certificates.reload()
            logger.notice("certificates were read again")
        } catch {
            logger.error("certificates stay as they were: \(error)")
        }
    }

    private func application(
        _ running: @escaping @Sendable (_ port: Int) async -> Void
    ) throws -> Application<Responder> {
        var http: HTTPServerBuilder = .http1(
            configuration: .init(
                idleTimeout: .seconds(Int64(settings.idleSeconds)),
                httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10)))
        if let certificates { http = try .tls(http, tlsConfiguration: certificates.configuration()) }
        return Application(
            responder: Responder(service), server: http,
            configuration: .init(
                address: .hostname(settings.host, port: settings.port), serverName: "belfry",
                availableConnectionsDelegate: MaximumAvailableConnections(
                    Descriptors.connections(of: Descriptors.raise(), atMost: settings.mostConnections))),
            onServerRunning: { await running($0.localAddress?.port ?? 0) }, logger: logger)
    }
}
