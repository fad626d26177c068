import Foundation
import TestSupport
import Testing

@testable import BelfryServer

/// HTTPS, and certificates that are replaced while the server runs. `openssl` makes them, and `curl` asks.
@Suite(.serialized) struct CertificateTests {
    private static let openssl = "/usr/bin/openssl"
    private static let curl = "/usr/bin/curl"
    private static var isPossible: Bool {
        [openssl, curl].allSatisfy { FileManager.default.isExecutableFile(atPath: $0) }
    }

    @discardableResult
    private static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, FileHandle.nullDevice)
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    private static func make(_ name: String, in folder: String) throws {
        let made = try run(
            openssl,
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-addext",
                "subjectAltName=DNS:localhost", "-keyout", "\(folder)/key.pem", "-out", "\(folder)/chain.pem",
            ])
        #expect(made.status == 0)
    }

    @Test(.enabled(if: isPossible, "openssl and curl are not here"))
    func certificatesAreReplacedWhileTheServerRuns() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/belfry-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Self.make("first", in: folder)
        try await TestServer.run({ $0.certificate = ("\(folder)/chain.pem", "\(folder)/key.pem") }) {
            (server: TestServer) async throws -> Void in
            func ask(_ options: String...) throws -> (status: Int32, output: String) {
                try Self.run(
                    Self.curl,
                    ["-sv", "--stderr", "-", "--max-time", "60", "--cacert", "\(folder)/chain.pem"] + options
                        + ["https://localhost:\(server.port)/readyz"])
            }
            let first = try ask()
            #expect(first.output.contains("CN=first") && first.output.contains("ready"), "\(first.output)")
            #expect(try ask("--tls-max", "1.1").status != 0)
            #expect(try ask("--tls-max", "1.2").status == 0 && ask("--tlsv1.3").status == 0)
            try Self.make("second", in: folder)
            server.server.reloadCertificates()
            let second = try ask()
            #expect(second.output.contains("CN=second") && second.output.contains("ready"), "\(second.output)")
            // A file that is broken, or another one's key, changes nothing.
            let chain = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/chain.pem"))
            let key = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/key.pem"))
            try Self.make("third", in: folder)
            try key.write(to: URL(fileURLWithPath: "\(folder)/key.pem"))
            server.server.reloadCertificates()
            try chain.write(to: URL(fileURLWithPath: "\(folder)/chain.pem"))
            #expect(try ask().output.contains("CN=second"))
            try Data("-----BEGIN".utf8).write(to: URL(fileURLWithPath: "\(folder)/key.pem"))
            server.server.reloadCertificates()
            #expect(try ask().output.contains("CN=second"))
        }
    }
}
