import CKernels
import Vectors

extension GraphBuilder {
    /// What one thread needs to find and choose links.
    final class Worker {
        private let rows: Matrix
        private let coder: RoutingCoder
        private let options: Options
        private let kernel = DistanceKernel(metric: .l2)
        private let query: RoutingCoder.Query
        private var walk: GraphWalk
        private let projected: Matrix
        private let scratch: Matrix
        private let squares: Matrix
        /// Candidates, nearest first, and for each the worst ratio of its distance to the row and to a chosen link.
        private var candidates: [Neighbor] = []
        private var ratios: [Float] = []

        init(rows: Matrix, coder: RoutingCoder, options: Options) {
            self.rows = rows
            self.coder = coder
            self.options = options
            query = RoutingCoder.Query(coder)
            walk = GraphWalk(rows: rows.rows, limit: options.window)
            projected = Matrix(rows: 32, columns: coder.shape.components)
            scratch = Matrix(rows: 32, columns: coder.dimension)
            squares = Matrix(rows: 1, columns: 32)
        }

        /// Links some rows of a batch to the graph before it.
        func insert(_ batch: Range<Int>, into builder: GraphBuilder) {
            let links = builder.links[0]
            coder.project(
                rows.pointer + batch.lowerBound * rows.columns, count: batch.count, into: projected.pointer,
                squares: squares.pointer, scratch: scratch.pointer)
            for (index, row) in batch.enumerated() {
                coder.prepare(
                    projected: projected.pointer + index * projected.columns, square: squares.pointer[index],
                    into: query)
                builder.search(query, &walk, window: options.window)
                candidates.removeAll(keepingCapacity: true)
                for place in 0..<walk.count { offer(Int(GraphWalk.row(walk.pool[place])), to: row) }
                choose(row, into: links + row * options.room)
            }
        }

        /// Chooses links for a row among some others.
        func choose(_ row: Int, among others: Range<Int>, into links: UnsafeMutablePointer<UInt32>) {
            candidates.removeAll(keepingCapacity: true)
            for other in others where other != row { offer(other, to: row) }
            choose(row, into: links)
        }

        /// Takes new links in, choosing anew if they are too many.
        func add(_ new: UnsafeBufferPointer<UInt32>, to row: Int, _ links: UnsafeMutablePointer<UInt32>) {
            let old = GraphBuilder.linked(links, options.room)
            if old.count + new.count <= options.room {
                for (index, source) in new.enumerated() { links[old.count + index] = source }
                return
            }
            candidates.removeAll(keepingCapacity: true)
            for other in old { offer(Int(other), to: row) }
            for other in new { offer(Int(other), to: row) }
            choose(row, into: links)
        }

        /// Chooses anew among a row's links if they are more than it may have in the end.
        func trim(_ row: Int, _ links: UnsafeMutablePointer<UInt32>) {
            let old = GraphBuilder.linked(links, options.room)
            guard old.count > options.degree else { return }
            candidates.removeAll(keepingCapacity: true)
            for other in old { offer(Int(other), to: row) }
            choose(row, into: links)
        }

        private func offer(_ other: Int, to row: Int) {
            candidates.append(Neighbor(row: UInt32(other), distance: distance(row, other)))
        }

        @inline(__always)
        private func distance(_ a: Int, _ b: Int) -> Float {
            let query = kernel.prepare(rows.pointer + a * rows.columns, dimension: rows.columns)
            return kernel.distance(to: query, row: rows.pointer + b * rows.columns)
        }

        /// Writes the links of `row`: of the candidates, nearest first, those that no chosen one is much nearer to.
        private func choose(_ row: Int, into links: UnsafeMutablePointer<UInt32>) {
            for index in 0..<options.room { links[index] = BELFRY_NO_LINK }
            candidates.sort()
            ratios.removeAll(keepingCapacity: true)
            ratios.append(contentsOf: repeatElement(0, count: candidates.count))
            let limit = options.alpha * options.alpha
            var chosen = 0
            for bound in [1, limit] {
                for index in candidates.indices where ratios[index] < bound {
                    let candidate = candidates[index]
                    links[chosen] = candidate.row
                    chosen += 1
                    ratios[index] = .infinity
                    if chosen == options.degree { return }
                    for other in candidates.indices where ratios[other] < limit {
                        let between = distance(Int(candidate.row), Int(candidates[other].row))
                        // A duplicate of a chosen one is no way to anywhere else.
                        let ratio = between > 0 ? candidates[other].distance / between : .infinity
                        ratios[other] = max(ratios[other], ratio)
                    }
                }
            }
        }
    }
}
