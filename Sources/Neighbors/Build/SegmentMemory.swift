import Shards
public import Vectors

/// How many bytes of memory the build of a segment takes at its peak, beside what its files have in the page cache: the
/// figures behind `--memory-limit`.
///
/// | | bytes |
/// |---|---|
/// | graph, per row | one byte per component and 12, whole cache lines of routing code, 48 links of 4 bytes, 40 for order, equal rows, and what is linked back |
/// | lists, per row | 28 for labels, order and equal rows |
/// | lists, sample | 4 bytes per component and 24 for each of 96 rows a list, of which there are 4 √rows |
/// | any, per row | 130 in the end, when the slots of the rows are listed |
///
/// It depends on nothing but its arguments: what a build makes of a limit is the same on every machine.
public struct SegmentMemory: Sendable {
    /// Components per row.
    public var dimension: Int
    /// How vectors are compared.
    public var metric: Metric
    /// The kind of index; nil where several are built one after another.
    public var kind: IndexKind?
    /// Cache lines of a graph's routing codes, where that is known; else as many as they may be.
    public var routingLines: Int?

    /// The memory of segments of rows of so many components.
    public init(dimension: Int, metric: Metric, kind: IndexKind?, routingLines: Int? = nil) {
        (self.dimension, self.metric, self.kind) = (dimension, metric, kind)
        self.routingLines = routingLines
    }

    /// What every build takes, whatever its size: program, threads, calibration.
    public static let fixed = 72 << 20

    private static let listing = 130

    /// Bytes for a segment of `rows` rows, without ``fixed``.
    public func bytes(rows: Int) -> Int {
        switch kind {
        case .exact: rows * Self.listing
        case .hnsw: max(graph(rows), rows * Self.listing)
        case .ivf: max(lists(rows), rows * Self.listing)
        case nil: max(graph(rows), lists(rows), rows * Self.listing)
        }
    }

    /// The most rows of a segment whose build takes at most so many bytes, with so many more for every row.
    public func mostRows(bytes: Int, bytesPerRow: Int = 0) -> Int {
        var (low, high) = (0, Int(UInt32.max) / 2)
        while high > low {
            let middle = (low + high + 1) / 2
            if self.bytes(rows: middle) + middle * bytesPerRow <= bytes { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private var placed: Int { metric == .ip ? dimension + 1 : dimension }

    private func graph(_ rows: Int) -> Int {
        let room = GraphBuilder.Options().room * MemoryLayout<UInt32>.size
        let perRow = ByteRows.rowBytes(dimension: placed) + (routingLines ?? mostLines) * 64 + room + room / 31 + 40
        let sample = min(rows, GraphPlan.sampleLimit) * 3 * placed * MemoryLayout<Float>.size
        // The sample decides about the codes before there are any.
        return max(rows * perRow, rows * 32 + sample)
    }

    /// The cache lines in which half a byte for every component has room.
    private var mostLines: Int {
        var lines = 1
        while RoutingShape(bits: 4, lines: lines, dimension: placed).projected { lines += 1 }
        return lines
    }

    private func lists(_ rows: Int) -> Int {
        let count = ListsBuilder.listCount(rows: max(rows, 1))
        let rowBytes = placed * MemoryLayout<Float>.size
        let sample = KMeans.Settings().sampleRows(of: rows, count: count) * (rowBytes + 24)
        return rows * 28 + sample + 3 * count * rowBytes
    }
}
