import Foundation

/// Text and numbers as SVG and HTML write them, and the two elements that every chart is made of.
package enum Markup {
    /// Text that cannot be taken for markup, nor leave an attribute.
    package static func escaped(_ text: String) -> String {
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

    /// A length in pixels, to a tenth.
    package static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    /// A place on a drawing, from its top left corner.
    package typealias Place = (x: Double, y: Double)

    /// A straight line; `style` names its class.
    package static func line(_ a: Place, _ b: Place, _ style: String) -> String {
        "<line class=\"\(style)\" x1=\"\(number(a.x))\" y1=\"\(number(a.y))\" x2=\"\(number(b.x))\" y2=\"\(number(b.y))\" />"
    }

    /// A line of text at a place.
    /// - Parameters:
    ///   - anchor: `start`, `middle` or `end`: which part of the text stands at the place.
    ///   - style: the element's class.
    ///   - attributes: more of the element's, each with a space before it.
    package static func text(
        _ text: String, _ place: Place, anchor: String, style: String? = nil, _ attributes: String = ""
    ) -> String {
        let style = style.map { " class=\"\($0)\"" } ?? ""
        return "<text\(style) x=\"\(number(place.x))\" y=\"\(number(place.y))\" text-anchor=\"\(anchor)\"\(attributes)>"
            + "\(escaped(text))</text>"
    }
}
