import Charts
package import Files

/// How a payload field colors the points of a map.
///
/// Numbers make a ramp. Any other values make groups: the twelve most frequent ones have a style each, the rest are
/// gray. Of a list the first element counts.
package struct MapColors: Sendable {
    /// A value and its points.
    package struct Group: Sendable {
        /// The value; nil for the rest, which are "others", and for points that have none.
        package let name: String
        /// The number of the style; nil for gray.
        package let style: Int?
        /// How many points.
        package fileprivate(set) var count: Int
    }

    /// Numbers from the color of `low` to that of `high`; what lies beyond has the color of the end.
    package struct Ramp: Sendable {
        /// The value at the first color.
        package let low: Double
        /// The value at the last color.
        package let high: Double
        /// The least and the greatest value that there is.
        package let range: ClosedRange<Double>
    }

    /// Either groups, or a ramp, or one color.
    package enum Kind: Sendable {
        /// All points alike.
        case plain
        /// Groups in the order of the legend, and for each point its place among them.
        case groups([Group], of: [Int])
        /// A ramp, and for each point its number.
        case ramp(Ramp, [Double?])
    }

    /// The payload field.
    package let field: String?
    /// The value of each point that counts; nil where it has none.
    package let values: [JSON?]
    /// What follows from the values.
    package let kind: Kind

    /// How many values have a style of their own.
    static let styles = 12

    /// The colors of points with these payloads.
    /// - Throws: `invalidInput` where no payload has the field; it names those that there are.
    init(_ field: String?, of payloads: [JSON]) throws(BelfryError) {
        self.field = field
        guard let field else {
            (values, kind) = (payloads.map { _ in nil }, .plain)
            return
        }
        try Self.require(field, in: payloads)
        let values = payloads.map { Self.value($0[field]) }
        self.values = values
        let numbers = values.map { $0?.number }
        let isNumeric = zip(values, numbers).allSatisfy { ($0 == nil) == ($1 == nil) }
        let present = numbers.compactMap(\.self)
        kind = isNumeric && !present.isEmpty ? .ramp(Self.ramp(present), numbers) : Self.groups(values)
    }

    /// Throws unless one of the payloads has `field`, or there are none.
    static func require(_ field: String, in payloads: [JSON]) throws(BelfryError) {
        if payloads.isEmpty || payloads.contains(where: { $0[field] != nil }) { return }
        let known = payloads.flatMap(\.names).withoutRepeats.sorted()
        throw BelfryError(
            .invalidInput, "No point of the map has a payload field \(field.debugDescription).",
            remedy: known.isEmpty ? "The points have no payload." : "The fields are: \(known.joined(separator: ", ")).")
    }

    /// The value that counts: of a list the first element; a blank text is none.
    private static func value(_ value: JSON?) -> JSON? {
        switch value {
        case .null: nil
        case .string(let text)? where text.isBlank: nil
        case .array(let elements): elements.first.flatMap { Self.value($0) }
        default: value
        }
    }

    private static func ramp(_ values: [Double]) -> Ramp {
        let sorted = values.sorted()
        // A few values far out would leave all others one color.
        func quantile(_ share: Double) -> Double { sorted[Int((share * Double(sorted.count - 1)).rounded())] }
        return Ramp(low: quantile(0.02), high: quantile(0.98), range: sorted[0]...sorted[sorted.count - 1])
    }

    private static func groups(_ values: [JSON?]) -> Kind {
        var counts: [UTF8Key: Int] = [:]
        for case let value? in values { counts[UTF8Key(text(value)), default: 0] += 1 }
        let ordered = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        var groups = ordered.prefix(styles).enumerated().map {
            Group(name: $1.key.text, style: $0, count: $1.value)
        }
        let places = Dictionary(uniqueKeysWithValues: groups.enumerated().map { (UTF8Key($1.name), $0) })
        let rest = ordered.dropFirst(styles)
        var (others, none) = (0, 0)
        if !rest.isEmpty {
            others = groups.count
            groups.append(
                Group(
                    name: rest.count == 1 ? "1 other value" : "\(rest.count) other values", style: nil,
                    count: rest.reduce(0) { $0 + $1.value }))
        }
        let missing = values.count { $0 == nil }
        if missing > 0 {
            none = groups.count
            groups.append(Group(name: "no value", style: nil, count: missing))
        }
        return .groups(groups, of: values.map { $0.map { places[UTF8Key(text($0))] ?? others } ?? none })
    }

    /// A value as the legend shows it.
    static func text(_ value: JSON) -> String { value.string ?? value.text() }
}

extension MapColors {
    /// The color of a point in a picture that is drawn once.
    func color(of index: Int) -> String {
        switch kind {
        case .plain: return Palette.dots[0]
        case .groups(let groups, let places):
            return groups[places[index]].style.map { Palette.dots[$0 % Palette.dots.count] } ?? Palette.gray
        case .ramp(let ramp, let values):
            guard let value = values[index] else { return Palette.gray }
            return Palette.color(at: ramp.share(of: value))
        }
    }

    /// Whether a point is drawn as a diamond: the second round of the colors.
    func isDiamond(_ index: Int) -> Bool {
        guard case .groups(let groups, let places) = kind else { return false }
        return (groups[places[index]].style ?? 0) >= Palette.dots.count
    }
}

extension MapColors.Ramp {
    /// How far a value is on the way from low to high, from 0 to 1.
    func share(of value: Double) -> Double {
        guard high > low else { return 0.5 }
        // Halves: the distance of two numbers may be beyond f64.
        return min(1, max(0, (value / 2 - low / 2) / (high / 2 - low / 2)))
    }
}
