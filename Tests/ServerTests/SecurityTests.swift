import Files
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import BelfryServer

@Suite(.serialized) struct SecurityTests {
    private static let key = "a-long-key-that-nobody-guesses"
    private static let reader = "another-key-that-reads"

    /// A path of each route, and its method.
    private static var calls: [(method: String, path: String, route: Route)] {
        RouteTable.all.map { route in
            let parts = route.template.split(separator: "/", omittingEmptySubsequences: false)
            let path = parts.map { $0 == "{name}" ? "shop" : $0.hasPrefix("{") ? "1" : String($0) }.joined(
                separator: "/")
            return (route.method.rawValue, path, route)
        }
    }

    /// Whoever sends a request writes no line of the log.
    @Test func whatIsLoggedOfASlowRequestIsOneLine() {
        let body = ByteBuffer(
            string: "{\"query\":\n2026-11-30 error forged\u{9b}31m\u{1b}[31m\r" + String(repeating: "ä", count: 2_000))
        let logged = Responder.slowRequest("/a\nb", body, .milliseconds(1_500))
        for value in logged.values {
            let controls = "\(value)".unicodeScalars.filter { $0.properties.generalCategory == .control }
            #expect(controls.isEmpty, "\(value)")
        }
        #expect("\(logged["milliseconds"]!)" == "1500" && "\(logged["bytes"]!)" == "\(body.readableBytes)")
        #expect("\(logged["body"]!)".utf8.count < 4_000)
    }

    @Test func fiveHundredRequestsWithoutTheKeyDoNotGetIn() async throws {
        try await TestServer.run({ $0.apiKey = Self.key }) { (server: TestServer) async throws -> Void in
            let good = ["api-key": Self.key]
            _ = try await server.send("PUT", "/collections/shop", #"{"vectors": {"size": 2, "distance": "Dot"}}"#, good)
            let keys: [[String: String]] = [
                [:], ["api-key": ""], ["api-key": "wrong"], ["api-key": String(Self.key.dropLast())],
                ["api-key": Self.key + "x"], ["api-key": Self.key.uppercased()], ["authorization": Self.key],
                ["authorization": "Basic \(Self.key)"], ["authorization": "Bearer"],
                ["authorization": "Bearer \(Self.key) x"],
                ["api-key": Self.key, "authorization": "Bearer wrong"], ["x-api-key": Self.key],
                ["api-key": "\(Self.key), \(Self.key)"],
            ]
            var (sent, passed) = (0, 0)
            for call in Self.calls where call.route.access > .nothing {
                for key in keys.indices where (sent + key) % 2 == 0 || key < 4 {
                    let body = ["GET", "DELETE"].contains(call.method) ? nil : "{}"
                    let reply = try await server.send(call.method, call.path, body, keys[key])
                    sent += 1
                    if reply.status != 401 { passed += 1 }
                    #expect(reply.status == 401, "\(call.method) \(call.path) with \(keys[key]): \(reply.status)")
                }
            }
            // Other ways of writing a path, and other methods.
            for path in [
                "//collections", "/collections/", "/./collections", "/collections/../collections", "/%63ollections",
                "/collections%2Fshop", "/COLLECTIONS", "/collections?api-key=\(Self.key)", "/collections#x", "*",
                "/healthz/../collections", "/healthz%2F..%2Fcollections", "/collections;healthz",
                "/healthz/collections",
                "http://localhost/collections", "/metrics?x=/healthz",
            ] {
                for method in ["GET", "HEAD", "OPTIONS", "POST", "TRACE"] {
                    let reply = try await server.send(method, path, nil, [:])
                    sent += 1
                    if reply.status < 400 { passed += 1 }
                    #expect(reply.status >= 400, "\(method) \(path): \(reply.status) \(reply.text.prefix(80))")
                    #expect(!reply.text.contains("shop"), "\(method) \(path) tells")
                }
            }
            let double =
                "GET /collections HTTP/1.1\r\nhost: localhost\r\napi-key: wrong\r\napi-key: \(Self.key)\r\nconnection: close\r\n\r\n"
            #expect(try await server.send(raw: Data(double.utf8)).status == 401)
            #expect(sent >= 500, "\(sent) requests were sent")
            #expect(passed == 0)
            #expect(try await server.send("GET", "/collections", nil, good).status == 200)
            #expect(
                try await server.send("GET", "/collections", nil, ["authorization": "Bearer \(Self.key)"]).status == 200
            )
            #expect(try await server.send("GET", "/healthz").status == 200)
        }
    }

    @Test func theKeyThatReadsWritesNothing() async throws {
        try await TestServer.run({ ($0.apiKey, $0.readOnlyKey) = (Self.key, Self.reader) }) {
            (server: TestServer) async throws -> Void in
            _ = try await server.send(
                "PUT", "/collections/shop", #"{"vectors": {"size": 2, "distance": "Dot"}}"#, ["api-key": Self.key])
            for call in Self.calls {
                let body = ["GET", "DELETE"].contains(call.method) ? nil : "{}"
                let reply = try await server.send(call.method, call.path, body, ["api-key": Self.reader])
                if call.route.access > .reading {
                    #expect(reply.status == 403, "\(call.method) \(call.path): \(reply.status)")
                } else {
                    #expect(reply.status != 403 && reply.status != 401, "\(call.method) \(call.path): \(reply.status)")
                }
            }
            #expect(try await server.send("GET", "/collections/shop", nil, ["api-key": Self.reader]).status == 200)
        }
    }

    @Test func pagesOfOtherSitesAreNotAnswered() async throws {
        try await TestServer.run { (server: TestServer) async throws -> Void in
            for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "[::1].evil"] {
                #expect(try await server.send("GET", "/collections", nil, ["host": host]).status == 403, "\(host)")
            }
            for host in ["localhost", "127.0.0.1:\(server.port)", "[::1]:80", "LOCALHOST:1"] {
                #expect(try await server.send("GET", "/collections", nil, ["host": host]).status == 200, "\(host)")
            }
            for origin in ["http://evil.example", "null", "https://localhost.evil.example"] {
                #expect(
                    try await server.send("GET", "/collections", nil, ["origin": origin]).status == 403, "\(origin)")
            }
            #expect(
                try await server.send("GET", "/collections", nil, ["origin": "http://localhost:3000"]).status == 200)
        }
        let check = HostCheck(allowed: ["search.example"], allowsAnyHost: false)
        #expect(check.refusal(host: "search.example:443", origin: "https://search.example") == nil)
        #expect(check.refusal(host: "other.example", origin: nil) != nil)
    }

    @Test func keysAreComparedAsAWhole() {
        let keys = AccessKeys(full: "abc", readOnly: "de")
        #expect(keys.caller(["abc"]) == Caller(.managing) && keys.caller(["de"]) == Caller(.reading))
        for given in [["ab"], ["abcd"], [""], [], ["abc", "de"], ["ABC"], ["d"]] {
            #expect(!keys.caller(given).isKnown, "\(given)")
        }
        #expect(AccessKeys().caller([]) == Caller(.managing))
        #expect(!AccessKeys.isSame("", ""))
    }

    /// Messages that two readers may take apart in different ways: one answer each, or none, and never one for what hides in
    /// a body.
    @Test func requestsDoNotHideInOthers() async throws {
        try await TestServer.run({ $0.apiKey = Self.key }) { (server: TestServer) async throws -> Void in
            let hidden = "GET /collections HTTP/1.1\r\nhost: localhost\r\n\r\n"
            let heads = [
                "content-length: 0\r\ncontent-length: 50", "content-length: 5, 6", "content-length: -1",
                "content-length: +5",
                "content-length: 0x5", "transfer-encoding: chunked\r\ncontent-length: 4", "transfer-encoding: xchunked",
                "transfer-encoding: chunked, identity", "transfer-encoding : chunked", "content-length : 5",
                " content-length: 5", "content-length: 99999999999999999999",
                "transfer-encoding: chunked\r\ntransfer-encoding: x",
                "x: a\u{0}b", "host: other", "x\r\n y: z", "x y: 1", ": 1",
            ]
            for head in heads {
                let raw =
                    "POST /collections/a/points/query HTTP/1.1\r\nhost: localhost\r\n\(head)\r\nconnection: close\r\n\r\n\(hidden)"
                if let reply = try? await server.send(raw: Data(raw.utf8)) {
                    #expect(reply.status >= 400, "\(head.debugDescription): \(reply.status)")
                    #expect(!reply.text.contains("\"collections\""), "\(head.debugDescription)")
                }
            }
            let chunks = [
                "5\r\nhello\r\n0\r\n\r\n", "5;x=y\r\nhello\r\n0\r\n\r\n", "fffffffffffffffff\r\n", "-1\r\n\r\n",
                "5\r\nhelloX0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
            ]
            for chunk in chunks {
                let raw =
                    "POST /collections/a/points/query HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\(chunk)"
                if let reply = try? await server.send(raw: Data(raw.utf8)) { #expect(reply.status >= 400) }
            }
            #expect(try await server.send("GET", "/collections", nil, ["api-key": Self.key]).status == 200)
        }
    }

    @Test func whatIsTooLargeIsRefusedBeforeItIsRead() async throws {
        try await TestServer.run({ $0.mostBody = 1_000 }) { (server: TestServer) async throws -> Void in
            let large =
                "PUT /collections/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000000\r\nconnection: close\r\n\r\n"
            #expect(try await server.send(raw: Data(large.utf8)).status == 413)
            let header =
                "GET /collections HTTP/1.1\r\nhost: localhost\r\nx: \(String(repeating: "y", count: 100_000))\r\n\r\n"
            if let reply = try? await server.send(raw: Data(header.utf8)) { #expect(reply.status >= 400) }
            #expect(try await server.send("GET", "/collections").status == 200)
        }
    }

    /// Whoever has been answered before the body was there does not hold the connection by what is left of it.
    @Test func theRestOfABodyHoldsNoConnection() async throws {
        try await TestServer.run({ $0.apiKey = Self.key }) { (server: TestServer) async throws -> Void in
            for (path, key, status) in [("/collections/a", "wrong", 401), ("/nowhere", Self.key, 404)] {
                let head =
                    "PUT \(path) HTTP/1.1\r\nhost: localhost\r\napi-key: \(key)\r\ncontent-length: 1000\r\n\r\n{"
                let (reply, isClosed) = try await server.answerAndEnd(of: Data(head.utf8))
                #expect(reply?.status == status && reply?.headers["connection"] == "close" && isClosed, "\(path)")
            }
            #expect(try await server.send("GET", "/collections", nil, ["api-key": Self.key]).status == 200)
        }
    }

    /// Who goes away in the middle of a body is no fault of the server's, and none of its log.
    @Test func aBodyThatEndsIsNoFaultOfTheServer() {
        #expect(Refusal(any: HTTPParserError.invalidEOFState).status == 400)
    }

    /// Connections leave descriptors for what they are there for.
    @Test func someDescriptorsAreLeft() {
        #expect(Descriptors.connections(of: 256, atMost: 16_384) == 160)
        #expect(Descriptors.connections(of: 1_024, atMost: 16_384) == 768)
        #expect(Descriptors.connections(of: 1_048_576, atMost: 16_384) == 16_384)
        #expect(Descriptors.connections(of: 20, atMost: 16_384) == 1)
        #expect(Descriptors.raise() > 0)
    }

    @Test func overloadIsToldAtOnce() async throws {
        try await TestServer.run({ $0.mostRequests = 0 }) { (server: TestServer) async throws -> Void in
            let reply = try await server.send("POST", "/collections/a/points/query", "{}")
            #expect(reply.status == 503 && reply.headers["retry-after"] == "1")
            #expect(try await server.send("GET", "/healthz").status == 200)
        }
    }
}
