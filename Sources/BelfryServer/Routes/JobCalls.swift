import Belfry
import Files

/// What takes long, while it is under way.
enum JobCalls {
    @Sendable static func list(_ service: Service, _ call: Call) -> Answer {
        // A collection that is being made is not there yet, and its job is.
        let jobs = service.jobs.listed { name in
            (name.map { call.caller.access(to: $0) } ?? call.caller.access) >= .reading
        }
        let merges = service.all(for: call.caller).flatMap { served in
            served.openedAlready?.mergesUnderWay.map { Jobs.json($0, of: served.name) } ?? []
        }
        return Answer(["jobs": .array(jobs + merges)])
    }

    @Sendable static func cancel(_ service: Service, _ call: Call) throws -> Answer {
        switch Int(call.names[0]).map({ service.jobs.cancel($0) }) ?? .missing {
        case .cancelled: return .done
        case .missing: throw Refusal.missing("There is no job \(call.names[0]), or it has ended")
        case .tooLate: throw Refusal(409, "Conflict: the job \(call.names[0]) cannot be ended any more")
        }
    }
}
