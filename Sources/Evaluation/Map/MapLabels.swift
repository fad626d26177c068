/// Places for the titles of few points: beside their points, on top of nothing where that can be.
///
/// A title may stand at eight sides of its point, near it or, with a line to it, farther off. One title after another
/// takes the place that covers least; then each looks again, now that all others stand.
struct MapLabels {
    /// A place on the picture, from its top left corner.
    struct Box: Equatable {
        var x, y, width, height: Double

        /// The area that two boxes share.
        func overlap(_ other: Box) -> Double {
            let across = min(x + width, other.x + other.width) - max(x, other.x)
            let down = min(y + height, other.y + other.height) - max(y, other.y)
            return max(0, across) * max(0, down)
        }
    }

    /// A title's place.
    struct Label {
        var box: Box
        /// Whether a line must lead to the point.
        var isFar: Bool
    }

    /// A label for each text, whose point lies at the same place of `dots`.
    static func placed(_ texts: [String], at dots: [(x: Double, y: Double)], inside frame: Box) -> [Label] {
        let marks = dots.map { Box(x: $0.x - 6, y: $0.y - 6, width: 12, height: 12) }
        var labels = [Label?](repeating: nil, count: texts.count)
        for _ in 0..<4 {
            for index in texts.indices {
                let others = labels.enumerated().compactMap { $0 == index ? nil : $1?.box }
                labels[index] = best(width(texts[index]), dots[index], others, marks, frame)
            }
        }
        return labels.compactMap(\.self)
    }

    private static let height = 16.0

    private static func best(
        _ width: Double, _ dot: (x: Double, y: Double), _ labels: [Box], _ marks: [Box], _ frame: Box
    ) -> Label? {
        var best: (label: Label, cost: Double)?
        for (step, gap) in [8.0, 20, 34, 50].enumerated() {
            for (order, corner) in corners(width, dot, gap).enumerated() {
                let box = Box(x: corner.x, y: corner.y, width: width, height: height)
                var cost = Double(30 * step + 2 * order)
                for label in labels { cost += 40 * box.overlap(label) }
                for mark in marks { cost += 8 * box.overlap(mark) }
                cost += 1_000 * (width * height - box.overlap(frame)) / height
                if cost < best?.cost ?? .infinity { best = (Label(box: box, isFar: step > 0), cost) }
            }
        }
        return best?.label
    }

    /// Top left corners at the eight sides: right, left, above, below, and between them.
    private static func corners(
        _ width: Double, _ dot: (x: Double, y: Double), _ gap: Double
    ) -> [(x: Double, y: Double)] {
        let near = 0.7 * gap
        return [
            (dot.x + gap, dot.y - height / 2), (dot.x - gap - width, dot.y - height / 2),
            (dot.x - width / 2, dot.y - gap - height), (dot.x - width / 2, dot.y + gap),
            (dot.x + near, dot.y - near - height), (dot.x + near, dot.y + near),
            (dot.x - near - width, dot.y - near - height), (dot.x - near - width, dot.y + near),
        ]
    }

    /// About how wide a text is in a sans-serif font of 13 pixels: no font is at hand to ask.
    static func width(_ text: String) -> Double {
        text.unicodeScalars.reduce(0) { sum, scalar in
            let share: Double =
                switch scalar {
                case "i", "l", "j", "t", "f", "r", " ", ".", ",", "'", "’", "!", "|", ":", ";", "(", ")", "-": 0.36
                case "m", "w", "M", "W", "@", "%", "…": 0.94
                case "A"..."Z", "&", "#": 0.7
                case _ where scalar.value >= 0x1100: 1
                default: 0.6
                }
            return sum + 13 * share
        }
    }
}
