import Belfry
public import Files
import Foundation

/// What the logs of feedback say: how often answers of which source, and at which place, were clicked.
///
/// Where a request has `impression` events, its answers that these name were shown; where it has none, all of them were.
public struct FeedbackReport: Sendable {
    /// Answers that were shown, and how many of them were clicked.
    public struct Count: Sendable {
        /// Answers that were shown.
        public internal(set) var shown = 0
        /// Those of them that were clicked.
        public internal(set) var clicked = 0

        /// The share that was clicked, and its 95 % interval (Wilson, 1927); nil where nothing was shown.
        public var rate: (share: Double, interval: ClosedRange<Double>)? {
            guard shown > 0 else { return nil }
            let share = Double(clicked) / Double(shown)
            return (share, WilsonInterval.of(share, count: shown))
        }
    }

    /// How many recommendations there are.
    public private(set) var requests = 0
    /// The collections that they are of.
    public private(set) var collections: Set<String> = []
    /// How many of them had no answer.
    public private(set) var empty = 0
    /// By the names of sources, in their order.
    public private(set) var sources: [(name: String, count: Count)] = []
    /// By the places of answers, the first one first.
    public private(set) var places: [Count] = []
    /// How many events of each kind there are.
    public private(set) var events: [(name: String, count: Int)] = []
    /// Events of a recommendation, or of a point, that is not in the logs.
    public private(set) var strayEvents = 0
    /// Lines that are no events: those that a crash has cut short.
    public private(set) var unreadLines = 0

    /// Reads logs, which are all of the recommendations and of what became of them.
    /// - Parameter progress: is told how many bytes of how many are read.
    public init(_ files: [String], progress: (_ bytes: Int, _ of: Int) -> Void = { _, _ in }) throws(BelfryError) {
        var shown: [String: Shown] = [:]
        var names: [String: Int] = [:]
        // An event may stand before its recommendation: in a file that is named first.
        var events: [LoggedEvent] = []
        unreadLines = try LoggedEvent.forEach(in: files, progress) { event in
            if event.name == LoggedEvent.recommendation {
                collections.insert(event.collection)
                if shown[event.request] == nil { shown[event.request] = Shown(event) }
            } else {
                names[event.name, default: 0] += 1
                events.append(event)
            }
        }
        for event in events {
            guard shown[event.request]?.add(event) ?? false else {
                strayEvents += 1
                continue
            }
        }
        var bySource: [String: Count] = [:]
        for request in shown.values {
            requests += 1
            if request.points.isEmpty { empty += 1 }
            let hasImpressions = request.points.contains(where: \.isSeen)
            for (place, point) in request.points.enumerated() where !hasImpressions || point.isSeen || point.isClicked {
                if places.count <= place { places += Array(repeating: Count(), count: place + 1 - places.count) }
                places[place].shown += 1
                bySource[point.source, default: Count()].shown += 1
                guard point.isClicked else { continue }
                places[place].clicked += 1
                bySource[point.source]?.clicked += 1
            }
        }
        sources = bySource.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        self.events = names.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// What a recommendation showed.
    private struct Shown {
        struct Point {
            let id: String
            let source: String
            var isSeen = false
            var isClicked = false
        }

        var points: [Point]

        init(_ event: LoggedEvent) {
            points = event.points.map { Point(id: $0["id"]?.string ?? "", source: $0["source"]?.string ?? "") }
        }

        /// Notes an event; false where one of its points was not answered.
        mutating func add(_ event: LoggedEvent) -> Bool {
            var isKnown = true
            for id in event.points.lazy.compactMap(\.string) {
                guard let place = points.firstIndex(where: { $0.id == id }) else {
                    isKnown = false
                    continue
                }
                if event.name == "click" { points[place].isClicked = true }
                if event.name == "impression" { points[place].isSeen = true }
            }
            return isKnown
        }
    }
}

/// A line of a log of feedback.
struct LoggedEvent {
    static let recommendation = "recommendation"

    let name: String
    let request: String
    let points: [JSON]
    /// The whole line.
    let line: JSON

    /// The collection that a recommendation is of.
    var collection: String { line["served_by"]?["collection"]?.string ?? "" }
    /// Its version; empty for the first one.
    var version: String { line["served_by"]?["version"]?.string ?? "" }

    /// Hands on every event of some files.
    /// - Returns: How many lines are none.
    static func forEach(
        in files: [String], _ progress: (_ bytes: Int, _ of: Int) -> Void,
        _ body: (LoggedEvent) throws(BelfryError) -> Void
    ) throws(BelfryError) -> Int {
        var whole = 0
        for file in files { whole += try System.fileSize(file) }
        var (unread, read) = (0, 0)
        for file in files {
            let mapped = try MappedFile(file)
            defer { withExtendedLifetime(mapped) {} }
            for line in mapped.bytes.split(separator: UInt8(ascii: "\n")) {
                read += line.count + 1
                progress(min(read, whole), whole)
                guard let json = try? JSON(parsing: .init(rebasing: line), source: file), let event = LoggedEvent(json)
                else {
                    unread += 1
                    continue
                }
                try body(event)
            }
        }
        return unread
    }

    private init?(_ json: JSON) {
        guard let name = json["event"]?.string, let request = json["request_id"]?.string,
            let points = json["points"]?.array
        else { return nil }
        (self.name, self.request, self.points, line) = (name, request, points, json)
    }
}
