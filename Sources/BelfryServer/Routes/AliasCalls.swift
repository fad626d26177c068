import Belfry
import Files

/// Other names of collections.
enum AliasCalls {
    @Sendable static func all(_ service: Service, _ call: Call) throws -> Answer {
        answer(
            call,
            try service.collections.aliases.listed().filter {
                call.caller.access(to: $0.target.collection) >= .reading
            })
    }

    @Sendable static func ofCollection(_ service: Service, _ call: Call) throws -> Answer {
        let name = try service.served(call).name
        return answer(call, try service.collections.aliases.listed(of: name))
    }

    private static func answer(
        _ call: Call, _ listed: [(alias: String, target: Aliases.Target, trial: Aliases.Trial?)]
    ) -> Answer {
        Answer([
            "aliases": .array(
                listed.map { alias, target, trial in
                    var members: JSON.Members = [
                        "alias_name": .string(alias), "collection_name": .string(target.description),
                    ]
                    // What is tried may be none of theirs.
                    if let trial, call.caller.access(to: trial.target.collection) >= .reading {
                        members["trial"] = trial.json
                    }
                    return .object(members)
                })
        ])
    }

    @Sendable static func change(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        guard let actions = try body.objects("actions") else { throw Refusal.format("", "missing field `actions`") }
        let names = Set(service.collections.names())
        let changes = try actions.map { try Change($0, names, service, call.caller) }
        try service.collections.changeAliases { aliases in
            for change in changes { try change.carryOut(on: &aliases) }
        }
        return .done
    }

    private enum Change {
        case create(String, Aliases.Target)
        case delete(String)
        case rename(String, to: String)
        case tryOut(String, Aliases.Trial?)

        init(_ action: Body, _ collections: Set<String>, _ service: Service, _ caller: Caller) throws {
            if let create = try action.object("create_alias") {
                let (alias, name) = (try text(create, "alias_name"), try text(create, "collection_name"))
                try requireFree(alias, collections)
                self = .create(alias, try target(name, collections, service, caller))
            } else if let delete = try action.object("delete_alias") {
                self = .delete(try text(delete, "alias_name"))
            } else if let rename = try action.object("rename_alias") {
                let (old, new) = (try text(rename, "old_alias_name"), try text(rename, "new_alias_name"))
                try requireFree(new, collections)
                self = .rename(old, to: new)
            } else if let begin = try action.object("begin_trial") {
                let name = try text(begin, "collection_name")
                let trial = Aliases.Trial(
                    try target(name, collections, service, caller), share: try begin.number("share") ?? 1,
                    isShadow: try begin.flag("shadow") ?? false,
                    by: try begin.text("header") ?? Aliases.Trial.usualHeader)
                self = .tryOut(try text(begin, "alias_name"), trial)
            } else if let end = try action.object("end_trial") {
                self = .tryOut(try text(end, "alias_name"), nil)
            } else {
                throw Refusal.format(
                    action.place, "create_alias, delete_alias, rename_alias, begin_trial or end_trial is expected")
            }
        }

        func carryOut(on aliases: inout Aliases.Change) throws {
            switch self {
            case .create(let alias, let target): aliases.targets[alias] = target
            // One that is not there is gone already.
            case .delete(let alias): (aliases.targets[alias], aliases.trials[alias]) = (nil, nil)
            case .rename(let old, let new):
                guard let target = aliases.targets.removeValue(forKey: old) else {
                    throw Refusal.missing("Alias \(old) does not exist")
                }
                aliases.targets[new] = target
                aliases.trials[new] = aliases.trials.removeValue(forKey: old)
            case .tryOut(let alias, let trial):
                try aliases.tryOut(trial, under: alias)
            }
        }
    }

    /// What a new alias is to stand for, which must be there: a collection, or a version of one.
    private static func target(
        _ name: String, _ collections: Set<String>, _ service: Service, _ caller: Caller
    ) throws -> Aliases.Target {
        let target = Aliases.Target(name)
        guard collections.contains(target.collection) else {
            throw Refusal.missing("Collection \(name) not found")
        }
        if !target.version.isEmpty { _ = try service.target(name, for: caller) }
        return target
    }

    private static func requireFree(_ alias: String, _ collections: Set<String>) throws(Refusal) {
        try CollectionName.require(alias, "alias_name")
        guard !collections.contains(alias) else {
            throw Refusal(409, "Wrong input: Collection with name \(alias) already exists")
        }
    }

    private static func text(_ body: Body, _ name: String) throws(Refusal) -> String {
        guard let text = try body.text(name) else { throw .format(body.place, "missing field `\(name)`") }
        return text
    }
}
