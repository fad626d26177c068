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

    /// Takes the folder.
    /// - Throws: `conflict` where another server has it; `notFound`, `io`.
    public init(_ settings: ServerSettings, logger: Logger) throws(BelfryError) {
        (self.settings, self.logger) = (settings, logger)
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
        do {
            try await app.runService(gracefulShutdownSignals: [.sigterm, .sigint])
        } catch {
            await service.collections.close()
            throw error
        }
        await service.collections.close()
    }

    /// The same for callers that end it by cancelling their task.
    public func runUntilCancelled(running: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        try await application(running).run()
        await service.collections.close()
    }

    private func application(
        _ running: @escaping @Sendable (_ port: Int) async -> Void
    ) throws -> Application<Responder> {
        var http: HTTPServerBuilder = .http1(
            configuration: .init(
                idleTimeout: .seconds(Int64(settings.idleSeconds)),
                httpDecoderConfiguration: .init(maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 32 << 10)))
        if let files = settings.certificate { http = try .tls(http, tlsConfiguration: try Self.tls(files)) }
        return Application(
            responder: Responder(service), server: http,
            configuration: .init(
                address: .hostname(settings.host, port: settings.port), serverName: "belfry",
                availableConnectionsDelegate: MaximumAvailableConnections(settings.mostConnections)),
            onServerRunning: { await running($0.localAddress?.port ?? 0) }, logger: logger)
    }

    private static func tls(_ files: (chain: String, key: String)) throws(BelfryError) -> TLSConfiguration {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.chain).map { NIOSSLCertificateSource.certificate($0) }
            let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            return configuration
        } catch {
            throw BelfryError(
                .invalidInput, "The certificate or its key cannot be read.", at: .init(file: files.chain),
                remedy: "Give both as PEM files.", cause: error)
        }
    }
}
