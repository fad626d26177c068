import ArgumentParser
import Belfry
import BelfryServer
import Files
import Foundation
import Recipes

/// What `belfry evaluate --log` shows: clicks by source and by place, and whether a log's recommendations are answered alike.
struct EvaluateLog {
    let files: [String]
    let collection: String?
    let output: OutputOptions

    /// - Parameter logs: files, or folders of them.
    init(_ logs: [String], replaying collection: String?, _ output: OutputOptions) throws {
        (self.collection, self.output) = (collection, output)
        files = try logs.flatMap { log -> [String] in
            guard System.isDirectory(log) else {
                try System.requireFile(log)
                return [log]
            }
            return try System.list(log).filter { $0.hasSuffix(".jsonl") }.sorted().map { "\(log)/\($0)" }
        }
        guard !files.isEmpty else {
            throw ValidationError("There is no .jsonl file in \(logs.joined(separator: ", ")).")
        }
    }

    func run() throws {
        let progress = StageProgress()
        defer { progress.finish(failed: true) }
        let report = try FeedbackReport(files) { progress.show("reading", $0, of: $1, .bytes) }
        let replay = try collection.map { path in
            try FeedbackReplay(files, of: report, on: VectorCollection(at: path)) {
                progress.show("asking again", $0, of: $1, .bytes)
            }
        }
        progress.finish(failed: false)
        if output.json {
            Terminal.print(json(report, replay).text())
        } else {
            lines(report, replay).forEach(Terminal.print)
        }
        if let replay, !replay.different.isEmpty || !replay.refused.isEmpty { throw ExitCode(1) }
    }

    // MARK: for people

    private func lines(_ report: FeedbackReport, _ replay: FeedbackReplay?) -> [String] {
        var lines = [
            "\(Human.count(report.requests, "recommendation")), \(Human.count(report.empty)) without an answer"
        ]
        if !report.events.isEmpty {
            lines.append(report.events.map { "\($0.name) \(Human.count($0.count))" }.joined(separator: ", "))
        }
        if report.strayEvents > 0 {
            lines.append("\(Human.count(report.strayEvents, "event")) of points that no recommendation here has")
        }
        if report.unreadLines > 0 { lines.append("\(Human.count(report.unreadLines, "line")) cannot be read") }
        if report.requests > 0 {
            lines += [""] + Self.table("source", report.sources) + [""]
            lines += Self.table(
                "place", report.places.prefix(20).enumerated().map { ("\($0 + 1)", $1) })
        }
        guard let replay else { return lines }
        lines += [
            "",
            "asked again: \(Human.count(replay.same)) the same, \(Human.count(replay.different.count)) different, "
                + "\(Human.count(replay.refused.count)) refused"
                + (replay.others > 0 ? "; \(Human.count(replay.others)) are of other collections" : ""),
        ]
        for one in replay.different.prefix(10) {
            lines.append("  \(one.request): \(one.before.joined(separator: " ")) → \(one.now.joined(separator: " "))")
        }
        for one in replay.refused.prefix(10) { lines.append("  \(one.request): \(one.why)") }
        return lines
    }

    private static func table(_ title: String, _ counts: [(name: String, count: FeedbackReport.Count)]) -> [String] {
        var table = Table(
            [.init(title: title)]
                + ["shown", "clicked", "rate", "95 %"].map { .init(title: $0, alignment: .right) })
        for (name, count) in counts {
            let rate = count.rate
            table.add([
                name, Human.count(count.shown), Human.count(count.clicked), rate.map { Human.percent($0.share) } ?? "",
                rate.map { "\(Human.percent($0.interval.lowerBound)) – \(Human.percent($0.interval.upperBound))" }
                    ?? "",
            ])
        }
        return table.lines(width: Terminal.width)
    }

    // MARK: for programs

    private func json(_ report: FeedbackReport, _ replay: FeedbackReplay?) -> JSON {
        var members: JSON.Members = [
            "recommendations": .integer(Int64(report.requests)), "without_answer": .integer(Int64(report.empty)),
            "events": .object(
                JSON.Members(report.events.map { ($0.name, .integer(Int64($0.count))) })),
            "stray_events": .integer(Int64(report.strayEvents)), "unread_lines": .integer(Int64(report.unreadLines)),
            "sources": .object(
                JSON.Members(report.sources.map { ($0.name, Self.json($0.count)) })),
            "places": .array(report.places.map(Self.json)),
        ]
        if let replay {
            members["replay"] = [
                "same": .integer(Int64(replay.same)), "of_other_collections": .integer(Int64(replay.others)),
                "different": .array(
                    replay.different.map { one in
                        [
                            "request_id": .string(one.request), "before": .array(one.before.map { .string($0) }),
                            "now": .array(one.now.map { .string($0) }),
                        ]
                    }),
                "refused": .array(
                    replay.refused.map { ["request_id": .string($0.request), "why": .string($0.why)] }),
            ]
        }
        return .object(members)
    }

    private static func json(_ count: FeedbackReport.Count) -> JSON {
        var members: JSON.Members = ["shown": .integer(Int64(count.shown)), "clicked": .integer(Int64(count.clicked))]
        if let rate = count.rate {
            members["rate"] = .number(rate.share)
            members["interval"] = [.number(rate.interval.lowerBound), .number(rate.interval.upperBound)]
        }
        return .object(members)
    }
}
