import ArgumentParser
import Belfry
import Files
import Foundation
import Neighbors
import Vectors

/// Searches of a collection through filters on its payload: recall, and time beside an exact search through the same filter.
@main
struct CollectionFilterBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure filtered searches of a collection.",
        discussion: """
            python Benchmarks/filters/make_data.py matrix /tmp/matrix
            swift run --package-path Benchmarks -c release CollectionFilterBenchmark /tmp/matrix --output belfry.json

            The collection is made where it is not there yet. "first" is a filter that nobody has asked before, "again" the \\
            same once more: the difference is what finding the points took. "scan" is an exact search of the points that pass, \\
            they being known; "walk" a search of the index alone, without a filter, for as many rows as there are up to \\
            the last one that should be found. Times are medians in milliseconds; those of "again/best" without fetching \\
            payloads, beside the better of scan and walk.
            """)

    @Argument(help: "The folder of the data set.") var folder: String
    @Option(help: "Where the collection is; by default beside the data.") var collection: String?
    @Option(help: "The recall target.") var recall = 0.95
    @Option(help: "hnsw or ivf; by default what is fastest on the data.") var index: String?
    @Option(help: "Where the measurements go, as JSON.") var output: String?
    @Option(help: "Only cells whose name has this.") var cells: String?
    @Flag(help: "Without indexes of the payload fields.") var bare = false

    func run() async throws {
        let data = try FilterData(folder)
        let path = collection ?? folder + (bare ? "/bare.belfry" : "/indexed.belfry")
        let start = ContinuousClock.now
        let isNew = !FileManager.default.fileExists(atPath: path)
        if isNew { try await make(path, data) }
        let built = isNew ? (.now - start) / .seconds(1) : nil
        let opened = try VectorCollection(path)
        let segment = try onlySegment(of: path)
        let size = "\(opened.count) × \(data.queries.columns)"
        let unfiltered = try recallWithoutFilter(opened, data)
        print("\(data.meta.name): \(size), \(segment.kind.rawValue), recall \(recall), without a filter \(unfiltered)")
        print(CellTimes.head)
        var measured = Measured(
            system: "belfry", params: "recall \(recall)", target: recall, buildSeconds: built,
            bytes: try bytes(of: path), cells: [])
        // Files are read and checked once.
        for query in 0..<min(20, data.queries.rows) { _ = try opened.search(request(data, query, nil)) }
        _ = try opened.search(request(data, 0, nil, exact: true))
        let searcher = segment.makeSearcher()
        var asked = Set<Filter>()
        for (cell, truth) in zip(data.cells, data.truth) where cells.map(cell.name.contains) ?? true {
            var times = CellTimes(name: cell.name)
            for (place, query) in cell.queries.enumerated() {
                let filter = try cell.filters[place].filter()
                let isFirst = asked.insert(filter).inserted
                times.take(
                    try timed { try opened.search(request(data, query, filter)) },
                    again: try timed { try opened.search(request(data, query, filter)) },
                    scan: try timed { try opened.search(request(data, query, filter, exact: true)) },
                    walk: try walk(segment, searcher, data.queries, query, truth[place].rank), isFirst: isFirst)
            }
            times.judge(truth)
            print(times.line(target: recall, of: opened.count, truth))
            measured.cells.append(times)
        }
        if let output {
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            try encoder.encode(measured).write(to: URL(fileURLWithPath: output))
        }
    }

    private func make(_ path: String, _ data: FilterData) async throws {
        var description = VectorCollection.Description(dimension: data.queries.columns)
        description.index = try index.map {
            guard let kind = IndexKind(rawValue: $0) else { throw ValidationError("--index hnsw or ivf") }
            return kind
        }
        let collection = try VectorCollection.create(path, description)
        try collection.mergeOnlyWhenCompacted()
        try await data.load(into: collection)
        try await collection.compact()
        if !bare { try await collection.index(data.indexedFields()) }
        try await collection.close()
    }

    private func request(
        _ data: FilterData, _ query: Int, _ filter: Filter?, exact: Bool = false
    ) -> SearchRequest {
        var request = SearchRequest(.vector(data.queries[query]), k: 10)
        (request.filter, request.recall, request.exact) = (filter, recall, exact)
        return request
    }

    /// The mean recall@10 of the same queries without a filter: what a filter that knows nothing of them should keep.
    private func recallWithoutFilter(_ collection: VectorCollection, _ data: FilterData) throws -> String {
        var found = 0
        for query in 0..<data.queries.rows {
            let exact = try collection.search(request(data, query, nil, exact: true)).hits.map(\.id)
            found += Set(exact).intersection(try collection.search(request(data, query, nil)).hits.map(\.id)).count
        }
        return String(format: "%.4f", Double(found) / Double(10 * data.queries.rows))
    }

    private func timed(_ search: () throws -> SearchResponse) rethrows -> TimedSearch {
        let (start, used) = (ContinuousClock.now, processorSeconds())
        let response = try search()
        return TimedSearch(
            response: response, milliseconds: (.now - start) / .milliseconds(1),
            processor: 1_000 * (processorSeconds() - used))
    }

    /// Seconds of processor that this process has used: what others do on the machine does not count.
    private func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Milliseconds of a walk without a filter to the rank of the last row that should be found; nil where the index would
    /// be scanned for so many.
    private func walk(
        _ segment: SegmentIndex, _ searcher: SegmentSearcher, _ queries: Matrix, _ query: Int, _ rank: Int
    ) throws -> Double? {
        let rank = max(rank, 10)
        let effort = segment.effort(recall: recall, k: rank)
        guard effort != .exact else { return nil }
        let start = ContinuousClock.now
        _ = try searcher.search(queries.pointer + query * queries.columns, k: rank, effort: effort)
        return (.now - start) / .milliseconds(1)
    }

    /// The segment that compacting has made of all points.
    private func onlySegment(of path: String) throws -> SegmentIndex {
        let folders = try FileManager.default.contentsOfDirectory(atPath: path + "/segments")
            .filter { !$0.hasPrefix(".") }
        guard folders.count == 1 else { throw ValidationError("\(path) has \(folders.count) segments: one is wanted") }
        return try SegmentIndex("\(path)/segments/\(folders[0])", metric: .cosine)
    }

    private func bytes(of path: String) throws -> Int {
        let files = FileManager.default.enumerator(
            at: URL(fileURLWithPath: path), includingPropertiesForKeys: [.fileSizeKey])
        return (files?.allObjects as? [URL] ?? []).reduce(0) { sum, file in
            sum + ((try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0)
        }
    }
}
