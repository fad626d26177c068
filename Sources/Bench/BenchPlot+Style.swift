import Charts

extension BenchPlot {
    /// Of the page around the charts.
    static let pageStyle = """
        body { background: var(--paper); color: var(--ink); font: 16px/1.45 system-ui, sans-serif;
          max-width: 960px; margin: 2em auto; padding: 0 1em; }
        h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
        ul.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.3em 1.5em; }
        ul.legend li::before { content: ""; display: inline-block; width: 1.6em; height: 0.25em;
          background: var(--c); margin-right: 0.5em; vertical-align: middle; }
        svg { width: 100%; height: auto; }
        table { border-collapse: collapse; font-size: 0.85em; display: block; overflow-x: auto; }
        th, td { text-align: right; padding: 0.25em 0.7em; border-bottom: 1px solid var(--faint);
          white-space: nowrap; }
        th:first-child, td:first-child, th:nth-child(3), td:nth-child(3) { text-align: left; }
        tr.disturbed { font-style: italic; }
        """

    /// Of the charts, in light and dark.
    static var chartStyle: String {
        let light = Palette.lines.enumerated().map { ".s\($0) { --c: \($1.light); }" }.joined(separator: "\n")
        let dark = Palette.lines.enumerated().map { ".s\($0) { --c: \($1.dark); }" }.joined(separator: "\n")
        return """
            :root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1c1c; --faint: #d8d8d8; }
            \(light)
            @media (prefers-color-scheme: dark) {
            :root { --paper: #16181c; --ink: #e8e8e8; --faint: #3a3d44; }
            \(dark)
            }
            svg { font: 13px system-ui, sans-serif; }
            svg text { fill: var(--ink); } .grid { stroke: var(--faint); stroke-width: 1; }
            svg text.label { fill: var(--c); font-size: 11px; } svg text.title { font-size: 18px; }
            .frame { fill: none; stroke: var(--ink); stroke-width: 1; } .paper { fill: var(--paper); }
            polyline { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
            .dashed polyline { stroke-dasharray: 7 4; } .dotted polyline { stroke-dasharray: 2 4; }
            line.spread { stroke: var(--c); stroke-width: 1.5; opacity: 0.6; }
            line.level { stroke: var(--c); stroke-width: 1.5; stroke-dasharray: 10 5; }
            circle { fill: var(--c); stroke: var(--c); stroke-width: 2; } circle.ring { fill: var(--paper); }
            circle.beaten { opacity: 0.35; } circle.disturbed { fill: var(--paper); stroke-dasharray: 2 2; }
            """
    }
}
