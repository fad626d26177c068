import Charts
import Foundation

/// Curves of recall against speed, as one HTML page that needs nothing from elsewhere (SVG, no scripts), or as one SVG
/// drawing.
///
/// Each series has a color. One chart shows queries per second, one the percentiles of latency; a table below has the
/// figures. Page and drawing follow the reader's choice of light or dark.
package struct BenchPlot: Sendable {
    /// One index, or one peer.
    package struct Series: Sendable {
        /// What the legend calls it.
        package var name: String
        /// What was measured, in any order.
        package var points: [BenchReport.Point]
        /// What looking at every row takes; nil if that was not measured.
        package var scan: BenchReport.Point?

        /// A named series.
        package init(name: String, points: [BenchReport.Point], scan: BenchReport.Point? = nil) {
            (self.name, self.points, self.scan) = (name, points, scan)
        }
    }

    let title: String
    let subtitle: String
    let series: [Series]

    /// A plot of several series on the same data.
    package init(title: String, subtitle: String, series: [Series]) {
        (self.title, self.subtitle, self.series) = (title, subtitle, series)
    }

    /// The page. It is well-formed XML, too.
    package var html: String {
        let legend = series.enumerated().map { index, series in
            "<li class=\"\(Self.style(index))\">\(Markup.escaped(series.name))</li>"
        }
        let body = """
            <h1>\(Markup.escaped(title))</h1>
            <p>\(Markup.escaped(subtitle))</p>
            <ul class="legend">\(legend.joined())</ul>
            <h2>Queries per second against recall</h2>
            <p>Up and to the right is better. The recall axis is stretched towards 1. A ring is what a recall target chose. \
            The line goes through the efforts that no other beats in both; those that are beaten stand beside it, paler. A \
            whisker spans the rounds. A level line is what looking at every row takes.\(disturbance)</p>
            \(speed.svg())
            <h2>Latency against recall</h2>
            <p>Down and to the right is better. Solid: half of the queries take at most this; dashed: 95 %; dotted: 99 %.</p>
            \(latency.svg())
            <h2>Figures</h2>
            \(table)
            """
        return Page(title: title, style: "\(Self.pageStyle)\n\(Self.chartStyle)", body: body).html
    }

    // MARK: the charts

    /// The chart of queries per second.
    var speed: BenchChart {
        let lines = series.enumerated().map { index, series in
            line(series, color: index, style: "solid", isNamed: true) { point in
                let isRange = point.slowestQPS <= point.fastestQPS
                let spread = isRange ? point.slowestQPS...point.fastestQPS : nil
                return (point.qps, "\(Self.figure(point.qps)) queries/s", spread)
            }
        }
        let levels = scans { ($0.qps, "every row: \(Self.figure($0.qps)) queries/s") }
        return BenchChart(label: "queries per second", lines: lines, levels: levels)
    }

    /// The chart of latencies.
    var latency: BenchChart {
        let percentiles: [(name: String, style: String, value: @Sendable (BenchReport.Latency) -> Double)] = [
            ("p50", "solid", \.p50), ("p95", "dashed", \.p95), ("p99", "dotted", \.p99),
        ]
        let lines = series.enumerated().flatMap { index, series in
            percentiles.map { percentile in
                line(series, color: index, style: percentile.style, isNamed: percentile.style == "solid") { point in
                    guard let value = point.latency.map(percentile.value) else { return nil }
                    return (value, "\(percentile.name) \(Self.figure(value)) µs", nil)
                }
            }
        }
        let levels = scans { point in point.latency.map { ($0.p50, "every row: p50 \(Self.figure($0.p50)) µs") } }
        return BenchChart(label: "microseconds per query", lines: lines, levels: levels)
    }

    private func scans(_ value: (BenchReport.Point) -> (Double, String)?) -> [BenchChart.Level] {
        series.enumerated().compactMap { index, series in
            guard let (value, title) = series.scan.flatMap(value) else { return nil }
            return BenchChart.Level(
                style: Self.style(index), value: value,
                title: self.series.count > 1 ? "\(series.name), \(title)" : title)
        }
    }

    /// A line of dots; `value` gives a point's height, its text, and the spread of the rounds.
    private func line(
        _ series: Series, color: Int, style: String, isNamed: Bool,
        _ value: (BenchReport.Point) -> (Double, String, ClosedRange<Double>?)?
    ) -> BenchChart.Line {
        let dots = series.points.compactMap { point -> BenchChart.Dot? in
            guard let (y, text, spread) = value(point) else { return nil }
            let target = point.target.map { ", target \(Self.figure($0))" } ?? ""
            let wait =
                point.isDisturbed ? ", the clock ran \(Self.figure(point.wait ?? 0)) times as long as the work" : ""
            return BenchChart.Dot(
                recall: point.recall, value: y, isRing: point.target != nil,
                isOnFrontier: !series.points.contains { $0.beats(point) }, isDisturbed: point.isDisturbed,
                spread: spread,
                label: isNamed ? point.parameter : nil,
                title:
                    "\(series.name), \(point.parameter)\(target): recall \(Self.recall(point.recall)), \(text)\(wait)")
        }
        return BenchChart.Line(style: "\(Self.style(color)) \(style)", dots: dots)
    }

    static func style(_ index: Int) -> String { "s\(index % Palette.lines.count)" }

    /// What a dashed dot means, where there is one.
    var disturbance: String {
        let points = series.flatMap { $0.points + [$0.scan].compactMap { $0 } }
        guard points.contains(where: \.isDisturbed) else { return "" }
        return
            " At a dashed dot the machine had other work, or the index came from disk: its figures are not the index's own."
    }

    // MARK: the table

    private var table: String {
        let head = [
            "series", "target", "effort", "recall", "queries/s", "slowest–fastest", "p50 µs", "p95 µs", "p99 µs",
            "clock/work", "distances", "bytes",
        ]
        var rows = "<tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
        for series in series {
            for point in series.points + [series.scan].compactMap({ $0 }) {
                let cells = [series.name] + Self.cells(point)
                let style = point.isDisturbed ? " class=\"disturbed\"" : ""
                rows += "<tr\(style)>" + cells.map { "<td>\(Markup.escaped($0))</td>" }.joined() + "</tr>\n"
            }
        }
        return "<table>\n\(rows)</table>"
    }

    private static func cells(_ point: BenchReport.Point) -> [String] {
        let measured: [Double?] = [
            point.latency?.p50, point.latency?.p95, point.latency?.p99, point.wait, point.evaluations, point.bytes,
        ]
        let spread = "\(figure(point.slowestQPS))–\(figure(point.fastestQPS))"
        return [
            point.target.map(figure) ?? "", point.parameter, recall(point.recall), figure(point.qps), spread,
        ] + measured.map { $0.map(figure) ?? "" }
    }

    // MARK: text

    /// Three digits or all before the point: `0.95`, `12.3`, `1234`.
    static func figure(_ value: Double) -> String {
        value.magnitude >= 1000 ? String(format: "%.0f", value) : String(format: "%.3g", value)
    }

    private static func recall(_ value: Double) -> String { String(format: "%.4f", value) }
}

extension BenchReport.Point {
    /// Whether it finds at least as much at least as fast, and more or faster.
    fileprivate func beats(_ other: Self) -> Bool {
        recall >= other.recall && qps >= other.qps && (recall > other.recall || qps > other.qps)
    }
}
