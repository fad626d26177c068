import Files
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// A request as a route's code sees it.
struct Call: Sendable {
    /// The parts of the path that the route leaves open, decoded.
    let names: [String]
    let query: QueryParameters
    let headers: HTTPFields
    /// Who asks.
    let caller: Caller
    /// What they must be allowed to do to the collection that the path names.
    let access: Access
    /// The whole body, where the route wants it.
    let body: ByteBuffer
    /// The body piece by piece, where it may be large.
    let stream: RequestBody

    /// The body's JSON; an empty body is an empty object.
    func json() throws -> Body {
        guard body.readableBytes > 0 else { return try Body([:]) }
        let json = try body.withUnsafeReadableBytes { bytes in
            do throws(BelfryError) {
                return try JSON(parsing: bytes, source: "the body")
            } catch {
                throw Refusal.format("", error.message + (error.location?.place.map { " At \($0)." } ?? ""))
            }
        }
        return try Body(json)
    }
}

/// What stands behind the question mark of a URL.
struct QueryParameters: Sendable {
    private var values: [String: String] = [:]

    init(_ text: Substring) {
        for part in text.split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value: Substring = sides.count > 1 ? sides[1].replacing("+", with: " ") : "true"
            values[PercentCoding.decoded(sides[0]) ?? String(sides[0])] = PercentCoding.decoded(value) ?? String(value)
        }
    }

    subscript(name: String) -> String? { values[name] }

    func flag(_ name: String) throws(Refusal) -> Bool? {
        switch values[name] {
        case nil: return nil
        case "true"?: return true
        case "false"?: return false
        case let value?:
            throw Refusal(
                400, "Bad request: Query deserialize error: \(name): \(value.debugDescription) is not true or false")
        }
    }

    /// Whether the call answers when it is done; otherwise when it is safe.
    var waits: Bool { get throws(Refusal) { try flag("wait") ?? false } }

    /// The seconds that the request gives itself, which ``checkTimeout()`` has checked.
    var timeout: Int? { values["timeout"].flatMap { Int($0) } }

    /// Refuses a timeout of no seconds.
    func checkTimeout() throws(Refusal) {
        guard let text = values["timeout"] else { return }
        guard let seconds = Int(text) else {
            throw Refusal(
                400, "Bad request: Query deserialize error: timeout: \(text.debugDescription) is no whole number")
        }
        guard seconds > 0 else {
            throw Refusal(
                422, "Validation error in query parameters: [timeout: value \(seconds) invalid, must be 1 or larger]")
        }
    }
}

/// `%20` and its like in paths.
enum PercentCoding {
    /// The text that is meant; nil where a percent sign has no two digits behind it, or bytes are no UTF-8.
    static func decoded(_ text: Substring) -> String? {
        text.utf8.contains(UInt8(ascii: "%")) ? String(text).removingPercentEncoding : String(text)
    }
}
