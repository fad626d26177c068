import CKernels
package import Files
import Shards
import Vectors

extension ListsPlan {
    /// Writes the file `lists`: see ``ListsFormat``.
    package func write(to path: String, threads: Int = 1) throws(BelfryError) {
        let encoder = encoder()
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
    private func encoder() -> ListsEncoder {
        let width = placed.columns
        var (farthest, longest): (Float, Float) = (0, 0)
        for list in 0..<listCount {
            let centroid = centroids.pointer + list * width
            longest = max(longest, ListsEncoder.product(centroid, centroid, width))
            for new in starts[list]..<starts[list + 1] {
                let row = placed.pointer + Int(positions[new]) * width
                var squares: Float = 0
                for i in 0..<width { squares += (row[i] - centroid[i]) * (row[i] - centroid[i]) }
                farthest = max(farthest, squares)
            }
        }
        // A code is never more than twice as long as what it stands for.
        let bias = farthest + 4 * farthest.squareRoot() * longest.squareRoot()
        let scale = 4 * farthest.squareRoot()
        return ListsEncoder(
            plan: self,
            format: ListsFormat(
                dimension: dimension, metric: metric, rowCount: order.count, listCount: listCount,
                largestSquare: largestSquare,
                biasUnit: Self.unit(bias), scaleUnit: Self.unit(scale)))
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
    let format: ListsFormat

    static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        var sum: Float = 0
        for i in 0..<count { sum += a[i] * b[i] }
        return sum
    }

    /// The centroids' codes.
    func cells() -> [UInt8] {
        let (d, width) = (plan.dimension, plan.placed.columns)
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
    func blocks(of lists: Range<Int>, threads: Int) -> [UInt8] {
        var places = [0]
        for list in lists {
            let rows = plan.starts[list + 1] - plan.starts[list]
            places.append(places.last! + ListsFormat.blocks(rows) * format.rowBlockBytes)
        }
        var bytes = [UInt8](repeating: 0, count: places.last!)
        bytes.withUnsafeMutableBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return }
            // Each list writes blocks of its own.
            nonisolated(unsafe) let first = start
            WorkPool(threads: threads).forEach(lists.count) { [places] index, _ in
                encode(lists.lowerBound + index, into: first + places[index])
            }
        }
        return bytes
    }

    private func encode(_ list: Int, into bytes: UnsafeMutablePointer<UInt8>) {
        let (d, width) = (plan.dimension, plan.placed.columns)
        let writer = BlockWriter(bits: 4, dimension: d)
        let centroid = plan.centroids.pointer + list * width
        let (first, count) = (plan.starts[list], plan.starts[list + 1] - plan.starts[list])
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { residual in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: d) { code in
                let (residual, code) = (residual.baseAddress!, code.baseAddress!)
                for index in 0..<ListsFormat.blocks(count) * ListsFormat.blockRows {
                    let block = bytes + index / ListsFormat.blockRows * format.rowBlockBytes
                    let lane = index % ListsFormat.blockRows
                    guard index < count else {
                        writer.put(bias: .infinity, scale: 0, lane: lane, into: block)
                        continue
                    }
                    let row = plan.placed.pointer + Int(plan.positions[first + index]) * width
                    for i in 0..<width { residual[i] = row[i] - centroid[i] }
                    let scale = belfry_fit_code(residual, d, 4, code)
                    var bias = Self.product(residual, residual, width)
                    for i in 0..<d { bias += 2 * centroid[i] * scale * (Float(code[i]) - 7.5) }
                    for i in d..<width { bias += 2 * centroid[i] * residual[i] }
                    writer.put(code, lane: lane, into: block)
                    writer.put(
                        bias: bias / format.biasUnit, scale: scale / format.scaleUnit, lane: lane, into: block)
                }
            }
        }
    }
}
