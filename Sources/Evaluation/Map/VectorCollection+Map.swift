package import Belfry
package import Files
import Shards
import Vectors

extension VectorCollection {
    /// The collection, or a sample of it, on a plane.
    ///
    /// Two collections of the same points give the same sample, whatever their towers and their indexes.
    /// - Throws: `invalidInput` for a payload field that no point has; `corruptData` with the place.
    package func map(_ options: PointMap.Options = .init()) throws(BelfryError) -> PointMap {
        precondition(options.sample > 0)
        let view = view
        let drawn = try sample(view, options.sample, seed: options.seed)
        let vectors = try vectors(of: drawn, view)
        var payloads: [JSON] = []
        var names: [String] = []
        guard let points = try view.storedPoints(drawn.map(\.id)) else {
            throw BelfryError(
                .conflict, "The collection was written to while it was drawn.", at: .init(file: path),
                remedy: "Run the command again.")
        }
        for point in points {
            payloads.append(try point.payload())
            names.append(point.name)
        }
        if let title = options.title { try MapColors.require(title, in: payloads) }
        let title = options.title ?? configuration.show.first
        let colors = try MapColors(options.color, of: payloads)

        let components = PrincipalComponents(of: vectors, count: 2)
        let places = components.coordinates(of: vectors).map { $0 + [0, 0] }
        let near = neighbors(vectors)
        let drawing = drawn.indices.map { index in
            let text = title.flatMap { payloads[index][$0] }.map(Self.title) ?? ""
            return PointMap.Point(
                name: names[index], id: drawn[index].id.json(named: names[index]),
                title: text.isBlank ? names[index] : text, payload: payloads[index],
                x: places[index][0], y: places[index][1], near: near[index])
        }
        let shares = components.shares + [0, 0]
        return PointMap(
            collection: configuration.name, count: view.count, dimension: mapped.dimension,
            metric: mapped.metric.rawValue, seed: options.seed, points: drawing,
            shares: (shares[0], shares[1]),
            colors: colors, cohesion: colors.cohesion(vectors, near))
    }

    /// A payload value as one text.
    private static func title(_ value: JSON) -> String {
        switch value {
        case .null: ""
        case .array(let elements): elements.map(title).joined(separator: ", ")
        default: MapColors.text(value)
        }
    }

    /// The vectors that are drawn: of several kinds those without a name, or else the first.
    private var mappedPlace: Int { (try? configuration.place(ofSpace: "")) ?? 0 }
    private var mapped: VectorSpace { configuration.spaces[mappedPlace] }

    // MARK: the sample

    private typealias Drawn = (id: PointID, place: PointPlace)

    /// At most `wanted` points, each as likely as any other, in the order of their ids.
    private func sample(_ view: View, _ wanted: Int, seed: UInt64) throws(BelfryError) -> [Drawn] {
        let all = try view.places(in: mappedPlace).sorted { $0.id < $1.id }
        guard wanted < all.count else { return all }
        var random = SplitMix64(seed: seed)
        var (needed, left) = (wanted, all.count)
        // Selection sampling (Knuth, The Art of Computer Programming 2, algorithm S).
        return all.filter { _ in
            defer { left -= 1 }
            guard Int.random(in: 0..<left, using: &random) < needed else { return false }
            needed -= 1
            return true
        }
    }

    /// The vectors of the points, a row each; of unit length under cosine.
    private func vectors(of drawn: [Drawn], _ view: View) throws(BelfryError) -> Matrix {
        let matrix = Matrix(rows: drawn.count, columns: mapped.dimension)
        for (index, point) in drawn.enumerated() {
            let vector = try view.vector(at: point.place).dense ?? []
            let scale = mapped.metric == .cosine ? MapColors.scale(vector) : 1
            for (column, value) in vector.enumerated() { matrix.row(index)[column] = Float(Double(value) * scale) }
        }
        return matrix
    }

    /// For each row the five others that are nearest.
    private func neighbors(_ vectors: Matrix) -> [[PointMap.Neighbor]] {
        let rows = vectors.rows
        guard rows <= PointMap.maxWithNeighbors else { return [[PointMap.Neighbor]](repeating: [], count: rows) }
        let kernel = DistanceKernel(metric: mapped.metric)
        let distances = Matrix(rows: 1, columns: rows)
        return (0..<rows).map { row in
            let query = kernel.prepare(vectors.pointer + row * vectors.columns, dimension: vectors.columns)
            kernel.distances(to: query, rows: vectors.pointer, count: rows, into: distances.pointer)
            var nearest = TopK(5)
            for other in 0..<rows where other != row { nearest.offer(UInt32(other), distances.pointer[other]) }
            return nearest.sorted.map {
                .init(index: Int($0.row), score: mapped.metric.score($0.distance))
            }
        }
    }
}
