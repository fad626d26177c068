import Files
import Shards
import Vectors

/// Rows out of several shards, in an order of their own, as the source of a new segment: they are read when they are needed.
struct SegmentRows: VectorSource {
    /// Where a row is, and whose it is.
    struct Place: Sendable {
        var id: PointID
        /// Which of the shards, and the row there.
        var shard: UInt32
        var row: UInt32
        var slot: Slot
    }

    let shards: [ShardReader]
    let places: ArraySlice<Place>
    let dimension: Int

    init(_ places: ArraySlice<Place>, of shards: [ShardReader], dimension: Int) {
        (self.places, self.shards, self.dimension) = (places, shards, dimension)
    }

    var rowCount: Int { places.count }

    func place(_ row: Int) -> Place { places[places.startIndex + row] }

    func copy(
        _ numbers: UnsafeBufferPointer<UInt32>, into target: UnsafeMutablePointer<Float>
    ) throws(BelfryError) {
        let scratch = ShardReader.Scratch()
        for (index, number) in numbers.enumerated() {
            let place = place(Int(number))
            try shards[Int(place.shard)].copyRow(
                Int(place.row),
                into: UnsafeMutableBufferPointer(start: target + index * dimension, count: dimension), scratch)
        }
    }
}
