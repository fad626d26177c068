import Charts
import Foundation

/// One chart in SVG: recall from left to right, stretched towards 1, and some figure on a logarithmic axis.
///
/// A line goes through the dots that no other beats in both; the others stand beside it, paler. A dot has a whisker from
/// the worst to the best round, and the name of its effort where there is room.
struct BenchChart {
    /// One measurement.
    struct Dot {
        var recall: Double
        var value: Double
        var isRing: Bool
        /// Whether no other is better in both.
        var isOnFrontier = true
        /// Whether the machine had other work.
        var isDisturbed = false
        /// The worst and the best round.
        var spread: ClosedRange<Double>?
        /// What is written beside it.
        var label: String?
        /// What is shown when the pointer rests on it.
        var title: String
    }

    /// Measurements that belong together, with the names of their style.
    struct Line {
        var style: String
        var dots: [Dot]
    }

    /// A value that holds whatever the recall: what looking at every row takes.
    struct Level {
        var style: String
        var value: Double
        var title: String
    }

    let label: String
    let lines: [Line]
    let levels: [Level]
    private let recalls: RecallAxis
    private let values: LogarithmicAxis

    private static let (width, height) = (860.0, 440.0)
    private static let (left, right, top, bottom) = (80.0, 20.0, 12.0, 52.0)

    init(label: String, lines: [Line], levels: [Level] = []) {
        self.levels = levels.filter { $0.value.isFinite && $0.value > 0 }
        self.label = label
        self.lines = lines.map { line in
            var line = line
            line.dots = line.dots.filter { $0.recall.isFinite && $0.value.isFinite && $0.value > 0 }
            line.dots.sort { ($0.recall, $0.value) < ($1.recall, $1.value) }
            return line
        }
        let dots = self.lines.flatMap(\.dots)
        recalls = RecallAxis(around: dots.map(\.recall))
        let ends = dots.compactMap(\.spread).flatMap { [$0.lowerBound, $0.upperBound] }
        values = LogarithmicAxis(
            around: dots.map(\.value) + ends.filter { $0.isFinite && $0 > 0 } + self.levels.map(\.value))
    }

    /// Where a recall stands, from the left.
    func x(_ recall: Double) -> Double {
        Self.left + recalls.share(of: recall) * (Self.width - Self.left - Self.right)
    }

    /// Where a value stands, from the top.
    func y(_ value: Double) -> Double {
        Self.height - Self.bottom - values.share(of: value) * (Self.height - Self.top - Self.bottom)
    }

    /// The chart, `attributes` of its element included.
    func svg(_ attributes: String = "") -> String {
        let (width, height) = (Self.number(Self.width), Self.number(Self.height))
        let name = Markup.escaped("\(label) against recall")
        var svg = "<svg viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-label=\"\(name)\"\(attributes)>\n" + axes
        for level in levels {
            let y = y(level.value)
            svg += "<g class=\"\(level.style) level\">\n"
            svg += Self.line(from: (Self.left, y), to: (Self.width - Self.right, y), style: "level")
            svg +=
                Self.text(level.title, at: (Self.left + 8, y - 5), anchor: "start", more: " class=\"label\"") + "</g>\n"
        }
        var labels = Labels()
        for line in lines where !line.dots.isEmpty {
            let path = line.dots.filter(\.isOnFrontier).map {
                "\(Self.number(x($0.recall))),\(Self.number(y($0.value)))"
            }
            svg += "<g class=\"\(line.style)\">\n<polyline points=\"\(path.joined(separator: " "))\" />\n"
            for dot in line.dots { svg += mark(dot, &labels) }
            svg += "</g>\n"
        }
        return svg + "</svg>"
    }

    private var axes: String {
        var svg = ""
        let end = Self.height - Self.bottom
        for tick in recalls.ticks {
            svg += Self.line(from: (x(tick), Self.top), to: (x(tick), end))
            svg += Self.text(Self.plain(tick), at: (x(tick), end + 20), anchor: "middle")
        }
        for tick in values.ticks {
            svg += Self.line(from: (Self.left, y(tick)), to: (Self.width - Self.right, y(tick)))
            svg += Self.text(Self.plain(tick), at: (Self.left - 8, y(tick) + 4), anchor: "end")
        }
        let middle = (Self.top + end) / 2
        svg += Self.text("recall", at: ((Self.left + Self.width - Self.right) / 2, Self.height - 8), anchor: "middle")
        svg += Self.text(label, at: (16, middle), anchor: "middle", more: " transform=\"rotate(-90 16 \(middle))\"")
        return svg + "<rect class=\"frame\" x=\"\(Self.number(Self.left))\" y=\"\(Self.number(Self.top))\" width=\""
            + "\(Self.number(Self.width - Self.left - Self.right))\" height=\"\(Self.number(end - Self.top))\" />\n"
    }

    /// A dot with its whisker and, where nothing else is written there, its name.
    private func mark(_ dot: Dot, _ labels: inout Labels) -> String {
        let (x, y) = (x(dot.recall), y(dot.value))
        var svg = ""
        if let spread = dot.spread, spread.lowerBound > 0, spread.upperBound.isFinite {
            svg += Self.line(from: (x, self.y(spread.lowerBound)), to: (x, self.y(spread.upperBound)), style: "spread")
        }
        let styles = [
            dot.isRing ? "ring" : nil, dot.isOnFrontier ? nil : "beaten", dot.isDisturbed ? "disturbed" : nil,
        ]
        let style = styles.compactMap { $0 }.joined(separator: " ")
        svg +=
            "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(dot.isRing ? 6 : 4)\""
            + (style.isEmpty ? "" : " class=\"\(style)\"")
            + "><title>\(Markup.escaped(dot.title))</title></circle>\n"
        guard dot.isOnFrontier, let label = dot.label, labels.place(label.count, x, y) else { return svg }
        let isRight = x > Self.width - Self.right - 90
        return svg
            + Self.text(
                label, at: (isRight ? x - 8 : x + 8, y - 8), anchor: isRight ? "end" : "start", more: " class=\"label\""
            )
    }

    /// Where names of dots stand already.
    private struct Labels {
        private var places: [(x: Double, y: Double, width: Double)] = []

        /// Takes a place for `count` letters beside (x, y), unless it overlaps another.
        mutating func place(_ count: Int, _ x: Double, _ y: Double) -> Bool {
            let width = 7 * Double(count) + 10
            guard !places.contains(where: { abs($0.y - y) < 14 && abs($0.x - x) < max($0.width, width) }) else {
                return false
            }
            places.append((x, y, width))
            return true
        }
    }

    // MARK: markup

    private static func line(from a: Markup.Place, to b: Markup.Place, style: String = "grid") -> String {
        Markup.line(a, b, style) + "\n"
    }

    private static func text(_ text: String, at place: Markup.Place, anchor: String, more: String = "") -> String {
        Markup.text(text, place, anchor: anchor, more) + "\n"
    }

    private static func number(_ value: Double) -> String { Markup.number(value) }

    /// `0.995`, `20000`.
    private static func plain(_ value: Double) -> String { String(format: "%.10g", value) }
}
