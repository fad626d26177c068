import Files
import Shards
import TestSupport
import Testing
import Vectors

@testable import Neighbors

/// Points of several vectors, compared with brute force; in a table as well.
@Suite struct MaxSimTests {
    @Test(arguments: Metric.indexed)
    func distancesAreThoseOfTheNearest(_ metric: Metric) {
        var random = SeededGenerator()
        let kernel = DistanceKernel(metric: metric)
        for dimension in [1, 7, 64] {
            let query = (0..<5).map { _ in random.vector(dimension) }
            let asker = MaxSim(Matrix(query), metric: metric)
            let table = MultiMemtable(dimension: dimension, rowLimit: 100, byteLimit: 1 << 20)
            let points = (0..<40).map { _ in
                (0...Int.random(in: 0...6, using: &random)).map { _ in random.vector(dimension) }
            }
            #expect(table.append(points, tags: (0..<40).map { 100 + $0 }) == 40)
            let view = table.view()
            var expected: [Neighbor] = []
            for (number, point) in points.enumerated() {
                let rows = Matrix(point)
                var sum: Float = 0
                for one in query {
                    sum += one.withUnsafeBufferPointer { one in
                        let prepared = kernel.prepare(one.baseAddress!, dimension: dimension)
                        return (0..<point.count).map {
                            kernel.distance(to: prepared, row: rows.pointer + $0 * dimension)
                        }.min()!
                    }
                }
                #expect(asker.distance(to: rows.pointer, count: point.count) == sum, "\(random)")
                #expect(view.row(number) == point && view.tag(number) == 100 + UInt32(number))
                expected.append(Neighbor(row: UInt32(number), distance: sum))
            }
            expected.sort()
            #expect(view.search(asker, k: 10) == Array(expected.prefix(10)), "\(random)")
            let even = RowFilter(RowSet((0..<20).map { $0 * 2 }, capacity: 40))
            #expect(view.search(asker, k: 10, filter: even) == Array(expected.filter { $0.row % 2 == 0 }.prefix(10)))
        }
    }

    /// What is full takes no more, and what a view has seen does not change.
    @Test func aTableTakesWhatFits() {
        let table = MultiMemtable(dimension: 4, rowLimit: 3, byteLimit: 12 * 3 + 16 * 4)
        #expect(table.append([[[1, 2, 3, 4]]], tags: [7]) == 1)
        let view = table.view()
        let two: [[Float]] = [[0, 0, 0, 0], [1, 1, 1, 1]]
        #expect(
            table.hasRoom(for: 2, vectors: 3) && !table.hasRoom(for: 2, vectors: 4)
                && !table.hasRoom(for: 3, vectors: 3))
        #expect(table.append([two, two, two], tags: [8, 9, 10]) == 1)
        #expect(view.count == 1 && table.view().count == 2 && table.view().row(1) == two)
        #expect(table.append([[[5, 5, 5, 5]]], tags: [11]) == 1 && table.append([[[5, 5, 5, 5]]], tags: [12]) == 0)
        #expect(table.bytes == 12 * 3 + 16 * 4)
    }
}
