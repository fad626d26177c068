import Files
import GRDB
import Shards

extension Catalogue.Transaction {
    /// Points in the order of their ids, behind one of them.
    ///
    /// SQLite orders integers by their sign, and before everything else: ids above 2^63, which are negative there, come
    /// before 0. So there are three ranges, each in order by itself.
    func points(after id: PointID?, limit: Int) throws -> [Catalogue.PointRow] {
        var found: [Catalogue.PointRow] = []
        for range in IDRange.allCases {
            var condition = range.rawValue
            var arguments: StatementArguments = []
            if let id {
                guard let own = IDRange(id), own.isUpTo(range) else { continue }
                if own == range {
                    condition += " AND id > ?"
                    arguments += [id.databaseValue]
                }
            }
            arguments += [limit - found.count]
            found += try DatabaseRow.fetchAll(
                database, sql: "SELECT * FROM points WHERE \(condition) ORDER BY id LIMIT ?", arguments: arguments
            ).map(point)
            if found.count >= limit { break }
        }
        return found
    }

    private enum IDRange: String, CaseIterable {
        case small = "id >= 0 AND id < ''"
        case large = "id < 0"
        case uuid = "id >= x''"

        init?(_ id: PointID) {
            self =
                switch id {
                case .number(let number): number <= UInt64(Int64.max) ? .small : .large
                case .uuid: .uuid
                }
        }

        func isUpTo(_ other: IDRange) -> Bool {
            (Self.allCases.firstIndex(of: self) ?? 0) <= (Self.allCases.firstIndex(of: other) ?? 0)
        }
    }
}
