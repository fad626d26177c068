import Files
import Shards

extension GraphBuilder {
    /// The graph as it is now, for a search before it is whole.
    var view: GraphView {
        GraphView(
            space: plan.space, coder: coder, records: records, links: links.map { UnsafePointer($0) }, sizes: levels,
            degree: options.room, storedDegree: options.degree, rows: inserted)
    }

    /// Writes the file `graph`: see ``GraphFormat``.
    func write(to path: String) throws(BelfryError) {
        precondition(inserted == count, "a whole graph")
        let file = try SegmentFileWriter(
            path, kind: .graph, version: GraphFormat.version, sections: GraphFormat.sections)
        try file.begin("params")
        try GraphFormat(
            rowCount: count, space: plan.space, shape: coder.shape, degree: options.degree, levels: levels.count
        ).write(to: file)
        try file.begin("sizes")
        for size in levels { try file.write(UInt64(size)) }
        try file.begin("center")
        for value in coder.center { try file.write(value.bitPattern) }
        try file.begin("matrix")
        try coder.matrix.withBytes { bytes throws(BelfryError) in try file.write(bytes) }
        try file.begin("steps")
        for value in coder.matrixSteps { try file.write(value.bitPattern) }
        try file.begin("records")
        try file.write(UnsafeRawBufferPointer(start: records, count: count * coder.shape.recordBytes))
        try file.begin("links")
        for (level, size) in levels.enumerated() {
            for row in 0..<size {
                try file.write(
                    UnsafeRawBufferPointer(start: links[level] + row * options.room, count: options.degree * 4))
            }
        }
        try file.finish()
    }
}
