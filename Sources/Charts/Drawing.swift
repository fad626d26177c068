/// An SVG drawing that stands for itself: its style, the paper, and what is drawn on it.
package struct Drawing {
    /// The sides in pixels.
    private let (width, height): (Double, Double)
    /// What a reader who cannot see it is told.
    private let label: String
    private let style: String
    /// From the bottom up.
    private let elements: [String]

    /// A drawing.
    package init(width: Double, height: Double, label: String, style: String, elements: [String]) {
        (self.width, self.height, self.label, self.style, self.elements) = (width, height, label, style, elements)
    }

    /// The file's text.
    package var svg: String {
        let (wide, high) = (Markup.number(width), Markup.number(height))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(wide) \(high)" width="\(wide)" height="\(high)" role="img" aria-label="\(Markup.escaped(label))">
            <style>
            \(style)
            </style>
            <rect class="paper" width="\(wide)" height="\(high)" />
            \(elements.joined(separator: "\n"))
            </svg>

            """
    }
}
