import CKernels
import Files
import Vectors

extension GraphBuilder {
    /// What one thread needs to find and choose links.
    final class Worker {
        private let rows: PlacedRows
        private let coder: RoutingCoder
        private let bytes: ByteRows
        private let twins: Twins
        private let options: Options
        private let query: RoutingCoder.Query
        private var walk: GraphWalk
        private let projected: Matrix
        private let own: Matrix
        private let scratch: Matrix
        private let squares: Matrix
        /// Rows that links may lead to, in `offered` as they came and in `sorted` by their distance.
        private let offered: UnsafeMutablePointer<UInt32>
        private let sorted: UnsafeMutablePointer<Candidate>
        /// Those that may still be chosen, and what is computed for all of them at once.
        private let others: UnsafeMutablePointer<UInt32>
        private let distances: UnsafeMutablePointer<Float>
        private let products: UnsafeMutablePointer<Int32>

        /// A row that a link may lead to.
        private struct Candidate {
            var row: UInt32
            var distance: Float
            /// The greatest ratio of its distance and that to a chosen one: a high one says that the link is not needed.
            var ratio: Float
        }

        /// So many rows are inserted at a time.
        static let batch = 32

        init(_ plan: GraphPlan, _ options: Options) {
            (rows, coder, bytes, twins) = (plan.rows, plan.coder, plan.bytes, plan.twins)
            self.options = options
            query = RoutingCoder.Query(coder)
            walk = GraphWalk(rows: rows.rowCount, limit: options.window)
            projected = Matrix(rows: Self.batch, columns: coder.shape.components)
            own = Matrix(rows: Self.batch, columns: coder.dimension)
            scratch = Matrix(rows: Self.batch, columns: coder.dimension)
            squares = Matrix(rows: 1, columns: Self.batch)
            // A row may be linked to by all of a batch.
            let room = max(rows.rowCount, 256)
            offered = .allocate(capacity: room)
            sorted = .allocate(capacity: room)
            others = .allocate(capacity: room)
            distances = .allocate(capacity: room)
            products = .allocate(capacity: room)
        }

        deinit {
            offered.deallocate()
            sorted.deallocate()
            others.deallocate()
            distances.deallocate()
            products.deallocate()
        }

        /// Links some rows of a batch to the graph before it.
        func insert(_ batch: Range<Int>, into builder: GraphBuilder) throws(BelfryError) {
            let links = builder.links[0]
            try rows.copy(batch, into: own.pointer)
            coder.project(
                own.pointer, count: batch.count, into: projected.pointer, squares: squares.pointer,
                scratch: scratch.pointer)
            for (index, row) in batch.enumerated() where !twins.isLater(row) {
                coder.prepare(
                    projected: projected.pointer + index * projected.columns, square: squares.pointer[index],
                    into: query)
                builder.search(query, &walk, window: options.window)
                var count = 0
                for place in 0..<walk.count {
                    offered[count] = GraphWalk.row(walk.pool[place])
                    count += twins.isLater(Int(offered[count])) ? 0 : 1
                }
                choose(row, among: count, into: links + row * options.room)
            }
        }

        /// Chooses links for a row among some others.
        func choose(_ row: Int, among others: Range<Int>, into links: UnsafeMutablePointer<UInt32>) {
            var count = 0
            for other in others where other != row && !twins.isLater(other) {
                offered[count] = UInt32(other)
                count += 1
            }
            choose(row, among: count, into: links)
        }

        /// Takes new links in, choosing anew if they are too many.
        func add(_ new: UnsafeBufferPointer<UInt32>, to row: Int, _ links: UnsafeMutablePointer<UInt32>) {
            let old = GraphBuilder.linked(links, options.room)
            if old.count + new.count <= options.room {
                for (index, source) in new.enumerated() { links[old.count + index] = source }
                return
            }
            offered.update(from: links, count: old.count)
            (offered + old.count).update(from: new.baseAddress!, count: new.count)
            choose(row, among: old.count + new.count, into: links)
        }

        /// Chooses anew among a row's links if they are more than it may have in the end.
        func trim(_ row: Int, _ links: UnsafeMutablePointer<UInt32>) {
            let old = GraphBuilder.linked(links, options.room)
            guard old.count > options.degree else { return }
            offered.update(from: links, count: old.count)
            choose(row, among: old.count, into: links)
        }

        /// Writes the links of `row`: of the first `count` offered ones, nearest first, those that no chosen one is much
        /// nearer to.
        private func choose(_ row: Int, among count: Int, into links: UnsafeMutablePointer<UInt32>) {
            let (sorted, others, distances, products) = (sorted, others, distances, products)
            for index in 0..<options.room { links[index] = BELFRY_NO_LINK }
            bytes.distances(from: UInt32(row), to: offered, count: count, products, into: distances)
            for index in 0..<count {
                sorted[index] = Candidate(row: offered[index], distance: distances[index], ratio: 0)
            }
            var all = UnsafeMutableBufferPointer(start: sorted, count: count)
            all.sort {
                ($0.distance, $0.row) < ($1.distance, $1.row)
            }
            let limit = options.alpha * options.alpha
            var (chosen, left) = (0, count)
            for bound in [1, limit] {
                var index = 0
                while index < left {
                    let candidate = sorted[index]
                    guard candidate.ratio < bound else {
                        index += 1
                        continue
                    }
                    links[chosen] = candidate.row
                    chosen += 1
                    if chosen == options.degree { return }
                    // What is left moves together: those before, which only a higher bound lets through, and those behind.
                    var kept = 0
                    for other in 0..<left where other != index {
                        others[kept] = sorted[other].row
                        sorted[kept] = sorted[other]
                        kept += 1
                    }
                    bytes.distances(from: candidate.row, to: others, count: kept, products, into: distances)
                    left = 0
                    var next = 0
                    for other in 0..<kept {
                        // What lies where a chosen one lies, but for its rounding, is no way to anywhere else.
                        let ratio = distances[other] > 0 ? sorted[other].distance / distances[other] : .infinity
                        let worst = max(sorted[other].ratio, ratio)
                        guard worst < limit else { continue }
                        if other < index { next += 1 }
                        sorted[left] = sorted[other]
                        sorted[left].ratio = worst
                        left += 1
                    }
                    index = next
                }
            }
        }
    }
}
