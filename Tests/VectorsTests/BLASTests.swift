import TestSupport
import Testing

@testable import Vectors

@Suite struct BLASTests {
    @Test(arguments: [false, true], [false, true])
    func equalsTheNaiveProduct(aTransposed: Bool, bTransposed: Bool) {
        var random = SeededGenerator()
        for _ in 0..<40 {
            let m = Int.random(in: 1...33, using: &random)
            let n = Int.random(in: 1...33, using: &random)
            let k = Int.random(in: 1...65, using: &random)
            let lda = (aTransposed ? m : k) + Int.random(in: 0...3, using: &random)
            let ldb = (bTransposed ? k : n) + Int.random(in: 0...3, using: &random)
            let ldc = n + Int.random(in: 0...3, using: &random)
            let a = random.vector(lda * (aTransposed ? k : m))
            let b = random.vector(ldb * (bTransposed ? n : k))
            let old = random.vector(ldc * m)
            var c = old
            BLAS.multiply(
                m: m, n: n, k: k, a, b, into: &c, transposeA: aTransposed, transposeB: bTransposed, leadingA: lda,
                leadingB: ldb, leadingC: ldc, alpha: 0.5, beta: 2)
            for row in 0..<m {
                for column in 0..<ldc {
                    var expected = Double(old[row * ldc + column])
                    if column < n {
                        var sum = 0.0
                        for i in 0..<k {
                            let left = a[aTransposed ? i * lda + row : row * lda + i]
                            let right = b[bTransposed ? column * ldb + i : i * ldb + column]
                            sum += Double(left) * Double(right)
                        }
                        expected = 0.5 * sum + 2 * expected
                    }
                    let found = Double(c[row * ldc + column])
                    #expect(abs(found - expected) < 1e-4, "\(m)x\(n)x\(k) at \(row),\(column); \(random)")
                }
            }
        }
    }

    @Test func withoutBetaTheOldContentIsNotRead() {
        var c: [Float] = [.nan, .infinity]
        BLAS.multiply(m: 1, n: 2, k: 1, [2], [3, 4], into: &c)
        #expect(c == [6, 8])
        BLAS.multiply(m: 1, n: 2, k: 0, [], [], into: &c)
        #expect(c == [0, 0])
    }
}
