extension BenchPlot {
    /// Both charts as one SVG drawing with title and legend, for a text.
    public var svg: String {
        let notes = [subtitle, String(disturbance.drop { $0 == " " })].filter { !$0.isEmpty }
        let top = 46 + 18 * Double(notes.count)
        let (width, chart, head) = (860.0, 440.0, top + 18 * Double(series.count))
        let height = head + 2 * (chart + 20)
        func text(_ text: String, _ y: Double, _ attributes: String = "", x: Double = 12) -> String {
            "<text x=\"\(BenchChart.number(x))\" y=\"\(BenchChart.number(y))\"\(attributes)>\(Self.escaped(text))</text>"
        }
        func placed(_ chart: BenchChart, _ y: Double) -> String {
            chart.svg(" y=\"\(BenchChart.number(y))\" width=\"860\" height=\"440\"")
        }
        let legend = series.enumerated().map { index, series in
            let y = top + 18 * Double(index)
            return "<g class=\"\(Self.style(index))\"><circle cx=\"18\" cy=\"\(BenchChart.number(y))\" r=\"4\" />"
                + text(series.name, y + 4, x: 30) + "</g>"
        }
        let (wide, high) = (BenchChart.number(width), BenchChart.number(height))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(wide) \(high)" width="\(wide)" height="\(high)" role="img" aria-label="\(Self.escaped(title))">
            <style>
            \(Self.chartStyle)
            </style>
            <rect class="paper" width="\(wide)" height="\(high)" />
            \(text(title, 24, " class=\"title\""))
            \(notes.enumerated().map { text($1, 44 + 18 * Double($0)) }.joined(separator: "\n"))
            \(legend.joined(separator: "\n"))
            \(placed(speed, head))
            \(placed(latency, head + chart + 20))
            </svg>

            """
    }
}
