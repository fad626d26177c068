import Charts
import Foundation

/// A map as one SVG picture, for a text: axes, a legend, the points, and, where they are few, their titles.
package struct MapDrawing: Sendable {
    private let map: PointMap
    /// The picture's sides. The lower part of the left side is the legend's.
    private let width = 920.0
    private let height: Double
    private let frame: MapLabels.Box
    /// The middle of the plane, and pixels per unit along both axes.
    private let center: (x: Double, y: Double)
    private let scale: Double

    /// The most points whose titles are written.
    package static let maxWithTitles = 60

    /// The picture of a map.
    package init(_ map: PointMap) {
        self.map = map
        let top = 20 + Self.lineHeight * Double(Self.legendLines(map.colors).count)
        frame = MapLabels.Box(x: 62, y: top, width: width - 62 - 16, height: 520)
        height = top + 520 + 50
        let (xs, ys) = (map.points.map(\.x), map.points.map(\.y))
        let (left, right) = (xs.min() ?? 0, xs.max() ?? 0)
        let (low, high) = (ys.min() ?? 0, ys.max() ?? 0)
        center = ((left + right) / 2, (low + high) / 2)
        let room = map.points.count <= Self.maxWithTitles ? 0.82 : 0.94
        let fitting = min(room * frame.width / (right - left), room * frame.height / (high - low))
        scale = fitting.isFinite && fitting > 0 ? fitting : 100
    }

    /// The picture. Its colors follow the reader's choice of light or dark.
    package var svg: String {
        Drawing(
            width: width, height: height, label: map.summary, style: Self.style, elements: legend + grid + dots + titles
        ).svg
    }

    private static let style = """
        svg { font: 13px system-ui, "DejaVu Sans", sans-serif; --paper: #ffffff; --ink: #1c1c1c; --quiet: #5c5f66; --faint: #e4e4e4; }
        @media (prefers-color-scheme: dark) { svg { --paper: #16181c; --ink: #e8e8e8; --quiet: #a4a8b0; --faint: #2b2e34; } }
        .paper { fill: var(--paper); } text { fill: var(--ink); } .tick { fill: var(--quiet); font-size: 12px; }
        .title { stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; }
        .grid, .frame { fill: none; stroke: var(--faint); } .frame, .leader { stroke: var(--quiet); } .dot { stroke: var(--paper); }
        """

    // MARK: places

    private func x(_ value: Double) -> Double { frame.x + frame.width / 2 + (value - center.x) * scale }

    private func y(_ value: Double) -> Double { frame.y + frame.height / 2 - (value - center.y) * scale }

    private func place(_ point: PointMap.Point) -> (x: Double, y: Double) { (x(point.x), y(point.y)) }

    // MARK: axes

    private var grid: [String] {
        let step = LinearAxis.step(90 / scale)
        let (right, bottom) = (frame.x + frame.width, frame.y + frame.height)
        var lines: [String] = []
        for tick in LinearAxis.ticks(center.x, frame.width / 2 / scale, step) {
            lines.append(Markup.line((x(tick), frame.y), (x(tick), bottom), "grid"))
            lines.append(Self.text(Self.plain(tick), (x(tick), bottom + 17), "middle", "tick"))
        }
        for tick in LinearAxis.ticks(center.y, frame.height / 2 / scale, step) {
            lines.append(Markup.line((frame.x, y(tick)), (right, y(tick)), "grid"))
            lines.append(Self.text(Self.plain(tick), (frame.x - 6, y(tick) + 4), "end", "tick"))
        }
        let names = map.axes
        let middle = frame.y + frame.height / 2
        lines.append(
            "<rect class=\"frame\" x=\"\(Markup.number(frame.x))\" y=\"\(Markup.number(frame.y))\" width=\""
                + "\(Markup.number(frame.width))\" height=\"\(Markup.number(frame.height))\" />")
        lines.append(Self.text(names[0], (frame.x + frame.width / 2, height - 10), "middle"))
        lines.append(
            Self.text(names[1], (16, middle), "middle", turn: " transform=\"rotate(-90 16 \(Markup.number(middle)))\""))
        return lines
    }

    // MARK: legend

    private static let lineHeight = 24.0

    /// The entries of the legend, in lines that are not too long.
    private static func legendLines(_ colors: MapColors) -> [[Int]] {
        switch colors.kind {
        case .plain: return []
        case .ramp: return [[]]
        case .groups(let groups, _):
            var lines: [[Int]] = [[]]
            var used = 0.0
            for index in groups.indices {
                let width = entryWidth(groups[index])
                if used + width > 840, !(lines.last?.isEmpty ?? true) {
                    lines.append([])
                    used = 0
                }
                lines[lines.count - 1].append(index)
                used += width
            }
            return lines
        }
    }

    private static func entryWidth(_ group: MapColors.Group) -> Double { MapLabels.width(name(group)) + 42 }

    private static func name(_ group: MapColors.Group) -> String {
        shortened(group.name, to: 40) + " (\(group.count))"
    }

    private var legend: [String] {
        switch map.colors.kind {
        case .plain: return []
        case .ramp(let ramp, _):
            let labels = ramp.labels
            let start = frame.x + 12 + MapLabels.width(labels[0]) + MapLabels.width(map.colors.field ?? "")
            let bars = (0..<40).map { step in
                "<rect x=\"\(Markup.number(start + Double(step) * 5))\" y=\"11\" width=\"5.5\" height=\"14\" fill=\""
                    + Palette.color(at: (Double(step) + 0.5) / 40) + "\" />"
            }
            return bars + [
                Self.text("\(map.colors.field ?? ""): \(labels[0])", (start - 8, 23), "end"),
                Self.text(labels[1], (start + 208, 23), "start"),
            ]
        case .groups(let groups, _):
            return Self.legendLines(map.colors).enumerated().flatMap { line, entries in
                var left = frame.x
                return entries.flatMap { index in
                    defer { left += Self.entryWidth(groups[index]) }
                    let style = groups[index].style
                    let color = style.map { Palette.dots[$0 % Palette.dots.count] } ?? Palette.gray
                    let middle = 18 + Self.lineHeight * Double(line)
                    return [
                        Self.mark(
                            (left + 6, middle), 5.5, color, isDiamond: (style ?? 0) >= Palette.dots.count, nil),
                        Self.text(Self.name(groups[index]), (left + 18, middle + 5), "start"),
                    ]
                }
            }
        }
    }

    // MARK: points

    private var dots: [String] {
        let radius = map.points.count > 2_000 ? 2.4 : map.points.count > Self.maxWithTitles ? 3.5 : 5.5
        return map.points.indices.map { index in
            let point = map.points[index]
            return Self.mark(
                place(point), radius, map.colors.color(of: index), isDiamond: map.colors.isDiamond(index),
                point.title)
        }
    }

    private var titles: [String] {
        guard map.points.count <= Self.maxWithTitles else { return [] }
        let texts = map.points.map { Self.shortened($0.title, to: 56) }
        let places = map.points.map(place)
        let labels = MapLabels.placed(texts, at: places, inside: frame)
        return labels.indices.flatMap { index in
            let (box, dot) = (labels[index].box, places[index])
            let text = Self.text(texts[index], (box.x, box.y + 12), "start", "title")
            guard labels[index].isFar else { return [text] }
            let end = (
                x: min(max(dot.x, box.x), box.x + box.width), y: min(max(dot.y, box.y), box.y + box.height)
            )
            return [Markup.line(dot, end, "leader"), text]
        }
    }

    // MARK: markup

    private static func mark(
        _ place: (x: Double, y: Double), _ radius: Double, _ color: String, isDiamond: Bool, _ title: String?
    ) -> String {
        let end = title.map { "><title>\(Markup.escaped(shortened($0, to: 200)))</title></" } ?? ""
        let name = isDiamond ? "path" : "circle"
        let (x, y, r) = (place.x, place.y, 1.25 * radius)
        let shape =
            isDiamond
            ? "d=\"M\(Markup.number(x)) \(Markup.number(y - r))L\(Markup.number(x + r)) \(Markup.number(y))L\(Markup.number(x)) \(Markup.number(y + r))"
                + "L\(Markup.number(x - r)) \(Markup.number(y))Z\""
            : "cx=\"\(Markup.number(x))\" cy=\"\(Markup.number(y))\" r=\"\(Markup.number(radius))\""
        return "<\(name) class=\"dot\" \(shape) fill=\"\(color)\"" + (end.isEmpty ? " />" : end + name + ">")
    }

    private static func text(
        _ text: String, _ place: Markup.Place, _ anchor: String, _ style: String? = nil, turn: String = ""
    ) -> String { Markup.text(text, place, anchor: anchor, style: style, turn) }

    private static func shortened(_ text: String, to limit: Int) -> String {
        text.count > limit ? text.prefix(limit - 1) + "…" : text
    }

    /// `0.2`, `-15`.
    private static func plain(_ value: Double) -> String { String(format: "%.6g", abs(value) < 1e-12 ? 0 : value) }
}
