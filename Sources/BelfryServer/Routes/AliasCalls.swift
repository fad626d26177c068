import Files

/// Other names of collections.
enum AliasCalls {
    @Sendable static func all(_ service: Service, _ call: Call) -> Answer {
        answer(service.collections.aliases.listed())
    }

    @Sendable static func ofCollection(_ service: Service, _ call: Call) throws -> Answer {
        let name = try service.collections.named(call.names[0]).name
        return answer(service.collections.aliases.listed(of: name))
    }

    private static func answer(_ listed: [(alias: String, collection: String)]) -> Answer {
        Answer([
            "aliases": .array(
                listed.map { ["alias_name": .string($0.alias), "collection_name": .string($0.collection)] })
        ])
    }

    @Sendable static func change(_ service: Service, _ call: Call) throws -> Answer {
        let body = try call.json()
        guard let actions = try body.objects("actions") else { throw Refusal.format("", "missing field `actions`") }
        let names = Set(service.collections.names())
        try service.collections.changeAliases { table in
            for action in actions { try carryOut(action, on: &table, names) }
        }
        return .done
    }

    private static func carryOut(_ action: Body, on table: inout AliasTable, _ collections: Set<String>) throws {
        if let create = try action.object("create_alias") {
            let (alias, name) = (try text(create, "alias_name"), try text(create, "collection_name"))
            try requireFree(alias, collections)
            guard collections.contains(name) else { throw Refusal.missing("Collection \(name) not found") }
            table.set(alias, name)
        } else if let delete = try action.object("delete_alias") {
            // One that is not there is gone already.
            try? table.remove(text(delete, "alias_name"))
        } else if let rename = try action.object("rename_alias") {
            let (old, new) = (try text(rename, "old_alias_name"), try text(rename, "new_alias_name"))
            try requireFree(new, collections)
            try table.rename(old, to: new)
        } else {
            throw Refusal.format(action.place, "create_alias, delete_alias or rename_alias is expected")
        }
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
