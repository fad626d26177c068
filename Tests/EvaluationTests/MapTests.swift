import Charts
import Files
import Foundation
import TestSupport
import Testing

@testable import Evaluation

/// A map of points with these payloads at random places.
private func map(
    _ payloads: [JSON], title: String = "title", color: String? = nil, near: Bool = true
) throws -> PointMap {
    var random = SeededGenerator()
    let points = payloads.indices.map { index in
        PointMap.Point(
            name: "p-\(index)", id: .string("p-\(index)"), title: payloads[index][title]?.string ?? "p-\(index)",
            payload: payloads[index], x: Double(random.gaussian()), y: Double(random.gaussian()),
            near: near && index > 0 ? [.init(index: index - 1, score: 0.5)] : [])
    }
    return PointMap(
        collection: "a <b> & \"c\"", count: points.count, dimension: 3, metric: "cosine", seed: 1, points: points,
        shares: (0.5, 0.25), colors: try MapColors(color, of: payloads), cohesion: nil)
}

/// The JSON in a page.
private func data(_ page: String) throws -> JSON {
    let start = try #require(page.range(of: "id=\"data\">")?.upperBound)
    let end = try #require(page[start...].range(of: "</script>")?.lowerBound)
    return try JSON(parsing: Data(page[start..<end].utf8), source: "page")
}

@Suite struct MapTests {
    /// Numbers whose distance is beyond f64 have a ramp like any others; values that look the same are two.
    @Test func valuesOfAnySize() throws {
        let payloads: [JSON] = [-1e308, 1e308, 0, 1e-308].map { ["n": .number($0), "title": "x"] }
        let drawn = try map(payloads, color: "n")
        #expect(MapDrawing(drawn).svg.contains("</svg>") && MapPage(drawn).html.contains("</html>"))
        guard case .ramp(let ramp, _) = drawn.colors.kind else { throw CancellationError() }
        #expect(abs(ramp.share(of: 0) - 0.5) < 0.01)
        let words = try map([["n": "caf\u{e9}"], ["n": "cafe\u{301}"], ["n": "caf\u{e9}"]], color: "n")
        guard case .groups(let groups, _) = words.colors.kind else { throw CancellationError() }
        #expect(groups.map(\.count) == [2, 1])
    }

    private static let hostile = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> & \u{2028} \"'"

    @Test func thePageStandsAlone() throws {
        let page = MapPage(try map([["title": "lamp", "link": "plain"], ["title": "desk"]], color: "title")).html
        // The only slashes side by side are the script's comments.
        let text = page.replacing(#/\n *// /#, with: "\n")
        for word in ["http", "//", "src=", "href=", "@import", "url(", "fetch(", "import("] {
            // The policy's own attribute is called http-equiv.
            #expect(!text.replacing("http-equiv", with: "").contains(word), "\(word)")
        }
        #expect(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"))
        for label in ["type=\"search\"", "aria-label=\"Search titles", "aria-live", "role=\"img\"", "tabindex=\"0\""] {
            #expect(page.contains(label), "\(label)")
        }
    }

    @Test func textsOfPointsAreNeverMarkup() throws {
        let payload: JSON = .object(["title": .string(Self.hostile), Self.hostile: .string(Self.hostile)])
        let hostile = try map([payload, ["title": "desk"]], color: Self.hostile)
        let page = MapPage(hostile).html
        #expect(
            page.components(separatedBy: "<script").count == 3 && page.components(separatedBy: "</script").count == 3)
        #expect(!page.contains("<img") && !page.contains("<!--") && !page.contains("a <b>"))
        // The script reads what was written.
        let data = try data(page)
        #expect(data["titles"]?.array?.first == .string(Self.hostile))
        #expect(data["payloads"]?.array?.first?.array?.first?.array == [.string(Self.hostile), .string(Self.hostile)])
        #expect(data["colors"]?["field"] == .string(Self.hostile))
        let drawing = MapDrawing(hostile).svg
        #expect(!drawing.contains("<script") && !drawing.contains("<img") && drawing.contains("&lt;/script&gt;"))
        // No text of a point becomes markup on its way through the script, either.
        for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            #expect(!page.contains(way), "\(way)")
        }
    }

    /// A build refuses to make an empty collection; what is deleted later can leave one.
    @Test func noPointsMakeAPage() throws {
        let empty = try map([], color: "kind")
        let data = try data(MapPage(empty).html)
        #expect(data["x"]?.array == [] && data["colors"]?["groups"]?.array == [])
        #expect(empty.json["points"]?.array == [] && empty.caption.hasPrefix("0 points of 3 components"))
    }

    @Test func longTextsAreCut() throws {
        let data = try data(
            MapPage(try map([["title": "a", "text": .string(String(repeating: "x", count: 9_000))]])).html)
        let text = data["payloads"]?.array?[0].array?[0].array?[1].string
        #expect(text?.count == 401 && text?.hasSuffix("…") == true)
    }

    /// A legend stays one, whatever the values are.
    @Test func theLegendIsShort() throws {
        let long = String(repeating: "long ", count: 100)
        let payloads: [JSON] = (0..<4_000).map { ["kind": .string("\($0) \(long)")] }
        let map = try map(payloads + [["kind": .string(long)], ["kind": .string(long)]], color: "kind")
        let groups = try data(MapPage(map).html)["colors"]?["groups"]?.array ?? []
        #expect(groups.count == 13 && groups[0]["count"] == 2 && groups[12]["name"] == "3989 other values")
        #expect(groups.allSatisfy { ($0["name"]?.string?.count ?? 0) <= 81 })
        let svg = MapDrawing(map).svg
        #expect(svg.components(separatedBy: "(1)").count == 12 && svg.contains("…"))
    }

    @Test func twelveValuesHaveStylesOfTheirOwn() throws {
        var payloads: [JSON] = []
        for value in 0..<15 {
            for _ in 0..<(20 - value) {
                payloads.append(["kind": .string("v\(value)"), "list": [.string("v\(value)"), "x"]])
            }
        }
        payloads += [["kind": .null], ["kind": " \n", "list": []], [:]]
        for field in ["kind", "list"] {
            guard case .groups(let groups, let places) = try MapColors(field, of: payloads).kind else {
                Issue.record("no groups")
                return
            }
            #expect(groups.map(\.name) == (0..<12).map { "v\($0)" } + ["3 other values", "no value"])
            #expect(groups.map(\.style) == Array(0..<12) + [nil, nil])
            #expect(groups.map(\.count) == (0..<12).map { 20 - $0 } + [8 + 7 + 6, 3])
            #expect(places.first == 0 && places.suffix(4) == [12, 13, 13, 13])
            #expect(
                zip(groups.indices, groups).allSatisfy { index, group in places.count { $0 == index } == group.count })
        }
        // Values that are as frequent come in the order of their names.
        guard case .groups(let groups, _) = try MapColors("a", of: [["a": "z"], ["a": "b"], ["a": true]]).kind else {
            return
        }
        #expect(groups.map(\.name) == ["b", "true", "z"])
    }

    @Test func numbersMakeARamp() throws {
        let payloads: [JSON] =
            (0..<100).map { ["price": .number(Double($0) + 0.5)] } + [["price": 1_000_000], ["x": 1]]
        let colors = try MapColors("price", of: payloads)
        guard case .ramp(let ramp, let values) = colors.kind else {
            Issue.record("no ramp")
            return
        }
        #expect(ramp.low == 2.5 && ramp.high == 98.5 && ramp.range == 0.5...1_000_000)
        #expect(ramp.labels == ["≤ 2.5", "≥ 98.5"] && values.count == 102 && values[101] == nil)
        #expect(ramp.share(of: -5) == 0 && ramp.share(of: 50.5) == 0.5 && ramp.share(of: 1e9) == 1)
        #expect(colors.color(of: 0) == Palette.ramp.first && colors.color(of: 100) == Palette.ramp.last)
        #expect(colors.color(of: 101) == "#8c8c8c")
        // One number, and a number among words.
        guard case .ramp(let one, _) = try MapColors("a", of: [["a": 3]]).kind else { return }
        #expect(one.share(of: 3) == 0.5 && one.labels == ["3", "3"])
        guard case .groups = try MapColors("a", of: [["a": 3], ["a": "x"]]).kind else {
            Issue.record("no groups")
            return
        }
    }

    @Test func anUnknownFieldNamesThoseThatThereAre() throws {
        let error = try #require(throws: BelfryError.self) { try MapColors("color", of: [["b": 1], ["a": 2]]) }
        #expect(error.message.contains("\"color\"") && error.remedy == "The fields are: a, b.")
        #expect(try MapColors("color", of: []).values.isEmpty)
    }

    @Test func titlesDoNotCoverEachOtherWhereThereIsRoom() throws {
        var random = SeededGenerator()
        let frame = MapLabels.Box(x: 60, y: 40, width: 840, height: 520)
        let dots = (0..<14).map { _ in
            (x: Double.random(in: 80...880, using: &random), y: Double.random(in: 60...540, using: &random))
        }
        let texts = dots.indices.map { String(repeating: "word ", count: 2 + $0 % 5) }
        let labels = MapLabels.placed(texts, at: dots, inside: frame)
        #expect(labels.count == 14)
        for (index, label) in labels.enumerated() {
            #expect(label.box.overlap(frame) >= label.box.width * label.box.height - 1e-6, "\(random)")
            for other in labels[(index + 1)...] { #expect(label.box.overlap(other.box) == 0, "\(random)") }
        }
        // All at one place: nothing is lost, and nothing hangs.
        #expect(MapLabels.placed(texts, at: dots.map { _ in (x: 300, y: 300) }, inside: frame).count == 14)
    }

    @Test func theDrawingIsXML() throws {
        let payloads: [JSON] = (0..<70).map {
            ["title": .string("point <\($0)> & \u{1}"), "kind": .integer($0 % 15), "word": .string("w\($0 % 15)")]
        }
        for count in [0, 1, 11, 70] {
            for color in [nil, "kind", "word"] where count > 0 || color == nil {
                let svg = MapDrawing(try map(Array(payloads.prefix(count)), color: color)).svg
                let parser = XMLChecker(svg)
                #expect(parser.problem == nil, "\(parser.problem ?? "")")
                #expect(svg.components(separatedBy: "class=\"title\"").count - 1 == (count <= 60 ? count : 0))
                #expect(svg.components(separatedBy: "</title>").count - 1 == count)
                #expect(!svg.contains("nan") && !svg.contains("inf"))
            }
        }
    }
}

/// Whether every tag of a text is closed in its order.
private struct XMLChecker {
    var problem: String?

    init(_ text: String) {
        var open: [Substring] = []
        for match in text.matches(of: /<(\/?)([a-z]+)([^<>]*?)(\/?)>/) {
            if match.4 == "/" { continue }
            if match.1.isEmpty {
                open.append(match.2)
            } else if open.popLast() != match.2 {
                problem = "\(match.0) closes another tag"
            }
        }
        if !open.isEmpty { problem = "\(open) stay open" }
        if text.firstMatch(of: /&(?!(amp|lt|gt|quot);)/) != nil { problem = "a bare &" }
    }
}
