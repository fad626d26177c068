import Foundation

/// Curves of recall against speed, as one HTML page that needs nothing from elsewhere: SVG, no scripts.
///
/// Each series has a colour. One chart shows queries per second, one the percentiles of latency; a table below has the
/// figures. The page follows the reader's choice of light or dark.
public struct BenchPlot: Sendable {
    /// One index, or one peer.
    public struct Series: Sendable {
        /// What the legend calls it.
        public var name: String
        /// What was measured, in any order.
        public var points: [BenchReport.Point]

        /// A named series.
        public init(name: String, points: [BenchReport.Point]) { (self.name, self.points) = (name, points) }
    }

    private let title: String
    private let subtitle: String
    private let series: [Series]

    /// A plot of several series on the same data.
    public init(title: String, subtitle: String, series: [Series]) {
        (self.title, self.subtitle, self.series) = (title, subtitle, series)
    }

    /// The page. It is well-formed XML, too.
    public var html: String {
        let legend = series.enumerated().map { index, series in
            "<li class=\"s\(index % Self.colours.count)\">\(Self.escaped(series.name))</li>"
        }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>\(Self.escaped(title))</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <h1>\(Self.escaped(title))</h1>
            <p>\(Self.escaped(subtitle))</p>
            <ul class="legend">\(legend.joined())</ul>
            <h2>Queries per second against recall</h2>
            <p>Up and to the right is better. The recall axis is stretched towards 1. A ring is what a recall target chose.</p>
            \(speed.svg)
            <h2>Latency against recall</h2>
            <p>Down and to the right is better. Solid: half of the queries take at most this; dashed: 95 %; dotted: 99 %.</p>
            \(latency.svg)
            <h2>Figures</h2>
            \(table)
            </body>
            </html>

            """
    }

    // MARK: the charts

    /// The chart of queries per second.
    var speed: BenchChart {
        let lines = series.enumerated().map { index, series in
            line(series, colour: index, style: "solid") { ($0.qps, "\(Self.figure($0.qps)) queries/s") }
        }
        return BenchChart(label: "queries per second", lines: lines)
    }

    /// The chart of latencies.
    var latency: BenchChart {
        let percentiles: [(name: String, style: String, value: @Sendable (BenchReport.Latency) -> Double)] = [
            ("p50", "solid", \.p50), ("p95", "dashed", \.p95), ("p99", "dotted", \.p99),
        ]
        let lines = series.enumerated().flatMap { index, series in
            percentiles.map { percentile in
                line(series, colour: index, style: percentile.style) { point in
                    guard let value = point.latency.map(percentile.value) else { return nil }
                    return (value, "\(percentile.name) \(Self.figure(value)) µs")
                }
            }
        }
        return BenchChart(label: "microseconds per query", lines: lines)
    }

    private func line(
        _ series: Series, colour: Int, style: String, _ value: (BenchReport.Point) -> (Double, String)?
    ) -> BenchChart.Line {
        let dots = series.points.compactMap { point -> BenchChart.Dot? in
            guard let (y, text) = value(point) else { return nil }
            let target = point.target.map { ", target \(Self.figure($0))" } ?? ""
            return BenchChart.Dot(
                recall: point.recall, value: y, isRing: point.target != nil,
                title: "\(series.name), \(point.parameter)\(target): recall \(Self.recall(point.recall)), \(text)")
        }
        return BenchChart.Line(style: "s\(colour % Self.colours.count) \(style)", dots: dots)
    }

    // MARK: the table

    private var table: String {
        let head = [
            "series", "target", "effort", "recall", "queries/s", "slowest–fastest", "p50 µs", "p95 µs", "p99 µs",
            "distances", "bytes",
        ]
        var rows = "<tr>" + head.map { "<th>\($0)</th>" }.joined() + "</tr>\n"
        for series in series {
            for point in series.points {
                let cells = [series.name] + Self.cells(point)
                rows += "<tr>" + cells.map { "<td>\(Self.escaped($0))</td>" }.joined() + "</tr>\n"
            }
        }
        return "<table>\n\(rows)</table>"
    }

    private static func cells(_ point: BenchReport.Point) -> [String] {
        let measured: [Double?] = [
            point.latency?.p50, point.latency?.p95, point.latency?.p99, point.evaluations, point.bytes,
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

    /// Text that cannot be taken for markup, nor leave an attribute.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            // XML has no other control characters.
            case _ where scalar.value < 32 && scalar != "\n" && scalar != "\t": escaped += "\u{fffd}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    // MARK: the style

    /// Okabe and Ito's colours, which colour-blind readers can tell apart, those on white darkened to be legible.
    private static let colours: [(light: String, dark: String)] = [
        ("#0072b2", "#56b4e9"), ("#d55e00", "#ff8a3d"), ("#008562", "#1fc99a"), ("#b3478c", "#e58fc3"),
        ("#8a6d00", "#f0e442"), ("#3d3d3d", "#d0d0d0"), ("#6a3fb5", "#b79cf2"), ("#a02020", "#ff7b7b"),
    ]

    private static var style: String {
        let light = colours.enumerated().map { ".s\($0) { --c: \($1.light); }" }.joined(separator: "\n")
        let dark = colours.enumerated().map { ".s\($0) { --c: \($1.dark); }" }.joined(separator: "\n")
        return """
            :root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1c1c; --faint: #d8d8d8; }
            \(light)
            @media (prefers-color-scheme: dark) {
            :root { --paper: #16181c; --ink: #e8e8e8; --faint: #3a3d44; }
            \(dark)
            }
            body { background: var(--paper); color: var(--ink); font: 16px/1.45 system-ui, sans-serif;
              max-width: 960px; margin: 2em auto; padding: 0 1em; }
            h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
            ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3em 1.5em; }
            ul.legend li::before { content: ""; display: inline-block; width: 1.6em; height: 0.25em;
              background: var(--c); margin-right: 0.5em; vertical-align: middle; }
            svg { width: 100%; height: auto; font: 13px system-ui, sans-serif; }
            svg text { fill: var(--ink); } .grid { stroke: var(--faint); stroke-width: 1; }
            .frame { fill: none; stroke: var(--ink); stroke-width: 1; }
            polyline { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
            .dashed polyline { stroke-dasharray: 7 4; } .dotted polyline { stroke-dasharray: 2 4; }
            circle { fill: var(--c); stroke: var(--c); stroke-width: 2; } circle.ring { fill: var(--paper); }
            table { border-collapse: collapse; font-size: 0.85em; display: block; overflow-x: auto; }
            th, td { text-align: right; padding: 0.25em 0.7em; border-bottom: 1px solid var(--faint);
              white-space: nowrap; }
            th:first-child, td:first-child, th:nth-child(3), td:nth-child(3) { text-align: left; }
            """
    }
}
