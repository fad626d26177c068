import Charts
import Files
import Foundation

/// A map as one HTML page that needs nothing from elsewhere: a canvas to pan and zoom, cards, a search, a legend.
///
/// The points are in the page as JSON. No text of theirs is ever markup: in the JSON every `<` is escaped, so that no
/// script can end early, and the script writes texts as text. A policy in the page's head forbids it to load anything.
package struct MapPage: Sendable {
    private let map: PointMap
    /// Characters of a payload text that the page keeps.
    private static let longestText = 400
    /// Characters of a value that the legend keeps.
    private static let longestName = 80

    /// The page of a map.
    package init(_ map: PointMap) { self.map = map }

    /// The page.
    package var html: String {
        let body = """
            <header>
            <h1>\(Markup.escaped(map.collection))</h1>
            <p>\(Markup.escaped(map.caption))</p>
            </header>
            <div class="tools">
            <input id="search" type="search" placeholder="Search titles and fields" aria-label="Search titles and fields" autocomplete="off" spellcheck="false" />
            <span id="found" role="status" aria-live="polite"></span>
            <span class="zoom">
            <button id="closer" type="button" aria-label="Zoom in">+</button>
            <button id="farther" type="button" aria-label="Zoom out">−</button>
            <button id="whole" type="button">Whole map</button>
            </span>
            </div>
            <main>
            <div id="frame">
            <canvas id="map" tabindex="0" role="img" aria-label="\(Markup.escaped(map.summary)) Arrow keys move it, plus and minus zoom, 0 shows all. Search and press Enter to go through the points."></canvas>
            <div id="hover" class="card" hidden="hidden"></div>
            </div>
            <aside>
            <section id="legend" aria-label="Legend"></section>
            <section id="pinned" aria-label="Chosen point" aria-live="polite"></section>
            </aside>
            </main>
            <noscript>The map needs scripts to be allowed. A picture without any: belfry map --out map.svg.</noscript>
            <script type="application/json" id="data">\(Self.inScript(data))</script>
            <script>
            \(Self.script)
            </script>
            """
        return Page(
            title: "\(map.collection): map", style: Self.style,
            // The page's own style and script, and nothing from elsewhere.
            policy: "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'", body: body
        ).html
    }

    // MARK: the data

    /// JSON that can stand in a script element: no `<` in it can end the element or begin a comment.
    static func inScript(_ json: JSON) -> String {
        json.text().replacing("<", with: "\\u003c").replacing(">", with: "\\u003e").replacing("&", with: "\\u0026")
            .replacing("\u{2028}", with: "\\u2028").replacing("\u{2029}", with: "\\u2029")
    }

    /// Column by column, which is shorter than point by point.
    private var data: JSON {
        let points = map.points
        let members: [String: JSON] = [
            "x": Self.numbers(points.map(\.x)), "y": Self.numbers(points.map(\.y)),
            "ids": Self.texts(points.map(\.name)), "titles": Self.texts(points.map { Self.cut($0.title) }),
            "payloads": .array(points.map { Self.shown($0.payload) }),
            "near": .array(points.map { Self.integers($0.near.map(\.index)) }),
            "scores": .array(points.map { Self.numbers($0.near.map { Double($0.score) }) }),
            "score": .string(map.scoreName), "axes": Self.texts(map.axes), "colors": colors,
            "hues": Self.texts(Palette.dots), "stops": Self.texts(Palette.ramp),
        ]
        return .object(members)
    }

    private var colors: JSON {
        let field = JSON.string(map.colors.field ?? "")
        switch map.colors.kind {
        case .plain: return ["kind": "plain"]
        case .groups(let groups, let places):
            return [
                "kind": "groups", "field": field, "of": Self.integers(places), "groups": .array(groups.map(Self.json)),
            ]
        case .ramp(let ramp, let values):
            let numbers = values.map { $0.map { JSON.number($0) } ?? .null }
            return [
                "kind": "ramp", "field": field, "low": .number(ramp.low), "high": .number(ramp.high),
                "ends": Self.texts(ramp.labels), "of": .array(numbers),
            ]
        }
    }

    private static func json(_ group: MapColors.Group) -> JSON {
        let style = group.style.map { JSON.integer(Int64($0)) } ?? .null
        return [
            "name": .string(cut(group.name, to: longestName)), "count": .integer(Int64(group.count)), "style": style,
        ]
    }

    private static func texts(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }

    private static func integers(_ integers: [Int]) -> JSON { .array(integers.map { .integer(Int64($0)) }) }

    /// Six digits suffice on any screen.
    private static func numbers(_ numbers: [Double]) -> JSON {
        .array(numbers.map { $0.isFinite ? .number(Double(String(format: "%.6g", $0)) ?? 0) : .null })
    }

    private static func cut(_ text: String, to length: Int = longestText) -> String {
        text.count > length ? text.prefix(length) + "…" : text
    }

    /// Each field as the card shows it.
    private static func shown(_ payload: JSON) -> JSON {
        .array(
            payload.names.compactMap { name in
                guard let value = payload[name], value != .null else { return nil }
                let text = value.array.map { $0.map(MapColors.text).joined(separator: ", ") } ?? MapColors.text(value)
                return .array([.string(name), .string(cut(text))])
            })
    }
}

extension PointMap {
    /// What the axes are called.
    var axes: [String] {
        zip(["first", "second"], [shares.x, shares.y]).map {
            "\($0) component: \(String(format: "%.1f", 100 * $1)) % of the variance"
        }
    }

    /// What scores are called.
    var scoreName: String { metric == "l2" ? "distance" : metric == "ip" ? "inner product" : "cosine" }

    /// How much is shown of what.
    var caption: String {
        let shown =
            points.count < count
            ? "\(Self.grouped(points.count)) of \(Self.grouped(count)) points"
            : Self.grouped(count) + (count == 1 ? " point" : " points")
        let share = String(format: "%.1f", 100 * (shares.x + shares.y))
        let field = colors.field.map { ", colored by \($0)" } ?? ""
        return "\(shown) of \(dimension) components\(field). The plane holds \(share) % of their variance."
    }

    /// The picture in a sentence.
    var summary: String { "Scatter plot of \(collection): \(caption)" }

    static func grouped(_ number: Int) -> String { ProgressLine.grouped(number) }
}

extension MapColors.Ramp {
    /// What stands at the two ends of the scale.
    var labels: [String] {
        func text(_ value: Double) -> String { String(format: "%.6g", value) }
        return [(range.lowerBound < low ? "≤ " : "") + text(low), (range.upperBound > high ? "≥ " : "") + text(high)]
    }
}
