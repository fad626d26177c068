import Charts

extension BenchPlot {
    /// Both charts as one SVG drawing with title and legend, for a text.
    package var svg: String {
        let notes = [subtitle, String(disturbance.drop { $0 == " " })].filter { !$0.isEmpty }
        let top = 46 + 18 * Double(notes.count)
        let (width, chart, head) = (860.0, 440.0, top + 18 * Double(series.count))
        let height = head + 2 * (chart + 20)
        func text(_ text: String, _ y: Double, _ attributes: String = "", x: Double = 12) -> String {
            "<text x=\"\(Markup.number(x))\" y=\"\(Markup.number(y))\"\(attributes)>\(Markup.escaped(text))</text>"
        }
        func placed(_ chart: BenchChart, _ y: Double) -> String {
            chart.svg(" y=\"\(Markup.number(y))\" width=\"860\" height=\"440\"")
        }
        let legend = series.enumerated().map { index, series in
            let y = top + 18 * Double(index)
            return "<g class=\"\(Self.style(index))\"><circle cx=\"18\" cy=\"\(Markup.number(y))\" r=\"4\" />"
                + text(series.name, y + 4, x: 30) + "</g>"
        }
        return Drawing(
            width: width, height: height, label: title, style: Self.chartStyle,
            elements: [text(title, 24, " class=\"title\"")]
                + notes.enumerated().map { text($1, 44 + 18 * Double($0)) } + legend
                + [placed(speed, head), placed(latency, head + chart + 20)]
        ).svg
    }
}
