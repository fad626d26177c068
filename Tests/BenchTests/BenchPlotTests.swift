import Charts
import Foundation
import TestSupport
import Testing

@testable import Bench

private func point(
    _ recall: Double, _ qps: Double, target: Double? = nil, latency: BenchReport.Latency? = nil, wait: Double? = nil
) -> BenchReport.Point {
    BenchReport.Point(
        target: target, parameter: "pool=<8>", recall: recall, qps: qps, slowestQPS: qps * 0.9,
        fastestQPS: qps * 1.1, latency: latency ?? .init(p50: 1e6 / qps, p95: 2e6 / qps, p99: 3e6 / qps),
        evaluations: 100, bytes: nil, wait: wait)
}

/// What is wrong with a page's markup, if anything: every tag closed in its order, every attribute quoted.
private func markupProblem(_ page: String) -> String? {
    var open: [String] = []
    var rest = page[...]
    while let start = rest.firstIndex(of: "<") {
        if rest[..<start].contains(">") { return "a bare > before \(rest[start...].prefix(40))" }
        guard let end = rest[start...].firstIndex(of: ">") else { return "an open tag at the end" }
        var tag = rest[rest.index(after: start)..<end]
        rest = rest[rest.index(after: end)...]
        if tag.hasPrefix("!DOCTYPE") { continue }
        if tag.hasPrefix("/") {
            guard open.popLast() == String(tag.dropFirst()) else { return "</\(tag.dropFirst())> closes another tag" }
            continue
        }
        let isWhole = tag.hasSuffix("/")
        if isWhole { tag = tag.dropLast() }
        let name = String(tag.prefix { $0.isLetter || $0.isNumber })
        let pattern = /(\s+[a-zA-Z][a-zA-Z0-9-]*="[^"<]*")*\s*/
        guard tag.dropFirst(name.count).wholeMatch(of: pattern) != nil else { return "attributes of <\(tag)>" }
        if !isWhole { open.append(name) }
    }
    let entities = /&(?!(amp|lt|gt|quot);)/
    if page.firstMatch(of: entities) != nil { return "a bare &" }
    return open.isEmpty ? nil : "\(open) stay open"
}

@Suite struct BenchPlotTests {
    @Test func thePageIsWellFormedAndStandsAlone() {
        let series = [
            BenchPlot.Series(
                name: "belfry \"hnsw\" & <co>", points: [point(0.8, 50_000), point(0.97, 9_000, target: 0.95)]),
            BenchPlot.Series(name: "peer\u{1}", points: [point(0.9, 20_000), point(1, 300)]),
        ]
        for shown in [series, [], [BenchPlot.Series(name: "none", points: [])]] {
            let page = BenchPlot(title: "a < b & \"c\"", subtitle: "2 > 1", series: shown).html
            #expect(markupProblem(page) == nil)
            let drawing = BenchPlot(title: "a < b & \"c\"", subtitle: "2 > 1", series: shown).svg
            #expect(markupProblem(drawing) == nil && drawing.hasPrefix("<svg xmlns="))
            #expect(!drawing.contains("<script") && !drawing.contains("url("))
            #expect(!page.contains("<script") && !page.contains("http") && !page.contains("url("))
            #expect(page.contains("prefers-color-scheme: dark"))
        }
        let page = BenchPlot(title: "t", subtitle: "s", series: series).html
        // A dot for each point: one in the chart of speed, three in that of latency; and a row in the table.
        #expect(page.count(of: "<circle") == 4 * 4 && page.count(of: "<tr>") == 5)
        #expect(
            page.contains(
                "<title>belfry &quot;hnsw&quot; &amp; &lt;co&gt;, pool=&lt;8&gt;, target 0.95: recall 0.9700, 9000 queries/s</title>"
            ))
        #expect(page.contains("p99 10000 µs</title>"))
        #expect(markupProblem("<p><b></p></b>") != nil && markupProblem("<p a=b></p>") != nil)
    }

    @Test func dotsStandAtTheirPlaces() throws {
        let plot = BenchPlot(
            title: "", subtitle: "",
            series: [.init(name: "a", points: [point(0.99, 1_000), point(0.9, 10_000), point(1, 100, target: 1)])])
        let chart = plot.speed
        // The axes: recall from the mark below 0.9 to 1, speed from the mark below 100 to the one above 10,000.
        #expect(chart.x(0.8) == 80 && chart.x(1) == 840 && chart.y(50) == 388 && chart.y(20_000) == 12)
        // Equal factors of speed are equal steps.
        #expect(abs((chart.y(100) - chart.y(1_000)) - (chart.y(1_000) - chart.y(10_000))) < 1e-9)
        let share = log10((0.2 + 0.001) / (0.01 + 0.001)) / log10((0.2 + 0.001) / 0.001)
        #expect(abs(chart.x(0.99) - (80 + share * 760)) < 1e-9)
        #expect(chart.x(0.9) < chart.x(0.99) && chart.x(0.99) < chart.x(0.999) && chart.x(0.999) < chart.x(1))
        // The line goes from the least recall to the greatest.
        let dots = [(0.9, 10_000), (0.99, 1_000), (1, 100)] as [(Double, Double)]
        let places = dots.map { "\(Markup.number(chart.x($0.0))),\(Markup.number(chart.y($0.1)))" }
        #expect(chart.svg().contains("<polyline points=\"\(places.joined(separator: " "))\" />"))
        #expect(chart.svg().count(of: "class=\"ring\"") == 1)
        #expect(
            chart.svg().contains(
                "<circle cx=\"840.0\" cy=\"\(Markup.number(chart.y(100)))\" r=\"6\" class=\"ring\">"))
    }

    /// The line is the frontier; what is beaten stands beside it. Scan, spread, names and disturbance are drawn.
    @Test func theFrontierIsDrawn() throws {
        let points = [
            point(0.9, 10_000), point(0.95, 4_000), point(0.93, 3_000, wait: 1.9), point(0.99, 1_000, target: 0.99),
            point(0.99, 1_000), point(0.99, 500), point(0.5, 10_000, wait: 1.1),
        ]
        let series = BenchPlot.Series(name: "a", points: points, scan: point(1, 70))
        let plot = BenchPlot(title: "", subtitle: "", series: [series])
        let (chart, svg) = (plot.speed, plot.speed.svg())
        let frontier = [(0.9, 10_000), (0.95, 4_000), (0.99, 1_000), (0.99, 1_000)] as [(Double, Double)]
        let places = frontier.map { "\(Markup.number(chart.x($0.0))),\(Markup.number(chart.y($0.1)))" }
        #expect(svg.contains("<polyline points=\"\(places.joined(separator: " "))\" />"))
        #expect(svg.count(of: "<circle") == 7 && svg.count(of: "beaten") == 3)
        #expect(svg.count(of: "class=\"spread\"") == 7 && svg.count(of: "pool=&lt;8&gt;</text>") == 3)
        #expect(svg.count(of: "disturbed\"") == 1 && svg.contains("the clock ran 1.9 times as long as the work"))
        #expect(svg.contains("every row: 70 queries/s</text>") && svg.count(of: "class=\"level\"") == 1)
        let (low, high) = (chart.y(9_000), chart.y(11_000))
        #expect(
            svg.contains(
                "y1=\"\(Markup.number(low))\" x2=\"\(Markup.number(chart.x(0.9)))\" y2=\"\(Markup.number(high))\""
            ))
        #expect(plot.latency.svg().contains("every row: p50 14286 µs"))
        #expect(markupProblem(plot.html) == nil && plot.html.contains("A dashed dot") == false)
        #expect(plot.html.contains("At a dashed dot") && plot.html.contains("<tr class=\"disturbed\">"))
        let quiet = BenchPlot(title: "", subtitle: "", series: [.init(name: "a", points: [point(0.9, 10, wait: 1.2)])])
        #expect(!quiet.html.contains("At a dashed dot"))
    }

    @Test func figuresThatCannotBeDrawnAreLeftOut() {
        let odd = [point(.nan, 10), point(0.9, 0), point(0.9, .infinity), point(0, 1e-9), point(1, 1e12), point(1, 7)]
        let page = BenchPlot(title: "", subtitle: "", series: [.init(name: "odd", points: odd)])
        #expect(page.speed.svg().count(of: "<circle") == 3)
        #expect(!page.speed.svg().contains("nan") || page.speed.svg().contains("title"))
        #expect(!page.latency.svg().contains("\"nan") && !page.latency.svg().contains("\"inf"))
    }
}

extension String {
    fileprivate func count(of part: String) -> Int { components(separatedBy: part).count - 1 }
}
