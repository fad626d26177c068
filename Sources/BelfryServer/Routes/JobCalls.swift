import Belfry
import Files

/// What takes long, while it is under way.
enum JobCalls {
    @Sendable static func list(_ service: Service, _ call: Call) -> Answer {
        let readable = service.all(for: call.caller)
        let names = Set(readable.map(\.name))
        let jobs = service.jobs.listed { $0.map { names.contains($0) } ?? (call.caller.access >= .reading) }
        let merges = readable.compactMap { served in
            served.openedAlready?.mergeUnderWay.map { Jobs.json($0, of: served.name) }
        }
        return Answer(["jobs": .array(jobs + merges)])
    }

    @Sendable static func cancel(_ service: Service, _ call: Call) throws -> Answer {
        guard let number = Int(call.names[0]), service.jobs.cancel(number) else {
            throw Refusal.missing("There is no job \(call.names[0]), or it has ended")
        }
        return .done
    }
}
