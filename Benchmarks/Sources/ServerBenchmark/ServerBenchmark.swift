import ArgumentParser
import Belfry
import Files
import Foundation
import Vectors

/// Searches over HTTP beside the same searches in the process: how many a second, how long they take, and what one costs the server.
@main
struct ServerBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the server under load.",
        discussion: """
            swift run --package-path Benchmarks -c release ServerBenchmark /tmp/matrix/indexed.belfry /tmp/matrix/queries.npy \\
                --belfry .build/release/belfry

            Each round asks the library alone (one thread), then the server with 1, 16 and 128 connections as fast as it answers, and then \\
            at a fixed rate of 80 % of what 16 connections got, where times count from when a request was due. Printed are the \\
            medians of the rounds, and the least and the most. "processor" is what the server's process used, a request.

            The queries are vectors (.npy), or texts, a line each, which the collection's tower embeds.
            """)

    @Argument(help: "The collection.") var collection: String
    @Argument(help: "Queries: a file of vectors, or of texts.") var queries: String
    @Option(help: "The program.") var belfry = ".build/release/belfry"
    @Option(help: "The recall that is asked for.") var recall = 0.95
    @Option(help: "How many answers.") var k = 10
    @Option(help: "Seconds of each measurement.") var seconds = 5.0
    @Option(help: "How often each is made.") var rounds = 3
    @Option(help: "How many connections.") var connections = [1, 16, 128]

    func run() throws {
        let asked = try readQueries()
        let place = URL(fileURLWithPath: collection).standardizedFileURL
        guard place.pathExtension == "belfry" else { throw ValidationError("\(collection) is no .belfry directory.") }
        let library = try VectorCollection(collection)
        let server = try ServerProcess(belfry, place.deletingLastPathComponent().path)
        defer { server.stop() }
        let requests = asked.map { request($0, place.deletingPathExtension().lastPathComponent) }

        var rows: [(name: String, rounds: [Measured])] = []
        func note(_ name: String, _ measured: Measured) {
            if let place = rows.firstIndex(where: { $0.name == name }) {
                rows[place].rounds.append(measured)
            } else {
                rows.append((name, [measured]))
            }
        }
        for round in 0...rounds {
            // The first one is not counted: files are read and towers loaded.
            let length = round == 0 ? min(seconds, 2) : seconds
            let own = try measureLibrary(library, asked, length)
            if round > 0 { note("the library, 1 thread", own) }
            var most = 0.0
            for count in connections {
                let measured = try measure(server, requests, connections: count, length, rate: nil)
                if count == 16 || most == 0 { most = measured.rate }
                if round > 0 { note("\(count) connection\(count == 1 ? "" : "s")", measured) }
            }
            let measured = try measure(server, requests, connections: 64, length, rate: 0.8 * most)
            if round > 0 { note("80 % of that, open loop", measured) }
        }
        print(
            "\(library.count) points, k \(k), recall \(recall), \(rounds) rounds of \(seconds) s; median (least to most)"
        )
        print("| | requests/s | p50 ms | p99 ms | processor µs a request | failed |\n|---|---|---|---|---|---|")
        for (name, rounds) in rows {
            let figures: [(KeyPath<Measured, Double>, String)] = [
                (\.rate, "%.0f"), (\.p50, "%.2f"), (\.p99, "%.2f"), (\.processor, "%.0f"),
            ]
            let cells = figures.map { path, format in
                let values = rounds.map { $0[keyPath: path] }.sorted()
                return String(
                    format: "\(format) (\(format) – \(format))", values[values.count / 2], values[0],
                    values[values.count - 1])
            }
            print("| \(name) | \(cells.joined(separator: " | ")) | \(rounds.reduce(0) { $0 + $1.failed }) |")
        }
    }

    private struct Measured {
        var rate = 0.0
        var p50 = 0.0
        var p99 = 0.0
        var processor = 0.0
        var failed = 0
    }

    // MARK: measuring

    private func measure(
        _ server: ServerProcess, _ requests: [[UInt8]], connections: Int, _ seconds: Double, rate: Double?
    ) throws -> Measured {
        let client = try LoadClient(port: server.port, connections: connections, requests: requests)
        let before = server.processorSeconds
        let result = try client.run(seconds: seconds, rate: rate)
        return Measured(
            rate: result.rate, p50: result.percentile(0.5), p99: result.percentile(0.99),
            processor: 1e6 * (server.processorSeconds - before) / Double(max(1, result.times.count)),
            failed: result.failed)
    }

    private func measureLibrary(_ library: VectorCollection, _ asked: [SearchQuery], _ seconds: Double) throws
        -> Measured
    {
        var times: [Double] = []
        let (start, used) = (ContinuousClock.now, clock())
        while (ContinuousClock.now - start) / .seconds(1) < seconds {
            var request = SearchRequest(asked[times.count % asked.count], k: k)
            (request.recall, request.withPayload) = (recall, false)
            let begun = ContinuousClock.now
            _ = try library.search(request)
            times.append((.now - begun) / .milliseconds(1))
        }
        let all = (ContinuousClock.now - start) / .seconds(1)
        let processor = 1e6 * Double(clock() - used) / Double(CLOCKS_PER_SEC) / Double(times.count)
        times.sort()
        return Measured(
            rate: Double(times.count) / all, p50: times[times.count / 2], p99: times[times.count * 99 / 100],
            processor: processor)
    }

    // MARK: queries

    private func readQueries() throws -> [SearchQuery] {
        if queries.hasSuffix(".npy") {
            let matrix = try VectorFile(queries).matrix()
            return (0..<matrix.rows).map { .vector(matrix[$0]) }
        }
        return try String(contentsOfFile: queries, encoding: .utf8).split(whereSeparator: \.isNewline).map {
            .text(String($0))
        }
    }

    private func request(_ query: SearchQuery, _ name: String) -> [UInt8] {
        let json: JSON
        switch query {
        case .vector(let vector): json = .array(vector.map { .number(Double("\($0)") ?? 0) })
        case .text(let text): json = ["text": .string(text)]
        default: preconditionFailure("a vector or a text")
        }
        let body = JSON.object(["query": json, "limit": .integer(Int64(k))]).text()
        return Array(
            """
            POST /collections/\(name)/points/query HTTP/1.1\r
            host: localhost\r
            content-type: application/json\r
            x-recall: \(recall)\r
            content-length: \(body.utf8.count)\r
            \r
            \(body)
            """.utf8)
    }
}

/// A server in a process of its own.
private final class ServerProcess {
    let port: Int
    private let process = Process()

    init(_ belfry: String, _ folder: String) throws {
        // One that is free: taken, and given back.
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(socket, $0, size)
                _ = getsockname(socket, $0, &size)
            }
        }
        close(socket)
        port = Int(UInt16(bigEndian: address.sin_port))
        process.executableURL = URL(fileURLWithPath: belfry)
        process.arguments = ["serve", folder, "--port", "\(port)"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<100 {
            if (try? LoadClient(port: port, connections: 1, requests: [])) != nil { return }
            usleep(100_000)
        }
        throw ValidationError("\(belfry) does not answer.")
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }

    /// What it has used, of `/proc/PID/stat` (fields 14 and 15).
    var processorSeconds: Double {
        let text = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
