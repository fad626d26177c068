import Foundation

/// Sends requests over some connections that are kept open, and measures how long their answers take. One thread.
///
/// Closed loop: each connection sends its next request when it has its answer. Open loop: requests are due at a fixed rate, whatever
/// becomes of those before, and their time counts from when they were due: a server that stalls is not asked less (what Gil Tene
/// calls coordinated omission).
final class LoadClient {
    /// What was measured.
    struct Result {
        var seconds = 0.0
        /// Milliseconds of each request, in order of size.
        var times: [Double] = []
        /// Answers with another status than 200.
        var failed = 0

        var rate: Double { Double(times.count) / seconds }

        func percentile(_ share: Double) -> Double {
            times.isEmpty ? .nan : times[min(times.count - 1, Int(share * Double(times.count)))]
        }
    }

    private struct Connection {
        var socket: Int32
        var sent = 0
        /// The place of the request that is under way; nil where there is none.
        var request: Int?
        var due = ContinuousClock.now
        var answer: [UInt8] = []
    }

    private var connections: [Connection] = []
    private let requests: [[UInt8]]
    private var next = 0

    /// - Parameter requests: whole requests of HTTP, which are sent one after the other.
    init(port: Int, connections count: Int, requests: [[UInt8]]) throws {
        self.requests = requests
        for _ in 0..<count { connections.append(Connection(socket: try Self.connect(port))) }
    }

    deinit { for connection in connections { close(connection.socket) } }

    private static func connect(_ port: Int) throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw POSIXError(.ECONNREFUSED) }
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard fcntl(socket, F_SETFL, O_NONBLOCK) == 0 else { throw POSIXError(.EINVAL) }
        return socket
    }

    /// Asks for some seconds.
    /// - Parameter rate: requests a second; nil for as many as are answered.
    func run(seconds: Double, rate: Double?) throws -> Result {
        var result = Result()
        let start = ContinuousClock.now
        var issued = 0
        while true {
            let now = ContinuousClock.now
            let isOver = (now - start) / .seconds(1) >= seconds
            if isOver, connections.allSatisfy({ $0.request == nil }) { break }
            for place in connections.indices where connections[place].request == nil && !isOver {
                let due = rate.map { start + .seconds(Double(issued) / $0) } ?? now
                guard due <= now else { break }
                issued += 1
                connections[place].due = due
                begin(place)
                try write(place)
            }
            try wait(rate)
            for place in connections.indices where connections[place].request != nil { try step(place, &result) }
        }
        result.seconds = (ContinuousClock.now - start) / .seconds(1)
        result.times.sort()
        return result
    }

    private func begin(_ place: Int) {
        connections[place].request = next
        connections[place].sent = 0
        connections[place].answer.removeAll(keepingCapacity: true)
        next = (next + 1) % requests.count
    }

    /// Waits until something can be read or written, or a request may be due.
    private func wait(_ rate: Double?) throws {
        var waiting = connections.filter { $0.request != nil }.map { connection in
            let isSent = connection.sent == requests[connection.request!].count
            return pollfd(fd: connection.socket, events: Int16(isSent ? POLLIN : POLLIN | POLLOUT), revents: 0)
        }
        // What is due next may be so in less than a millisecond.
        if waiting.isEmpty { return }
        guard poll(&waiting, nfds_t(waiting.count), rate == nil ? 100 : 0) >= 0 || errno == EINTR else {
            throw POSIXError(.EIO)
        }
    }

    private func step(_ place: Int, _ result: inout Result) throws {
        if connections[place].sent < requests[connections[place].request!].count { try write(place) }
        try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 16) { bytes in
            while true {
                let count = recv(connections[place].socket, bytes.baseAddress, bytes.count, 0)
                guard count > 0 else {
                    if count < 0, errno == EAGAIN || errno == EINTR { return }
                    throw POSIXError(.ECONNRESET)
                }
                connections[place].answer.append(contentsOf: bytes[..<count])
                guard let status = Self.status(ofWhole: connections[place].answer) else { continue }
                result.times.append((ContinuousClock.now - connections[place].due) / .milliseconds(1))
                if status != 200 { result.failed += 1 }
                connections[place].request = nil
                return
            }
        }
    }

    private func write(_ place: Int) throws {
        let request = requests[connections[place].request!]
        while connections[place].sent < request.count {
            let sent = request[connections[place].sent...].withUnsafeBytes {
                send(connections[place].socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else {
                if errno == EAGAIN || errno == EINTR { return }
                throw POSIXError(.EPIPE)
            }
            connections[place].sent += sent
        }
    }

    /// The status of an answer that is there as a whole.
    private static func status(ofWhole answer: [UInt8]) -> Int? {
        guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        let lines = head.components(separatedBy: "\r\n")
        guard
            let length = lines.first(where: { $0.lowercased().hasPrefix("content-length:") })
                .flatMap({ Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }),
            answer.count >= end.upperBound + length
        else { return nil }
        return lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
