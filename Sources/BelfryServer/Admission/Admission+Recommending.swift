import Belfry
import Files

extension Admission {
    /// `…/recommend`. It costs one for each source, or for each point that it names, and one for each condition.
    func recommendation(_ body: Body, _ headers: SearchHeaders) throws {
        try checkExact(headers)
        let quotas = try body.objects("quotas") ?? []
        var wanted = quotas.isEmpty ? try body.whole("limit") ?? 10 : 0
        let filter = try PointNames.filter(body)
        var cost = try check(filter, .unindexedReads)
        for quota in quotas {
            cost += try check(PointNames.filter(quota), .unindexedReads)
            // Beyond that it is refused anyway, and the sum does not overflow.
            wanted += min(try quota.whole("count") ?? 0, 1 << 32)
        }
        try check(limit: wanted)
        let candidates = try body.object("exploration")?.whole("candidates")
        try strict.require(candidates, within: .queryLimit, as: "candidates")

        for name in ["popular", "latest"] {
            guard let order = body[name] else { continue }
            try check(OrderBy(json: order))
            cost += 1
        }
        for name in ["session", "like", "unlike"] { cost += try body.list(name)?.count ?? 0 }
        if body.has("user") { cost += 1 }
        if ["user", "session", "like"].contains(where: body.has) {
            try requireIndex(of: body.text("using") ?? "", filter)
        }
        try read(cost)
    }
}
