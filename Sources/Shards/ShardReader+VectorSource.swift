public import Files
public import Vectors

extension ShardReader: VectorSource {
    /// Copies some rows, widened to f32. Whole blocks that are asked for in their order are decoded once.
    public func copy(
        _ numbers: UnsafeBufferPointer<UInt32>, into target: UnsafeMutablePointer<Float>
    ) throws(BelfryError) {
        let scratch = Scratch()
        var place = 0
        while place < numbers.count {
            let number = Int(numbers[place])
            precondition(number < rowCount, "a row of this shard")
            let block = rows(ofBlock: number / rowsPerBlock)
            let room = UnsafeMutableBufferPointer(
                start: target + place * dimension, count: (numbers.count - place) * dimension)
            if number == block.lowerBound, place + block.count <= numbers.count,
                (1..<block.count).allSatisfy({ Int(numbers[place + $0]) == number + $0 })
            {
                try decodeBlock(number / rowsPerBlock, into: room, scratch)
                place += block.count
            } else {
                try copyRow(number, into: UnsafeMutableBufferPointer(rebasing: room[..<dimension]), scratch)
                place += 1
            }
        }
    }
}
