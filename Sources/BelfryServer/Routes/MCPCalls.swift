import Belfry
import Files
import Foundation
import HTTPTypes
import Logging
import NIOCore

/// The Model Context Protocol over streamable HTTP (specification of 2025-06-18): a message in, its answer out.
///
/// Nothing is kept between messages: there are no sessions, and the server sends nothing by itself, so that `GET` is not offered.
/// Keys, names and origins are checked as for any other call.
enum MCPCalls {
    /// Those that this is an answer to: they differ in what it does not use.
    private static let versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
    private static let mostMessages = 100

    @Sendable static func message(_ service: Service, _ call: Call) throws -> Answer {
        if let version = call.headers[.protocolVersion], !versions.contains(version) {
            throw Refusal.bad("MCP-Protocol-Version \(version): \(versions.joined(separator: ", ")) are known")
        }
        let json: JSON
        do throws(BelfryError) {
            json = try call.body.withUnsafeReadableBytes { bytes throws(BelfryError) in
                try JSON(parsing: bytes, source: "the body")
            }
        } catch {
            return Answer(.document(failure(.null, -32_700, "Parse error: \(error.message)")), status: 400)
        }
        // Several at once, as the version of March 2025 has them.
        if let messages = json.array {
            guard !messages.isEmpty, messages.count <= mostMessages else {
                return Answer(
                    .document(failure(.null, -32_600, "1 to \(mostMessages) messages are expected")), status: 400)
            }
            let answers = messages.compactMap { answer(service, call.caller, $0) }
            guard !answers.isEmpty else { return accepted }
            return Answer(
                .document([UInt8(ascii: "[")] + answers.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]))
        }
        return answer(service, call.caller, json).map { Answer(.document($0)) } ?? accepted
    }

    /// What is answered to a notification.
    private static let accepted = Answer(.text("", type: "application/json"), status: 202)

    /// The answer to a message; nil where it wants none.
    private static func answer(_ service: Service, _ caller: Caller, _ message: JSON) -> [UInt8]? {
        guard message["jsonrpc"]?.string == "2.0", let method = message["method"]?.string else {
            // An answer of the client's to something that was never asked.
            if message["jsonrpc"]?.string == "2.0", message["result"] != nil || message["error"] != nil { return nil }
            return failure(message["id"] ?? .null, -32_600, "A request of JSON-RPC 2.0 is expected")
        }
        guard let id = message["id"], id != .null else { return nil }
        let params = message["params"] ?? [:]
        switch method {
        case "initialize":
            let asked = params["protocolVersion"]?.string ?? ""
            return success(
                id,
                [
                    "protocolVersion": .string(versions.contains(asked) ? asked : versions[0]),
                    "capabilities": ["tools": ["listChanged": false]],
                    "serverInfo": ["name": "belfry", "title": "Belfry", "version": .string(ServiceCalls.version)],
                    "instructions": "Search and recommendation over collections of embeddings. `stats` lists them.",
                ])
        case "ping": return success(id, [:])
        case "tools/list": return success(id, ["tools": .array(MCPTool.all.map(\.json))])
        case "tools/call": return self.call(service, caller, id, params)
        default: return failure(id, -32_601, "There is no method \(method)")
        }
    }

    private static func call(_ service: Service, _ caller: Caller, _ id: JSON, _ params: JSON) -> [UInt8] {
        guard let name = params["name"]?.string, let tool = MCPTool.all.first(where: { $0.name == name }) else {
            let known = MCPTool.all.map(\.name).joined(separator: ", ")
            return failure(
                id, -32_602, "There is no tool \(params["name"]?.text() ?? "without a name"): there are \(known)")
        }
        do {
            let arguments = try Body(params["arguments"].flatMap { $0 == .null ? nil : $0 } ?? [:])
            try tool.requireAll(of: arguments)
            if let unknown = arguments.json.names.sorted().first(where: { name in
                !tool.members.contains { $0.name == name }
            }) {
                throw Refusal.bad("The tool \(tool.name) takes no \(unknown.debugDescription)")
            }
            let found = try tool.run(service, caller, arguments)
            return result(id, String(decoding: found, as: UTF8.self), structured: found)
        } catch {
            let refusal = Refusal(any: error)
            if refusal.status >= 500, refusal.status != 501 { service.logger.error("mcp \(tool.name): \(error)") }
            return result(id, refusal.message, structured: nil)
        }
    }

    // MARK: messages

    /// What a tool has found, or why it has not.
    private static func result(_ id: JSON, _ text: String, structured: [UInt8]?) -> [UInt8] {
        var writer = WireWriter(capacity: 2 * text.utf8.count + 128)
        writer.raw("{\"jsonrpc\":\"2.0\",\"id\":")
        writer.json(id)
        writer.raw(",\"result\":{\"content\":[{\"type\":\"text\",\"text\":")
        writer.text(text)
        writer.raw("}]")
        if let structured {
            writer.raw(",\"structuredContent\":")
            writer.raw(bytes: structured)
        }
        writer.raw(",\"isError\":")
        writer.flag(structured == nil)
        writer.raw("}}")
        return writer.bytes
    }

    private static func success(_ id: JSON, _ result: JSON) -> [UInt8] {
        Array(JSON.object(["jsonrpc": "2.0", "id": id, "result": result]).text().utf8)
    }

    private static func failure(_ id: JSON, _ code: Int64, _ message: String) -> [UInt8] {
        let error: JSON = ["code": .integer(code), "message": .string(message)]
        return Array(JSON.object(["jsonrpc": "2.0", "id": id, "error": error]).text().utf8)
    }
}
