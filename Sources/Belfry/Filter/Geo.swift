import Files
import Foundation

/// A place on the earth, in degrees.
public struct GeoPoint: Hashable, Sendable {
    /// Degrees north, -90...90.
    public let latitude: Double
    /// Degrees east, -180...180.
    public let longitude: Double

    /// A place; nil where it is none, or not a number.
    public init?(latitude: Double, longitude: Double) {
        guard abs(latitude) <= 90, abs(longitude) <= 180 else { return nil }
        (self.latitude, self.longitude) = (latitude, longitude)
    }

    /// The place that a payload's value says, wherever it is: `{"lat": …, "lon": …}`.
    init?(payload value: JSON) {
        guard let latitude = value["lat"]?.number, let longitude = value["lon"]?.number else { return nil }
        (self.latitude, self.longitude) = (latitude, longitude)
    }

    /// A place of which nothing was checked.
    init(uncheckedLatitude latitude: Double, longitude: Double) {
        (self.latitude, self.longitude) = (latitude, longitude)
    }

    /// Meters along the great circle, on a sphere of the earth's mean radius (haversine).
    public func distance(to place: GeoPoint) -> Double {
        func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }
        let (north, east) = (
            sin(radians(place.latitude - latitude) / 2), sin(radians(place.longitude - longitude) / 2)
        )
        let square = north * north + cos(radians(latitude)) * cos(radians(place.latitude)) * east * east
        return 2 * 6_371_008.8 * asin(square.squareRoot())
    }
}

/// What lies between two parallels and two meridians, without its edges. It may cross the 180th meridian: then its left
/// edge has the greater longitude.
public struct GeoBox: Hashable, Sendable {
    /// The northwestern corner.
    public var topLeft: GeoPoint
    /// The southeastern corner.
    public var bottomRight: GeoPoint

    /// A box by its corners.
    public init(topLeft: GeoPoint, bottomRight: GeoPoint) {
        (self.topLeft, self.bottomRight) = (topLeft, bottomRight)
    }

    /// Whether a place lies in the box.
    public func contains(_ place: GeoPoint) -> Bool {
        let (left, right) = (topLeft.longitude, bottomRight.longitude)
        let (isEast, isWest) = (place.longitude > left, place.longitude < right)
        return (left > right ? isEast || isWest : isEast && isWest) && place.latitude > bottomRight.latitude
            && place.latitude < topLeft.latitude
    }
}

/// What is nearer to a place than some meters.
public struct GeoRadius: Hashable, Sendable {
    /// The middle.
    public var center: GeoPoint
    /// How far it reaches, in meters; what is exactly as far is outside.
    public var meters: Double

    /// A circle.
    public init(center: GeoPoint, meters: Double) { (self.center, self.meters) = (center, meters) }

    /// Whether a place lies in the circle.
    public func contains(_ place: GeoPoint) -> Bool { center.distance(to: place) < meters }
}

/// What a ring of places encloses, but for holes. Edges are straight in latitude and longitude, and belong to the outside.
public struct GeoPolygon: Hashable, Sendable {
    /// The ring around it; the last place is the first one again.
    public let exterior: [GeoPoint]
    /// The rings of its holes, closed, too.
    public let interiors: [[GeoPoint]]

    /// A polygon; nil where a ring has less than four places, or is not closed.
    public init?(exterior: [GeoPoint], interiors: [[GeoPoint]] = []) {
        guard ([exterior] + interiors).allSatisfy({ $0.count >= 4 && $0.first == $0.last }) else { return nil }
        (self.exterior, self.interiors) = (exterior, interiors)
    }

    /// Whether a place lies in the polygon.
    public func contains(_ place: GeoPoint) -> Bool {
        Self.side(of: exterior, place) == .inside && interiors.allSatisfy { Self.side(of: $0, place) == .outside }
    }

    private enum Side { case inside, edge, outside }

    /// By how many edges a line from the place to the east crosses, up or down (winding number).
    private static func side(of ring: [GeoPoint], _ place: GeoPoint) -> Side {
        var turns = 0
        for (start, end) in zip(ring, ring.dropFirst()) {
            let (low, high) = (min(start.latitude, end.latitude), max(start.latitude, end.latitude))
            guard place.latitude >= low, place.latitude <= high else { continue }
            let cross =
                (end.longitude - start.longitude) * (place.latitude - start.latitude)
                - (place.longitude - start.longitude) * (end.latitude - start.latitude)
            if cross == 0, place.longitude >= min(start.longitude, end.longitude),
                place.longitude <= max(start.longitude, end.longitude)
            {
                return .edge
            }
            if start.latitude <= place.latitude, end.latitude > place.latitude, cross > 0 {
                turns += 1
            } else if start.latitude > place.latitude, end.latitude <= place.latitude, cross < 0 {
                turns -= 1
            }
        }
        return turns == 0 ? .outside : .inside
    }
}
