import Foundation

/// Colors that most readers can tell apart, on light and on dark paper.
package enum Palette {
    /// Of lines and their labels. Okabe and Ito's colors, which color-blind readers can tell apart, those on white darkened
    /// to be legible.
    package static let lines: [(light: String, dark: String)] = [
        ("#0072b2", "#56b4e9"), ("#d55e00", "#ff8a3d"), ("#008562", "#1fc99a"), ("#b3478c", "#e58fc3"),
        ("#8a6d00", "#f0e442"), ("#3d3d3d", "#d0d0d0"), ("#6a3fb5", "#b79cf2"), ("#a02020", "#ff7b7b"),
    ]

    /// Of dots. Okabe and Ito's colors, without black and yellow, which vanish on dark or on light paper. Readers who see
    /// few colors can tell these six apart.
    package static let dots = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]

    /// Of a dot that belongs to nothing.
    package static let gray = "#8c8c8c"

    /// A ramp: viridis from 0.2 to 0.9 (Smith and van der Walt, 2015): the same steps to every reader, visible on both
    /// papers.
    package static let ramp = ["#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26"]

    /// The color of the ramp at a share of its way, from 0 to 1.
    package static func color(at share: Double) -> String {
        let place = share * Double(ramp.count - 1)
        let first = min(ramp.count - 2, Int(place))
        let part = place - Double(first)
        func channel(_ text: String, _ index: Int) -> Double {
            Double(Int(text.dropFirst(1 + 2 * index).prefix(2), radix: 16) ?? 0)
        }
        return "#"
            + (0..<3).map { index in
                let value = channel(ramp[first], index) * (1 - part) + channel(ramp[first + 1], index) * part
                return String(format: "%02x", Int(value.rounded()))
            }.joined()
    }
}
