import Files
import Foundation
import Logging
import Synchronization

@testable import BelfryServer

/// A server of a folder of its own, on a free port, as long as `body` runs.
struct TestServer: Sendable {
    let port: Int
    let data: String
    let server: BelfryServer

    static func run(
        _ change: (inout ServerSettings) -> Void = { _ in }, keeping data: String? = nil,
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let folder = data ?? FileManager.default.temporaryDirectory.path + "/belfry-server-\(UUID().uuidString)"
        defer { if data == nil { try? FileManager.default.removeItem(atPath: folder) } }
        var settings = ServerSettings(data: folder)
        settings.port = 0
        change(&settings)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = try BelfryServer(settings, logger: logger)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let running = Task {
            // One that cannot begin has no port.
            defer { port.finish() }
            try await server.runUntilCancelled { port.yield($0) }
        }
        defer { running.cancel() }
        for await number in ports {
            try await body(TestServer(port: number, data: folder, server: server))
            running.cancel()
            _ = await running.result
            return
        }
        try await running.value
    }

    // MARK: requests

    /// Sends a request with a body of JSON.
    func send(
        _ method: String, _ path: String, _ body: String? = nil, _ headers: [String: String] = [:]
    ) async throws -> Reply {
        var lines = ["\(method) \(path) HTTP/1.1"]
        if headers["host"] == nil { lines.append("host: localhost:\(port)") }
        if let body, headers["content-length"] == nil { lines.append("content-length: \(body.utf8.count)") }
        lines += headers.map { "\($0.key): \($0.value)" } + ["connection: close"]
        return try await send(raw: Data((lines.joined(separator: "\r\n") + "\r\n\r\n" + (body ?? "")).utf8))
    }

    /// Sends bytes as they are, and reads until the server closes the connection or has answered.
    func send(raw: Data) async throws -> Reply {
        let port = port
        return try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async { done.resume(with: Result { try Self.exchange(raw, port) }) }
        }
    }

    /// Sends bytes and no more, and waits until the server closes the connection.
    func answerAndEnd(of raw: Data) async throws -> (Reply?, isClosed: Bool) {
        let port = port
        return try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async {
                done.resume(
                    with: Result {
                        let socket = try Self.connected(port)
                        defer { close(socket) }
                        _ = raw.withUnsafeBytes {
                            Foundation.send(socket, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL))
                        }
                        var answer = Data()
                        var buffer = [UInt8](repeating: 0, count: 1 << 12)
                        while true {
                            let count = recv(socket, &buffer, buffer.count, 0)
                            // Nothing for ten minutes is no end.
                            guard count > 0 else { return (Reply(answer), count == 0 || errno == ECONNRESET) }
                            answer.append(contentsOf: buffer[..<count])
                        }
                    })
            }
        }
    }

    private static func connected(_ port: Int) throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        // As long as other tests may have all threads.
        var time = timeval(tv_sec: 600, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(socket)
            throw Reply.Failure.noConnection
        }
        return socket
    }

    private static func exchange(_ request: Data, _ port: Int) throws -> Reply {
        let socket = try connected(port)
        defer { close(socket) }
        request.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = Foundation.send(
                    socket, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                // The server may have answered already, and closed.
                guard count > 0 else { return }
                sent += count
            }
        }
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer.append(contentsOf: buffer[..<count])
            if let reply = Reply(answer), reply.isWhole { return reply }
        }
        guard let reply = Reply(answer) else { throw Reply.Failure.noAnswer }
        return reply
    }
}

/// What a server has answered.
struct Reply: Sendable {
    enum Failure: Error { case noConnection, noAnswer }

    let status: Int
    let headers: [String: String]
    let body: Data

    init?(_ data: Data) {
        guard let end = data.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: data[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        guard let code = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        status = code
        headers = Dictionary(
            lines.dropFirst().compactMap { line in
                line.firstIndex(of: ":").map {
                    (line[..<$0].lowercased(), line[line.index(after: $0)...].trimmingCharacters(in: .whitespaces))
                }
            }
        ) { first, _ in first }
        body = Data(data[end.upperBound...])
    }

    var isWhole: Bool { headers["content-length"].flatMap { Int($0) }.map { body.count >= $0 } ?? false }
    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON { (try? JSON(parsing: body, source: "the answer")) ?? .null }
    var result: JSON { json["result"] ?? .null }
    var error: String { json["status"]?["error"]?.string ?? "" }
    var points: [JSON] { result["points"]?.array ?? [] }
    /// The ids of the points that a query has found.
    var ids: [Int] { points.compactMap { $0["id"]?.integer } }
}
