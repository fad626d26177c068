import Files
import Vectors

/// The rows of a source as a space places them: see ``Space``. They are placed when they are read.
struct PlacedRows: VectorSource {
    private let source: any VectorSource
    private let space: Space
    /// What is taken off the first components; empty for nothing.
    private let center: [Float]

    init(_ source: any VectorSource, _ space: Space, center: [Float] = []) {
        (self.source, self.space, self.center) = (source, space, center)
    }

    var rowCount: Int { source.rowCount }
    var dimension: Int { space.placedDimension }

    func copy(
        _ numbers: UnsafeBufferPointer<UInt32>, into target: UnsafeMutablePointer<Float>
    ) throws(BelfryError) {
        let (width, given) = (dimension, space.dimension)
        // Where nothing is added to a row, it is placed where it lies.
        let room = width == given ? nil : Matrix(rows: numbers.count, columns: given)
        let rows = room?.pointer ?? target
        try source.copy(numbers, into: rows)
        for place in 0..<numbers.count {
            let placed = target + place * width
            space.place(row: rows + place * given, into: placed)
            for index in center.indices { placed[index] -= center[index] }
        }
    }

    /// The mean of all rows, summed in their order.
    func mean() throws(BelfryError) -> [Float] {
        let width = dimension
        var sums = [Double](repeating: 0, count: width)
        try forEachRow { _, components in
            sums.withUnsafeMutableBufferPointer { sums in
                for index in 0..<width { sums[index] += Double(components[index]) }
            }
        }
        return sums.map { Float($0 / Double(max(1, rowCount))) }
    }
}
