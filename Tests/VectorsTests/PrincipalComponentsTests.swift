import Foundation
import TestSupport
import Testing

@testable import Vectors

@Suite struct PrincipalComponentsTests {
    /// What `Fixtures/make_principal.py` computed in f64.
    private struct Case: Decodable {
        var rows: [[Float]]
        var shares: [Double]
        var components: [[Double]]
        var coordinates: [[Double]]
    }

    @Test func componentsAreThoseOfNumpy() throws {
        let file = TestData.root + "/Tests/VectorsTests/Fixtures/principal.json"
        let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: file)))
        #expect(cases.count == 4)
        for expected in cases {
            let rows = Matrix(expected.rows)
            let found = PrincipalComponents(of: rows, count: 2)
            #expect(found.components.rows == expected.components.count && found.shares.count == expected.shares.count)
            for (share, wanted) in zip(found.shares, expected.shares) { #expect(abs(share - wanted) < 1e-5) }
            for (index, component) in expected.components.enumerated() {
                for (loading, wanted) in zip(found.components[index], component) {
                    #expect(abs(Double(loading) - wanted) < 1e-4)
                }
            }
            for (place, wanted) in zip(found.coordinates(of: rows), expected.coordinates) {
                #expect(zip(place, wanted).allSatisfy { abs($0 - $1) < 1e-3 }, "\(place) \(wanted)")
            }
        }
    }

    @Test func theLargestLoadingIsPositiveAndTheBitsAreTheSame() {
        var random = SeededGenerator()
        for dimension in [2, 5, 33, 100] {
            let rows = Matrix((0..<50).map { _ in random.vector(dimension) })
            let (first, second) = (PrincipalComponents(of: rows, count: 2), PrincipalComponents(of: rows, count: 2))
            for component in 0..<2 {
                let loadings = first.components[component]
                #expect(loadings.max { abs($0) < abs($1) }! > 0, "\(random)")
                #expect(abs(loadings.reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
                #expect(loadings == second.components[component])
            }
            #expect(first.shares[0] >= first.shares[1] && first.shares.reduce(0, +) < 1.00001)
            // Neither a turn of the sign nor the scale of all rows changes the directions.
            let turned = Matrix((0..<50).map { row in rows[row].map { -1e-20 * $0 } })
            let other = PrincipalComponents(of: turned, count: 2)
            for component in 0..<2 {
                for (a, b) in zip(first.components[component], other.components[component]) {
                    #expect(abs(a - b) < 1e-3, "\(random)")
                }
            }
        }
    }

    @Test func littleIsEnough() {
        for (rows, dimension) in [(0, 3), (1, 3), (1, 1), (4, 1), (4, 3)] {
            // The same row again and again does not vary.
            let matrix = Matrix(rows: rows, columns: dimension)
            for index in 0..<rows * dimension { matrix.pointer[index] = 0.3 }
            let found = PrincipalComponents(of: matrix, count: 2)
            #expect(found.shares == [Double](repeating: 0, count: min(2, dimension)))
            #expect(found.coordinates(of: matrix).allSatisfy { $0.allSatisfy { abs($0) < 1e-6 } })
        }
        let line = Matrix([[1], [2], [6]])
        let found = PrincipalComponents(of: line, count: 2)
        #expect(found.shares == [1] && found.components[0] == [1])
        #expect(found.coordinates(of: line) == [[-2], [-1], [3]])
    }
}
