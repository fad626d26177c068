import CKernels
package import Files
import Shards
import Synchronization
package import Vectors

extension ListsPlan {
    /// Writes the file `lists`: see ``ListsFormat``.
    /// - Parameter stored: the rows as they were stored, in their new order; nil to read them where they were.
    package func write(
        to path: String, stored: (any VectorSource)? = nil, threads: Int = 1
    ) throws(BelfryError) {
        let rows = PlacedRows(stored ?? SelectedRows(source, order), space, center: mean)
        let encoder = try encoder(rows, threads: threads)
        let writer = try SegmentFileWriter(
            path, kind: ListsFormat.kind, version: ListsFormat.version, sections: ListsFormat.sections)
        try writer.begin("shape")
        try encoder.format.write(to: writer)
        try writer.begin("mean")
        for component in mean { try writer.write(component.bitPattern) }
        try writer.begin("starts")
        for start in starts { try writer.write(UInt32(start)) }
        try writer.begin("cells")
        try encoder.cells().withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        try writer.begin("blocks")
        // Some lists at a time, so that memory stays bounded whatever their number.
        for first in stride(from: 0, to: listCount, by: 256) {
            let lists = first..<min(first + 256, listCount)
            try encoder.blocks(of: lists, threads: threads).withBytes { bytes throws(BelfryError) in
                try writer.write(bytes)
            }
        }
        try writer.finish()
    }

    /// The encoder, with units in which every bias and scale is within f16.
    private func encoder(_ rows: PlacedRows, threads: Int) throws(BelfryError) -> ListsEncoder {
        let width = rows.dimension
        var longest: Float = 0
        for list in 0..<listCount {
            let centroid = centroids.pointer + list * width
            longest = max(longest, ListsEncoder.product(centroid, centroid, width))
        }
        let most = Mutex<Float>(0)
        let (centroids, starts) = (centroids, starts)
        try rows.forEachBlock(threads: threads) { first, block in
            var farthest: Float = 0
            var list = starts.partition(upTo: first)
            for place in 0..<block.rows {
                while first + place >= starts[list + 1] { list += 1 }
                let (row, centroid) = (block.pointer + place * width, centroids.pointer + list * width)
                var squares: Float = 0
                for i in 0..<width { squares += (row[i] - centroid[i]) * (row[i] - centroid[i]) }
                farthest = max(farthest, squares)
            }
            most.withLock { $0 = max($0, farthest) }
        }
        let farthest = most.withLock { $0 }
        // A code is never more than twice as long as what it stands for.
        let bias = farthest + 4 * farthest.squareRoot() * longest.squareRoot()
        let scale = 4 * farthest.squareRoot()
        return ListsEncoder(
            plan: self, rows: rows,
            format: ListsFormat(
                dimension: space.dimension, metric: space.metric, rowCount: order.count, listCount: listCount,
                largestSquare: space.largestSquare, biasUnit: Self.unit(bias), scaleUnit: Self.unit(scale)))
    }

    /// The power of two that brings `largest` between 2^13 and 2^14.
    private static func unit(_ largest: Float) -> Float {
        guard largest.isNormal, largest > 0x1p-100 else { return 1 }
        return Float(sign: .plus, exponent: largest.exponent - 13, significand: 1)
    }
}

/// Makes blocks of codes out of a plan.
struct ListsEncoder: Sendable {
    let plan: ListsPlan
    let rows: PlacedRows
    let format: ListsFormat

    static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        var sum: Float = 0
        for i in 0..<count { sum += a[i] * b[i] }
        return sum
    }

    /// The centroids' codes.
    func cells() -> [UInt8] {
        let (d, width) = (plan.space.dimension, rows.dimension)
        let writer = BlockWriter(bits: 8, dimension: d)
        var bytes = [UInt8](repeating: 0, count: ListsFormat.blocks(plan.listCount) * writer.blockBytes)
        var code = [UInt8](repeating: 0, count: d)
        bytes.withUnsafeMutableBufferPointer { bytes in
            code.withUnsafeMutableBufferPointer { code in
                guard let start = bytes.baseAddress, let code = code.baseAddress else { return }
                for index in 0..<ListsFormat.blocks(plan.listCount) * ListsFormat.blockRows {
                    let block = start + index / ListsFormat.blockRows * writer.blockBytes
                    let lane = index % ListsFormat.blockRows
                    guard index < plan.listCount else {
                        writer.put(bias: .infinity, scale: 0, lane: lane, into: block)
                        continue
                    }
                    let centroid = plan.centroids.pointer + index * width
                    let scale = belfry_fit_code(centroid, d, 8, code)
                    writer.put(code, lane: lane, into: block)
                    writer.put(bias: Self.product(centroid, centroid, width), scale: scale, lane: lane, into: block)
                }
            }
        }
        return bytes
    }

    /// The blocks of some lists.
    func blocks(of lists: Range<Int>, threads: Int) throws(BelfryError) -> [UInt8] {
        var places = [0]
        for list in lists {
            let rows = plan.starts[list + 1] - plan.starts[list]
            places.append(places.last! + ListsFormat.blocks(rows) * format.rowBlockBytes)
        }
        // Each list writes blocks of its own.
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: places.last!)
        bytes.initialize(repeating: 0)
        defer { bytes.deallocate() }
        guard let start = bytes.baseAddress else { return [] }
        nonisolated(unsafe) let first = start
        try WorkPool(threads: threads).run(lists.count, "build") { [places] worker in
            while worker.one({ index throws(BelfryError) in
                try encode(lists.lowerBound + index, into: first + places[index])
            }) {}
        }
        return Array(bytes)
    }

    private func encode(_ list: Int, into bytes: UnsafeMutablePointer<UInt8>) throws(BelfryError) {
        let width = rows.dimension
        let writer = BlockWriter(bits: 4, dimension: plan.space.dimension)
        let centroid = plan.centroids.pointer + list * width
        let (first, count) = (plan.starts[list], plan.starts[list + 1] - plan.starts[list])
        let own = Matrix(rows: min(count, PlacedRows.blockRows), columns: width)
        let code = Matrix(rows: 1, columns: (plan.space.dimension + 3) / 4)
        for index in 0..<ListsFormat.blocks(count) * ListsFormat.blockRows {
            let block = bytes + index / ListsFormat.blockRows * format.rowBlockBytes
            let lane = index % ListsFormat.blockRows
            guard index < count else {
                writer.put(bias: .infinity, scale: 0, lane: lane, into: block)
                continue
            }
            if index % PlacedRows.blockRows == 0 {
                try rows.copy(first + index..<first + min(count, index + PlacedRows.blockRows), into: own.pointer)
            }
            UnsafeMutableRawPointer(code.pointer).withMemoryRebound(to: UInt8.self, capacity: code.columns * 4) {
                put(own.pointer + index % PlacedRows.blockRows * width, centroid, code: $0, writer, lane, block)
            }
        }
    }

    /// Writes the code of one row, whose place the residual takes.
    private func put(
        _ residual: UnsafeMutablePointer<Float>, _ centroid: UnsafePointer<Float>, code: UnsafeMutablePointer<UInt8>,
        _ writer: BlockWriter, _ lane: Int, _ block: UnsafeMutablePointer<UInt8>
    ) {
        let (d, width) = (plan.space.dimension, rows.dimension)
        for i in 0..<width { residual[i] -= centroid[i] }
        let scale = belfry_fit_code(residual, d, 4, code)
        var bias = Self.product(residual, residual, width)
        for i in 0..<d { bias += 2 * centroid[i] * scale * (Float(code[i]) - 7.5) }
        for i in d..<width { bias += 2 * centroid[i] * residual[i] }
        writer.put(code, lane: lane, into: block)
        writer.put(bias: bias / format.biasUnit, scale: scale / format.scaleUnit, lane: lane, into: block)
    }
}

extension [Int] {
    /// The last place whose element is not above `value`; the elements grow, and the first is not above it.
    fileprivate func partition(upTo value: Int) -> Int {
        var (low, high) = (0, count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if self[middle] <= value { low = middle } else { high = middle }
        }
        return low
    }
}
