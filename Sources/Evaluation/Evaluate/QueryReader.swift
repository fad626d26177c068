import Belfry
import Files
import Recipes
import Shards
import Towers

/// Reads the queries of an evaluation's file with what is relevant to each, and reports the rows that cannot be used.
struct QueryReader {
    private let source: Recipe.Evaluation.Queries
    private let failsOnBadRows: Bool
    private let collection: VectorCollection
    private let points: PointTable
    /// The tower that the fields of a row are for.
    let tower: Tower?
    let isDelimited: Bool
    private let rows: RowReader
    let columns: [UTF8Key: Column]
    private var result = JudgedQueries()
    /// The places of queries whose judgments stand on several rows.
    private var places: [JSON: Int] = [:]
    private var filters: [[PayloadCondition]: Int] = [:]
    private var unmet: [[PayloadCondition]: String] = [:]
    /// The fields that no row has had so far.
    private var unseen: Set<UTF8Key>

    /// Opens the file and finds every column that the evaluation names.
    init(
        _ source: Recipe.Evaluation.Queries, _ recipe: Recipe, _ collection: VectorCollection, _ points: PointTable
    ) throws(BelfryError) {
        (self.source, self.collection, self.points) = (source, collection, points)
        failsOnBadRows = recipe.badRows == .fail
        isDelimited = source.rows.format.kind != .jsonl
        if case .fields = source.query { tower = try collection.queryTower() } else { tower = nil }
        rows = try RowReader(source.rows.file, format: source.rows.format)
        var columns: [UTF8Key: Column] = [:]
        for field in source.fields { columns[field] = try rows.column(source.rows.reference(field.text)) }
        self.columns = columns
        unseen = isDelimited ? [] : source.fields
    }

    /// All queries, in the order of the file.
    /// - Throws: what is wrong with a row, where the recipe says that a bad row stops the work; and where there is no query.
    mutating func read(
        badRow: (BelfryError) -> Void, progress: (_ done: Int, _ total: Int?) -> Void
    ) throws(BelfryError) -> JudgedQueries {
        var usable = 0
        while try rows.nextUsable(
            badRow: { problem throws(BelfryError) in
                result.badRows += 1
                if failsOnBadRows { throw problem }
                badRow(problem)
            }, { row throws(RowProblem) in try add(row) }) != nil
        {
            usable += 1
            if usable % 1_024 == 0 { progress(rows.progress.done, rows.progress.total) }
        }
        let count = usable + result.badRows
        if count > 0, let field = unseen.min()?.text {
            throw BelfryError(
                .invalidInput, "No row has a field \(field.debugDescription), which the evaluation names.",
                at: .init(file: rows.path), remedy: "Name a field that the rows have, with dots for a nested one.")
        }
        guard !result.queries.isEmpty else {
            let why = count == 0 ? "The file has no queries." : "Not one of \(count) rows can be used."
            throw BelfryError(.invalidInput, why, at: .init(file: rows.path))
        }
        let all = result.queries.count
        result.queries.removeAll { $0.ideal.isEmpty }
        result.withoutRelevant = all - result.queries.count
        return result
    }

    private mutating func add(_ row: Row) throws(RowProblem) {
        for field in unseen where value(field.text, row) != nil { unseen.remove(field) }
        let key = try key(row)
        var query = JudgedQuery(line: row.line, query: try asked(key, row))
        if case .item = source.query {
            let id = try id(key, row, "the query")
            guard let own = points.number(id) else {
                throw RowProblem(line: row.line, .value, "The collection has no point \(key.text()) to ask with.")
            }
            query.own = own
        }
        try judge(&query, row)
        for id in try ids(source.exclude, row) { if let point = points.number(id) { query.excluded.insert(point) } }
        if let field = source.candidates {
            guard value(field, row) != nil else {
                throw RowProblem(line: row.line, .value, "There are no candidates: the field \(field) is empty.")
            }
            let ids = Set(try ids(source.candidates, row))
            query.candidates = Set(ids.compactMap { points.number($0) })
            query.missingCandidates = ids.count - (query.candidates?.count ?? 0)
        }
        query.filter = try filter(row)

        if source.grade == nil {
            result.queries.append(query)
        } else if let place = places[key] {
            result.queries[place].merge(query)
        } else {
            places[key] = result.queries.count
            result.queries.append(query)
        }
    }

    // MARK: What is asked

    /// What the row asks with, as one value.
    private func key(_ row: Row) throws(RowProblem) -> JSON {
        if case .fields(let names) = source.query {
            var members = JSON.Members()
            for name in names { members[name] = member(name, row) }
            do throws(BelfryError) { try tower?.check(.object(members)) } catch {
                throw RowProblem(line: row.line, .value, error.message)
            }
            return .object(members)
        }
        guard let field = source.query.names.first, let value = value(field, row) else {
            throw RowProblem(line: row.line, .value, "The query is empty: there is no \(source.query.names.joined()).")
        }
        return value
    }

    private func asked(_ key: JSON, _ row: Row) throws(RowProblem) -> SearchQuery {
        switch source.query {
        case .text(let field):
            guard let text = row.text(column(field))?.trimmed, !text.isBlank else {
                throw RowProblem(line: row.line, .value, "The query is an empty text.")
            }
            return .text(text)
        case .item: return .point(try id(key, row, "the query").description)
        case .user: return .user(try name(key, row, "the user"))
        case .session(let field):
            var names: [String] = []
            for element in list(field, row) { names.append(try name(element, row, field)) }
            return .session(names)
        case .fields: return .fields(key)
        }
    }

    // MARK: What is relevant

    private func judge(_ query: inout JudgedQuery, _ row: Row) throws(RowProblem) {
        guard let value = row.nested(column(source.relevant)) else {
            guard source.grade == nil else { throw RowProblem(line: row.line, .value, "The judged id is empty.") }
            return
        }
        if let field = source.grade {
            judge(&query, try id(value, row, source.relevant), try grade(self.value(field, row), row, field))
        } else if case .object(let grades) = value {
            for (name, grade) in grades.sorted {
                judge(&query, PointName(name).id, try self.grade(grade, row, source.relevant))
            }
        } else {
            for id in try ids(source.relevant, row) { judge(&query, id, 1) }
        }
    }

    /// Of two grades of one point the greater one counts.
    private func judge(_ query: inout JudgedQuery, _ id: PointID, _ grade: Double) {
        guard grade > 0 else { return }
        if let point = points.number(id) {
            query.relevant[point] = max(grade, query.relevant[point] ?? 0)
        } else {
            query.missing[id] = max(grade, query.missing[id] ?? 0)
        }
    }

    private func grade(_ value: JSON?, _ row: Row, _ field: String) throws(RowProblem) -> Double {
        let number = value.flatMap { try? PayloadType.number.convert($0, field: field)?.number }
        guard let number, (number - source.base).isFinite else {
            throw RowProblem(
                line: row.line, .value, "The grade in \(field) is \(value?.text() ?? "empty"); it must be a number.")
        }
        return number - source.base
    }

    private mutating func filter(_ row: Row) throws(RowProblem) -> Int? {
        guard !source.within.isEmpty else { return nil }
        var conditions: [PayloadCondition] = []
        for (payload, value) in source.within {
            switch value {
            case .text(let value): conditions.append(.init(field: payload, value: value))
            case .field(let field):
                guard let value = row.text(column(field))?.trimmed, !value.isBlank else {
                    throw RowProblem(line: row.line, .value, "The field \(field) is empty.")
                }
                conditions.append(.init(field: payload, value: value))
            }
        }
        if let known = filters[conditions] { return known }
        // What no point meets is asked for once, however many rows name it.
        if let reason = unmet[conditions] { throw RowProblem(line: row.line, .value, reason) }
        do throws(BelfryError) {
            guard let points = try collection.view.points(where: Filter(conditions)) else { return nil }
            guard points.count > 0 else { throw try collection.view.nothingMeets(conditions) }
            result.filters.append(points)
        } catch {
            unmet[conditions] = error.message
            throw RowProblem(line: row.line, .value, error.message)
        }
        filters[conditions] = result.filters.count - 1
        return result.filters.count - 1
    }
}

extension JudgedQuery {
    /// Adds the judgments of another row of the same query.
    fileprivate mutating func merge(_ other: JudgedQuery) {
        relevant.merge(other.relevant, uniquingKeysWith: max)
        missing.merge(other.missing, uniquingKeysWith: max)
        excluded.formUnion(other.excluded)
        candidates = candidates.flatMap { mine in other.candidates.map { mine.union($0) } }
        missingCandidates += other.missingCandidates
    }
}

extension Recipe.Evaluation.Queries {
    /// The fields that are read of each row.
    fileprivate var fields: Set<UTF8Key> {
        let named = [grade, candidates, exclude].compactMap { $0 } + within.compactMap(\.value.field)
        return Set((query.names + [relevant] + named).map { UTF8Key($0) })
    }
}

extension Recipe.Evaluation.QueryFields {
    var names: [String] {
        switch self {
        case .text(let field), .item(let field), .user(let field), .session(let field): [field]
        case .fields(let fields): fields
        }
    }
}
