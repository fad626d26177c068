package import Files

/// Points of a collection on a plane, by the two directions in which their vectors vary most.
///
/// 1. ``VectorCollection/map(_:)`` draws a sample, finds its principal components, and looks up the points' payload.
/// 2. ``MapColors`` decides by a payload field how the points are colored.
/// 3. ``MapPage`` makes a page to explore of it, ``MapDrawing`` a picture for a text.
///
/// A plane shows part of the vectors' variance only: ``shares`` says how much. ``Point/near`` and ``cohesion`` are of
/// the vectors themselves.
package struct PointMap: Sendable {
    /// What to draw.
    package struct Options: Sendable {
        /// The most points; a larger collection is sampled.
        package var sample = 5_000
        /// What the sample's random numbers start from.
        package var seed: UInt64 = 1
        /// The payload field that colors the points; nil for one color.
        package var color: String?
        /// The payload field that names a point; nil for the first one that the collection shows, or else the id.
        package var title: String?

        /// The usual ones.
        package init() {}
    }

    /// A point of the sample.
    package struct Point: Sendable {
        /// The id as the rows wrote it.
        package let name: String
        /// The id in JSON: a number, or a text.
        package let id: JSON
        /// What a person calls the point.
        package let title: String
        /// The payload: a JSON object.
        package let payload: JSON
        /// Along the first component, from the sample's center.
        package let x: Double
        /// Along the second component.
        package let y: Double
        /// The points of the sample that are nearest in full dimension, at most five, nearest first, with their scores;
        /// empty where the sample has more than ``PointMap/maxWithNeighbors`` points.
        package let near: [Neighbor]
    }

    /// Another point of the sample, by its place in ``PointMap/points``.
    package struct Neighbor: Sendable {
        /// The place.
        package let index: Int
        /// The score in the collection's metric.
        package let score: Float
    }

    /// How like each other points with the same value are, in full dimension: means over pairs of the cosine.
    package struct Cohesion: Sendable {
        /// Pairs that share their value; nil where there are none.
        package let within: Double?
        /// Pairs that do not.
        package let between: Double?
        /// Points whose nearest point has their value, and points that could have one; nil without neighbors.
        package let nearest: (same: Int, of: Int)?
    }

    /// The largest sample whose neighbors are looked up.
    package static let maxWithNeighbors = 5_000

    /// The collection's name.
    package let collection: String
    /// How many points the collection has.
    package let count: Int
    /// Components of a vector.
    package let dimension: Int
    /// How vectors are compared: `cosine`, where they were brought to unit length first, `ip` or `l2`.
    package let metric: String
    /// What the sample's random numbers started from.
    package let seed: UInt64
    /// The sample, in the order of the ids.
    package let points: [Point]
    /// The share of the variance along x and along y.
    package let shares: (x: Double, y: Double)
    /// How the points are colored.
    package let colors: MapColors
    /// How well the values that color the points hold together; nil for numbers and for one color.
    package let cohesion: Cohesion?
}

extension PointMap {
    /// Coordinates, titles and colors for programs. Nearest points are named by their ids.
    package var json: JSON {
        var members: [String: JSON] = [
            "collection": .string(collection), "count": .integer(Int64(count)), "dimension": .integer(Int64(dimension)),
            "metric": .string(metric), "seed": .unsigned(seed),
            "variance": .array([.number(shares.x), .number(shares.y)]),
            "points": .array(points.indices.map(json)),
        ]
        if let field = colors.field { members["color_by"] = .string(field) }
        if let cohesion {
            members["cosine_within"] = cohesion.within.map { .number($0) } ?? .null
            members["cosine_between"] = cohesion.between.map { .number($0) } ?? .null
            if let nearest = cohesion.nearest {
                members["nearest_of_same_value"] = .integer(Int64(nearest.same))
                members["nearest_compared"] = .integer(Int64(nearest.of))
            }
        }
        return .object(members)
    }

    private func json(_ index: Int) -> JSON {
        let point = points[index]
        var members: [String: JSON] = [
            "id": point.id, "title": .string(point.title), "x": .number(point.x), "y": .number(point.y),
            "near": .array(
                point.near.map { .object(["id": points[$0.index].id, "score": .shortest($0.score)]) }),
        ]
        if colors.field != nil { members["value"] = colors.values[index] ?? .null }
        return .object(members)
    }
}
