import Files

/// What a call answers with.
struct Answer: Sendable {
    /// What stands in it.
    enum Content: Sendable {
        /// The result of a call, which goes into the envelope.
        case result([UInt8])
        /// A whole document of JSON.
        case document([UInt8])
        /// Plain text of a media type.
        case text(String, type: String)
        /// A file, which is sent piece by piece.
        case file(path: String, size: Int)
    }

    var status = 200
    var content: Content
    /// Headers beside those that every answer has.
    var headers: [(name: String, value: String)] = []

    init(_ content: Content, status: Int = 200) { (self.content, self.status) = (content, status) }

    init(_ json: JSON, status: Int = 200) { self.init(.result(Array(json.text().utf8)), status: status) }

    init(_ writer: WireWriter) { self.init(.result(writer.bytes)) }

    static let done = Answer(.bool(true))

    /// A body as the envelope holds it.
    static func envelope(_ result: [UInt8], since start: ContinuousClock.Instant) -> [UInt8] {
        var writer = WireWriter(capacity: result.count + 64)
        writer.raw("{\"result\":")
        writer.raw(bytes: result)
        writer.raw(",\"status\":\"ok\",\"time\":")
        writer.raw("\((ContinuousClock.now - start) / .seconds(1))")
        writer.raw("}")
        return writer.bytes
    }

    /// The body of a refusal.
    static func envelope(_ refusal: Refusal, since start: ContinuousClock.Instant) -> [UInt8] {
        var writer = WireWriter()
        writer.raw("{\"status\":{\"error\":")
        writer.text(refusal.message)
        writer.raw("},\"time\":\((ContinuousClock.now - start) / .seconds(1))}")
        return writer.bytes
    }
}
