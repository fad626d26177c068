import ArgumentParser
import Belfry
import Evaluation
import Files
import Foundation
import Recipes

/// What `similar --all` does: a table of every point's nearest others.
struct SimilarTableWriting {
    private let options: SearchOptions
    private let path: String

    init(_ options: SearchOptions, to path: String) { (self.options, self.path) = (options, path) }

    func run(on name: String) throws {
        // What cannot be written is said before the collection is opened.
        _ = try SimilarTable.Format(of: path)
        let collection = try VectorCollection(at: name)
        let progress = TableProgress()
        defer { progress.finish(failed: true) }
        let result = try collection.writeSimilarTable(
            request(for: collection), to: path,
            .init(
                begin: { begin(progress, $0, $1) }, advance: { progress.advance(to: $0) },
                remove: { Terminal.noteRemoved($0) }))
        progress.finish(failed: false)
        let interval = Bootstrap(seed: 1).intervals(result.recalls, columns: 1, threads: 1).first
        let recall = result.recalls.reduce(0, +) / Double(max(1, result.recalls.count))
        if options.output.json {
            Terminal.print(json(result, recall, interval).text())
        } else {
            lines(result, recall, interval).forEach(Terminal.print)
        }
    }

    private func request(for collection: VectorCollection) throws -> SimilarTable.Request {
        var request = SimilarTable.Request(k: options.answer.k)
        (request.recall, request.exact) = (options.recall.recall, options.recall.exact)
        (request.space, request.scoreThreshold) = (options.using, options.shape.scoreThreshold)
        request.threads = options.threads.threads
        request.filter = try options.filter.filter(for: [collection])
        return request
    }

    private func begin(_ progress: TableProgress, _ beginning: SimilarTable.Beginning, _ rows: Int) {
        switch beginning {
        case .new: progress.begin(rows, done: 0)
        case .goingOn(let done):
            Terminal.note(
                "belfry: goes on where an earlier run was: \(Human.count(done)) of \(Human.count(rows)) rows are done.")
            progress.begin(rows, done: done)
        case .anew(let reason):
            Terminal.note("belfry: begins anew, and leaves what an earlier run had done: \(reason).")
            progress.begin(rows, done: 0)
        }
    }

    private func json(_ result: SimilarTable.Result, _ recall: Double, _ interval: ClosedRange<Double>?) -> JSON {
        var members: JSON.Members = [
            "path": .string(path), "rows": .integer(Int64(result.rows)),
            "searched": .integer(Int64(result.searched)), "seconds": .number(result.seconds),
            "without_vector": .integer(Int64(result.withoutVector)), "target": .number(result.expectation.target),
            "exact": .bool(result.expectation.isExact),
            "expected_recall": result.expectation.recall.map { .number($0) } ?? .null,
        ]
        if let interval {
            members["recall"] = .number(recall)
            members["recall_interval"] = .array([.number(interval.lowerBound), .number(interval.upperBound)])
            members["sample"] = .integer(Int64(result.recalls.count))
        }
        return .object(members)
    }

    private func lines(
        _ result: SimilarTable.Result, _ recall: Double, _ interval: ClosedRange<Double>?
    ) -> [String] {
        let rate = result.seconds > 0 ? Double(result.searched) / result.seconds : 0
        var lines = ["\(path): \(Human.count(result.rows, "row")) of up to \(Human.count(options.answer.k))"]
        if result.searched > 0 {
            lines[0] +=
                ", \(Human.count(result.searched)) of them searched for in "
                + "\(Human.duration(.seconds(result.seconds))) (\(Human.count(rate))/s)"
        }
        if result.expectation.isExact {
            lines.append("recall: every point was compared with every other")
        } else if let interval {
            let promised = result.expectation.recall.map { ", \(Human.share($0)) when the index was built" } ?? ""
            lines.append(
                "recall: \(String(format: "%.4f", recall)) (95 %: \(String(format: "%.4f", interval.lowerBound)) to "
                    + "\(String(format: "%.4f", interval.upperBound))) of what exact search finds, over "
                    + "\(Human.count(result.recalls.count, "row")) drawn at random; asked: "
                    + "\(Human.share(result.expectation.target))\(promised)")
        }
        if result.withoutVector > 0 {
            lines.append("\(Human.count(result.withoutVector, "point")) without such a vector left out")
        }
        return lines
    }
}

/// The progress line of a table, whose first rows may have been done before.
private final class TableProgress {
    private var line: ProgressLine?
    private var before = 0

    func begin(_ rows: Int, done: Int) {
        before = done
        line = ProgressLine("similar", total: rows - done)
    }

    func advance(to rows: Int) { line?.advance(to: rows - before) }

    func finish(failed: Bool) { line?.finish(failed: failed) }
}

extension SearchOptions {
    /// Refuses what a table of all points does not take.
    func requirePlain(hybrid: Bool) throws {
        let given: [(String, Bool)] = [
            ("--hybrid", hybrid), ("--with", !others.isEmpty), ("--seen-by", seenBy != nil),
            ("--show", answer.show != nil), ("--offset", shape.offset != 0), ("--group-by", shape.groupBy != nil),
            ("--diversity", shape.diversity != nil), ("--sort", shape.sort != nil),
            ("--facet", !shape.facetFields.isEmpty),
        ]
        let refused = given.filter(\.1).map(\.0)
        guard refused.isEmpty else {
            throw ValidationError("--all takes no \(refused.joined(separator: ", ")): leave it out.")
        }
    }
}
