import ArgumentParser
import Belfry
import Files
import Foundation
import Recipes

struct Write: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Carry out a stream of writes, and answer each when it is on disk.",
        discussion: """
            echo '{"upsert": [{"id": 1, "vector": [0.5, 2], "payload": {"color": "red"}}]}' | belfry write shop.belfry
            echo '[{"set_payload": {"ids": [1], "payload": {"color": "blue"}}}, {"delete": [2]}]' | belfry write shop.belfry

            A line of standard input is a batch, which is carried out wholly or not at all: one operation, or a list of them. \
            There are upsert, with condition insert_only, update_only or {"version": n} beside it; delete; set_payload, \
            overwrite_payload, delete_payload (with keys), clear_payload, each with ids, or with a filter as Qdrant's clients send \
            it. Keys may be paths, as country.capital \
            or stock[].shop; set_payload, with a key or without, merges into what is there, and null takes a member away. And set_vector with id and vector, \
            delete_vector with ids and names. mark_seen with user and ids, and perhaps at, a time; forget_seen with user and \
            ids, or with user and perhaps before, a time. Several vectors are an object by their names. \
            For each line a line is answered: {"lsn", "changed", "skipped", "missing"}, or {"error"}.
            """)

    @Argument(help: "A .belfry directory, or the folder of its recipe.") var collection: String
    @OptionGroup var memory: MemoryOptions

    func run() async throws {
        let opened = try VectorCollection(at: collection, for: .writing, memoryLimit: memory.bytes)
        var (line, failures) = (0, 0)
        while let text = readLine() {
            line += 1
            guard !text.isBlank else { continue }
            do throws(BelfryError) {
                let batch = try WriteLine.operations(JSON(parsing: Data(text.utf8), source: "line \(line)"))
                let result = try await opened.write(batch)
                Terminal.print(
                    JSON.object([
                        "lsn": .integer(Int64(result.lsn)), "changed": .integer(Int64(result.changed)),
                        "skipped": .integer(Int64(result.skipped)), "missing": .integer(Int64(result.missing)),
                    ]).text())
            } catch {
                failures += 1
                Terminal.print(JSON.object(["error": .string("line \(line): \(error.message)")]).text())
            }
        }
        try await opened.close()
        if failures > 0 { throw ExitCode(1) }
    }
}

/// The operations of a line of ``Write``.
enum WriteLine {
    static func operations(_ line: JSON) throws(BelfryError) -> [WriteOperation] {
        var operations: [WriteOperation] = []
        for one in line.array ?? [line] { operations += try self.operations(of: one) }
        return operations
    }

    private static func operations(of one: JSON) throws(BelfryError) -> [WriteOperation] {
        let names = one.names.filter { $0 != "condition" }
        guard names.count == 1, let content = one[names[0]] else {
            throw mistake("An operation is an object of one member, its name, and perhaps a condition.")
        }
        if one["condition"] != nil, names[0] != "upsert" { throw mistake("Only an upsert has a condition.") }
        try requireMembers(of: content, names[0])
        switch names[0] {
        case "upsert":
            let condition = try condition(one["condition"])
            var upserts: [WriteOperation] = []
            for point in content.array ?? [content] {
                upserts.append(
                    .upsert(
                        WrittenPoint(
                            id: try id(point["id"]), vectors: try vectors(point["vector"]),
                            payload: point["payload"] ?? [:]),
                        condition: condition))
            }
            return upserts
        case "delete": return [.delete(try points(content))]
        case "set_payload":
            return [.setPayload(try points(content), try payload(content), at: try path(content))]
        case "overwrite_payload":
            return [.overwritePayload(try points(content), try payload(content), at: try path(content))]
        case "delete_payload":
            guard let list = content["keys"]?.array, case let keys = list.compactMap(\.string), !keys.isEmpty,
                keys.count == list.count
            else {
                throw mistake("delete_payload needs keys, a list of names.")
            }
            return [.deletePayload(try points(content), keys: keys)]
        case "clear_payload": return [.clearPayload(try points(content))]
        case "set_vector": return [.setVectors(try id(content["id"]), try vectors(content["vector"]))]
        case "delete_vector":
            guard let names = content["names"]?.array?.compactMap(\.string), !names.isEmpty else {
                throw mistake("delete_vector needs names, a list of them.")
            }
            return [.deleteVectors(try points(content), names: names)]
        case "mark_seen":
            return [.markSeen(try ids(content["ids"]), by: try user(content), at: try time(content["at"]) ?? Date())]
        case "forget_seen":
            guard content["ids"] == nil else { return [.forgetSeen(try ids(content["ids"]), by: try user(content))] }
            return [.forgetAllSeen(by: try user(content), before: try time(content["before"]) ?? .distantFuture)]
        default: throw mistake("There is no operation \(names[0].debugDescription).")
        }
    }

    /// Refuses members that nobody reads: a name that is written wrong would be one.
    private static func requireMembers(of content: JSON, _ name: String) throws(BelfryError) {
        let members: [String: Set<String>] = [
            "upsert": ["id", "vector", "payload"], "delete": ["ids", "filter"],
            "set_payload": ["ids", "filter", "payload", "key"],
            "overwrite_payload": ["ids", "filter", "payload", "key"],
            "delete_payload": ["ids", "filter", "keys"], "clear_payload": ["ids", "filter"],
            "set_vector": ["id", "vector"], "delete_vector": ["ids", "filter", "names"],
            "mark_seen": ["user", "ids", "at"],
            "forget_seen": content["ids"] == nil ? ["user", "before"] : ["user", "ids"],
        ]
        guard let known = members[name] else { return }
        for one in content.array ?? [content] {
            if let odd = one.names.first(where: { !known.contains($0) }) {
                throw mistake(
                    "\(name) has no member \(odd.debugDescription): it takes \(known.sorted().joined(separator: ", "))."
                )
            }
        }
    }

    private static func mistake(_ message: String) -> BelfryError {
        BelfryError(.invalidInput, message, remedy: "See belfry write --help.")
    }

    private static func id(_ value: JSON?) throws(BelfryError) -> String {
        guard let name = value?.name else { throw mistake("An id is missing: a text or a whole number of 64 bits.") }
        return name
    }

    private static func user(_ content: JSON) throws(BelfryError) -> String {
        guard let user = content["user"]?.name else { throw mistake("A user is missing: a text or a whole number.") }
        return user
    }

    private static func time(_ value: JSON?) throws(BelfryError) -> Date? {
        guard let value else { return nil }
        guard let time = value.string.flatMap({ Timestamp($0) }) else {
            throw mistake("\(value.text()) is no time: write \"2026-11-30T12:00:00Z\".")
        }
        return time.date
    }

    /// The points of an operation: `ids`, a `filter`, or ids alone.
    private static func points(_ content: JSON) throws(BelfryError) -> PointSelection {
        if let filter = content["filter"] {
            guard content["ids"] == nil else { throw mistake("Give ids, or a filter.") }
            return .matching(try Filter(json: filter, id: { PointName($0).id }))
        }
        return .ids(try ids(content["ids"] ?? content))
    }

    private static func ids(_ value: JSON?) throws(BelfryError) -> [String] {
        guard let list = value?.array, !list.isEmpty else { throw mistake("A list of ids is missing.") }
        var ids: [String] = []
        for one in list { ids.append(try id(one)) }
        return ids
    }

    private static func path(_ content: JSON) throws(BelfryError) -> JSONPath? {
        guard let key = content["key"] else { return nil }
        guard let text = key.string else { throw mistake("A key is a text, as \"country.capital\".") }
        return try JSONPath(text)
    }

    private static func payload(_ content: JSON) throws(BelfryError) -> JSON {
        guard let payload = content["payload"] else { throw mistake("A payload is missing.") }
        return payload
    }

    private static func vectors(_ value: JSON?) throws(BelfryError) -> [String: PointVector] {
        if value == .null { return [:] }
        if let value, let own = try PointVector(value) { return ["": own] }
        guard case .object(let named) = value else { throw mistake("A vector is missing: a list of numbers.") }
        var vectors: [String: PointVector] = [:]
        for (name, value) in named.sorted {
            guard let own = try PointVector(value) else { throw mistake("The vector “\(name)” is none.") }
            vectors[name] = own
        }
        return vectors
    }

    private static func condition(_ value: JSON?) throws(BelfryError) -> WriteCondition {
        switch value {
        case nil: .always
        case .string("insert_only"): .insertOnly
        case .string("update_only"): .updateOnly
        default:
            if let version = value?["version"]?.integer, version >= 0 {
                .version(UInt64(version))
            } else {
                throw mistake("A condition is insert_only, update_only or {\"version\": n}.")
            }
        }
    }
}
