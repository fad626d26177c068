import Files
import NIOCore
import NIOSSL
import Synchronization

/// The server's certificates, which may be replaced while it runs: each handshake takes those that there are then.
final class Certificates: Sendable {
    private let files: (chain: String, key: String)
    private let current: Mutex<NIOSSLContextConfigurationOverride>

    /// Reads them from PEM files.
    /// - Throws: `invalidInput` with the file.
    init(_ files: (chain: String, key: String)) throws(BelfryError) {
        self.files = files
        current = Mutex(try Self.read(files))
    }

    /// Reads the files again. Connections that are open go on with what they have; where the files cannot be read, new ones do,
    /// too.
    func reload() throws(BelfryError) {
        let read = try Self.read(files)
        current.withLock { $0 = read }
    }

    /// TLS 1.2 and 1.3 with these certificates.
    func configuration() -> TLSConfiguration {
        let first = current.withLock { $0 }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: first.certificateChain ?? [], privateKey: first.privateKey!)
        configuration.minimumTLSVersion = .tlsv12
        configuration.sslContextCallback = { [self] _, promise in promise.succeed(current.withLock { $0 }) }
        return configuration
    }

    private static func read(
        _ files: (chain: String, key: String)
    ) throws(BelfryError) -> NIOSSLContextConfigurationOverride {
        do {
            var read = NIOSSLContextConfigurationOverride()
            read.certificateChain = try NIOSSLCertificate.fromPEMFile(files.chain).map { .certificate($0) }
            read.privateKey = .privateKey(try NIOSSLPrivateKey(file: files.key, format: .pem))
            // A key of another certificate would end every handshake.
            _ = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: read.certificateChain!, privateKey: read.privateKey!))
            return read
        } catch {
            throw BelfryError(
                .invalidInput, "The certificate or its key cannot be read, or one is not the other's.",
                at: .init(file: files.chain), remedy: "Give both as PEM files.", cause: error)
        }
    }
}
