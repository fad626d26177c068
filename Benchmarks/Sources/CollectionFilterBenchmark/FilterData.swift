import Belfry
import Files
import Foundation
import Vectors

/// A data set that `Benchmarks/filters/make_data.py` has made.
struct FilterData {
    struct Meta: Decodable {
        let name: String
        let fields: [String: String]
    }

    /// One kind of filter: for each query, by its number, a filter.
    struct Cell: Decodable {
        let name: String
        let queries: [Int]
        let filters: [NeutralFilter]
    }

    /// What a filtered search should find.
    struct Truth: Decodable {
        /// How many rows pass.
        let passing: Int
        let ids: [UInt64]
        let scores: [Double]
        /// How many rows, whether they pass or not, are as near as the last of these.
        let rank: Int
    }

    let folder: String
    let meta: Meta
    let cells: [Cell]
    let truth: [[Truth]]
    let queries: Matrix

    init(_ folder: String) throws {
        func read<Content: Decodable>(_ name: String, _ type: Content.Type) throws -> Content {
            try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
        }
        self.folder = folder
        meta = try read("meta.json", Meta.self)
        cells = try read("filters.json", [Cell].self)
        truth = try read("truth.json", [[Truth]].self)
        queries = try VectorFile("\(folder)/queries.npy").matrix()
    }

    /// The fields that are to have an index.
    func indexedFields() throws -> [IndexedField] {
        try meta.fields.sorted { $0.key < $1.key }.map { name, kind in
            let kind = kind.replacingOccurrences(of: "[]", with: "")
            guard let known = FieldKind(rawValue: kind) else { throw CocoaError(.coderInvalidValue) }
            return IndexedField(try JSONPath(name), known)
        }
    }

    /// Writes all rows with their payload to a collection, in batches.
    func load(into collection: VectorCollection) async throws {
        let rows = try VectorFile("\(folder)/rows.npy")
        let payload = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/payload.jsonl"), options: .mappedIfSafe)
        var batch: [WrittenPoint] = []
        var row = 0
        for line in payload.split(separator: UInt8(ascii: "\n")) {
            let vector = try rows.matrix(row..<row + 1)[0]
            let payload = try JSON(parsing: line, source: "payload.jsonl")
            batch.append(WrittenPoint(id: "\(row)", vector: vector, payload: payload))
            row += 1
            if batch.count == 2_000 || row == rows.rows {
                try await collection.upsert(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        precondition(row == rows.rows, "a line of payload for each row")
    }
}
