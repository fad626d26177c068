import Files
import Foundation
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore

/// Snapshots of a collection, and of all.
enum SnapshotCalls {
    // MARK: of a collection

    @Sendable static func list(_ service: Service, _ call: Call) throws -> Answer {
        let name = try service.served(call).name
        return Answer(.array(try service.snapshots.list(name).map(\.json)))
    }

    @Sendable static func create(_ service: Service, _ call: Call) async throws -> Answer {
        let served = try service.served(call)
        return try await done(service, call, "snapshot", of: served.name) { job in
            Answer(try service.snapshots.create([served], of: served.name, job).json)
        }
    }

    @Sendable static func download(_ service: Service, _ call: Call) throws -> Answer {
        let name = try service.served(call).name
        let found = try service.snapshots.find(call.names[1], of: name)
        return Answer(.file(path: found.path, size: found.size))
    }

    @Sendable static func delete(_ service: Service, _ call: Call) async throws -> Answer {
        let name = try service.served(call).name
        let found = try service.snapshots.find(call.names[1], of: name)
        return try await done(service, call, "snapshot removal", of: name) { _ in
            try service.snapshots.delete(found)
            return .done
        }
    }

    // MARK: of all

    @Sendable static func listWhole(_ service: Service, _ call: Call) throws -> Answer {
        Answer(.array(try service.snapshots.list(nil).map(\.json)))
    }

    @Sendable static func createWhole(_ service: Service, _ call: Call) async throws -> Answer {
        try await done(service, call, "snapshot", of: nil) { job in
            Answer(try service.snapshots.create(service.collections.all(), of: nil, job).json)
        }
    }

    @Sendable static func downloadWhole(_ service: Service, _ call: Call) throws -> Answer {
        let found = try service.snapshots.find(call.names[0], of: nil)
        return Answer(.file(path: found.path, size: found.size))
    }

    @Sendable static func deleteWhole(_ service: Service, _ call: Call) async throws -> Answer {
        let found = try service.snapshots.find(call.names[0], of: nil)
        return try await done(service, call, "snapshot removal", of: nil) { _ in
            try service.snapshots.delete(found)
            return .done
        }
    }

    // MARK: recovering

    @Sendable static func recover(_ service: Service, _ call: Call) async throws -> Answer {
        let body = try call.json()
        guard let location = try body.text("location") else { throw Refusal.format("", "missing field `location`") }
        let checksum = try body.text("checksum")
        let path = try file(of: location, root: service.snapshots.root)
        return try await done(service, call, "recovery", of: call.names[0]) { job in
            try await service.snapshots.recover(
                path, checksum: checksum, as: call.names[0], in: service.collections, job)
            service.audit.forget(call.names[0])
            return .done
        }
    }

    /// The file that a location means: one of the snapshots' folder.
    private static func file(of location: String, root: String) throws -> String {
        guard location.hasPrefix("file://") else {
            throw Refusal(
                403, "Forbidden: snapshots are recovered from files of the server's own folder, and from no other host")
        }
        let rest = location.dropFirst("file://".count)
        let host = rest.prefix { $0 != "/" }
        guard let path = PercentCoding.decoded(rest.dropFirst(host.count)), host.isEmpty || host == "localhost",
            !path.isEmpty
        else { throw Refusal.bad("Invalid snapshot URI, file path must be absolute or on localhost") }
        guard let real = realpath(path, nil) else { throw Refusal.bad("Snapshot file \"\(path)\" does not exist") }
        defer { free(real) }
        let resolved = String(cString: real)
        guard resolved.hasPrefix(root + "/") else {
            throw Refusal(403, "Forbidden: Snapshot file path must be inside the snapshots directory")
        }
        try System.requireFile(resolved)
        return resolved
    }

    @Sendable static func upload(_ service: Service, _ call: Call) async throws -> Answer {
        try CollectionName.require(call.names[0])
        let path = service.collections.folder.scratch("upload")
        defer { try? System.remove(path) }
        var file = try MultipartFile(call.headers[.contentType], to: path, most: service.settings.mostUpload)
        let size = call.headers[.contentLength].flatMap { Int($0) } ?? 0
        try await service.jobs.run("upload", of: call.names[0]) { job in
            var taken = 0
            for try await piece in call.stream {
                taken += piece.readableBytes
                try job.progress(taken, of: size)
                try file.take(piece.readableBytesView)
            }
        }
        guard file.isComplete else { throw Refusal.bad("The form has no file, or is cut short") }
        try await service.jobs.run("recovery", of: call.names[0]) { job in
            try await service.snapshots.recover(
                path, checksum: call.query["checksum"], as: call.names[0], in: service.collections, job)
            service.audit.forget(call.names[0])
        }
        return .done
    }

    /// The answer of what takes long: when it is done, or, with `wait=false`, that it has begun.
    private static func done(
        _ service: Service, _ call: Call, _ kind: String, of collection: String?,
        _ work: @escaping @Sendable (Jobs.Handle) async throws -> Answer
    ) async throws -> Answer {
        guard try call.query.flag("wait") == false else {
            return try await service.jobs.run(kind, of: collection, work)
        }
        let logger = service.logger
        Task(executorPreference: service.chores) {
            do {
                _ = try await service.jobs.run(kind, of: collection, work)
            } catch {
                logger.error("a job that nobody waits for: \(error)")
            }
        }
        return Answer(.document(Array("{\"status\":\"accepted\",\"time\":0.0}".utf8)), status: 202)
    }
}
