import Files
import Vectors

extension MapColors {
    /// One over a vector's length; zero for a zero vector.
    static func scale(_ vector: some Sequence<Float>) -> Double {
        let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return length > 0 ? 1 / length : 0
    }

    /// How like each other the vectors of a value are.
    ///
    /// Over all pairs of a group the products of unit vectors add up to half of the squared length of their sum, less
    /// the vectors' own: pairs need not be gone through.
    func cohesion(_ vectors: Matrix, _ near: [[PointMap.Neighbor]]) -> PointMap.Cohesion? {
        guard case .groups = kind else { return nil }
        let dimension = vectors.columns
        let names = values.map { $0.map { UTF8Key(Self.text($0)) } }
        let zero = [Double](repeating: 0, count: dimension)
        var sums: [UTF8Key: (sum: [Double], own: Double, count: Double)] = [:]
        var all = (sum: zero, own: 0.0, count: 0.0)
        for case (let index, let name?) in names.enumerated() {
            let scale = Self.scale(vectors.row(index))
            var group = sums.removeValue(forKey: name) ?? (zero, 0, 0)
            for column in 0..<dimension {
                let value = Double(vectors.pointer[index * dimension + column]) * scale
                group.sum[column] += value
                all.sum[column] += value
            }
            let own = scale > 0 ? 1.0 : 0
            (group.own, group.count) = (group.own + own, group.count + 1)
            (all.own, all.count) = (all.own + own, all.count + 1)
            sums[name] = group
        }
        func pairs(_ group: (sum: [Double], own: Double, count: Double)) -> (products: Double, count: Double) {
            ((group.sum.reduce(0) { $0 + $1 * $1 } - group.own) / 2, group.count * (group.count - 1) / 2)
        }
        // In the order of the names: sums of floating-point numbers depend on theirs.
        let within = sums.sorted { $0.key < $1.key }.map { pairs($0.value) }
            .reduce((0.0, 0.0)) { ($0.0 + $1.products, $0.1 + $1.count) }
        let whole = pairs(all)
        let between = (whole.products - within.0, whole.count - within.1)
        let compared = names.indices.filter { index in
            guard let nearest = near[index].first, let name = names[index], names[nearest.index] != nil else {
                return false
            }
            return (sums[name]?.count ?? 0) > 1
        }
        let same = compared.count { names[near[$0][0].index] == names[$0] }
        return PointMap.Cohesion(
            within: within.1 > 0 ? within.0 / within.1 : nil, between: between.1 > 0 ? between.0 / between.1 : nil,
            nearest: compared.isEmpty ? nil : (same, compared.count))
    }
}
