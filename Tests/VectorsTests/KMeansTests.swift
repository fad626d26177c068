import TestSupport
import Testing

@testable import Vectors

@Suite struct KMeansTests {
    /// Rows around `centers` random points, some of which have many more than others.
    static func clusters(_ rows: Int, _ dimension: Int, centers: Int, _ random: inout SeededGenerator) -> Matrix {
        let points = (0..<centers).map { _ in random.vector(dimension).map { 4 * $0 } }
        return Matrix(
            (0..<rows).map { _ in
                let center = Int.random(in: 0..<Int.random(in: 1...centers, using: &random), using: &random)
                return points[center].map { $0 + random.gaussian() }
            })
    }

    @Test func findsTheNearestCentroid() {
        var random = SeededGenerator()
        for (n, d, k) in [(1, 1, 1), (300, 5, 7), (700, 33, 600), (100, 128, 1_100)] {
            let rows = Matrix((0..<n).map { _ in random.vector(d) })
            let means = KMeans(centroids: Matrix((0..<k).map { _ in random.vector(d) }))
            let found = means.assign(rows, threads: 2).labels
            for row in 0..<n {
                let distances = (0..<k).map { list in
                    zip(rows[row], means.centroids[list]).reduce(0.0) {
                        $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
                    }
                }
                #expect(distances[Int(found[row])] <= distances.min()! + 1e-4 * Double(d), "\(random)")
            }
        }
    }

    @Test func theNumberOfThreadsChangesNoBit() throws {
        var random = SeededGenerator()
        let rows = Self.clusters(5_000, 24, centers: 40, &random)
        var bits: [[[UInt32]]] = []
        for threads in [1, 2, 5] {
            var means = try KMeans.train(rows, count: 100, seed: 5, threads: threads)
            var assignment = means.assign(rows, threads: threads)
            try means.balance(rows, &assignment, seed: 5, threads: threads)
            bits.append((0..<means.centroids.rows).map { means.centroids[$0].map(\.bitPattern) } + [assignment.labels])
        }
        #expect(bits[0] == bits[1] && bits[0] == bits[2])
        let other = try KMeans.train(rows, count: 100, seed: 6, threads: 2)
        #expect(other.centroids[0].map(\.bitPattern) != bits[0][0], "the seed counts")
    }

    @Test func balancedListsAreNeitherTinyNorHuge() throws {
        var random = SeededGenerator()
        let rows = Self.clusters(6_000, 8, centers: 12, &random)
        var means = try KMeans.train(rows, count: 120, seed: 1, threads: 2)
        var assignment = means.assign(rows, threads: 2)
        try means.balance(rows, &assignment, seed: 1, threads: 2)
        let sizes = assignment.sizes(means.centroids.rows)
        #expect(sizes.reduce(0, +) == 6_000 && sizes.allSatisfy { $0 > 0 })
        #expect(sizes.max()! <= 4 * 50 + 50, "\(sizes.max()!), \(random)")
        // Every centroid is the mean of its rows.
        let members = KMeans.Members(assignment.labels, count: sizes.count)
        for list in 0..<sizes.count {
            for i in 0..<8 {
                let mean = members.rows(of: list).reduce(0.0) { $0 + Double(rows[Int($1)][i]) } / Double(sizes[list])
                #expect(abs(Double(means.centroids[list][i]) - mean) < 1e-4)
            }
        }
    }

    @Test func fewRowsAndEqualRows() throws {
        var random = SeededGenerator()
        for (rows, count) in [
            (Matrix([random.vector(3)]), 5), (Matrix((0..<4).map { _ in random.vector(3) }), 4),
            (Matrix((0..<500).map { _ in [1, 2, 3] }), 20), (Matrix(rows: 300, columns: 2), 30),
        ] {
            var means = try KMeans.train(rows, count: count, seed: 1, threads: 2)
            #expect(means.centroids.rows <= min(count, rows.rows))
            var assignment = means.assign(rows, threads: 2)
            try means.balance(rows, &assignment, seed: 1, threads: 2)
            let sizes = assignment.sizes(means.centroids.rows)
            #expect(sizes.allSatisfy { $0 > 0 } && sizes.reduce(0, +) == rows.rows)
        }
    }

    @Test func theCoreOfOpenBLAS() {
        #expect(!BLAS.coreName.isEmpty)
        #expect(BLAS.coreWarning(core: "Haswell", best: .avx512)?.contains("OPENBLAS_CORETYPE") == true)
        #expect(BLAS.coreWarning(core: "SkylakeX", best: .avx512) == nil)
        #expect(BLAS.coreWarning(core: "Prescott", best: .avx2)?.contains("AVX2") == true)
        #expect(BLAS.coreWarning(core: "Prescott", best: .scalar) == nil)
    }
}
