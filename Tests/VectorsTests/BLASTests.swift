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
            var (c, ours) = (old, old)
            BLAS.multiply(
                m: m, n: n, k: k, a, b, into: &c, transposeA: aTransposed, transposeB: bTransposed, leadingA: lda,
                leadingB: ldb, leadingC: ldc, alpha: 0.5, beta: 2)
            // Without OpenBLAS, as under a limit of addresses.
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    BLAS.multiplyOurselves(
                        m: m, n: n, k: k, .init(a.baseAddress!, lda, aTransposed),
                        .init(b.baseAddress!, ldb, !bTransposed), into: &ours, ldc, 0.5, 2)
                }
            }
            #expect(zip(c, ours).allSatisfy { abs($0 - $1) < 1e-4 }, "\(m)x\(n)x\(k); \(random)")
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

    /// Jacobi's method against LAPACK: the same eigenvalues, and vectors that are theirs.
    @Test func eigenvaluesWithoutLAPACK() {
        var random = SeededGenerator()
        for size in [1, 2, 3, 10, 65] {
            let rows = Matrix((0..<size + 3).map { _ in random.vector(size) })
            let symmetric = Matrix(rows: size, columns: size)
            BLAS.multiply(
                m: size, n: size, k: rows.rows, rows.pointer, rows.pointer, into: symmetric.pointer, transposeA: true)
            let (found, expected) = (JacobiEigen.eigen(of: symmetric), PrincipalSubspace.eigen(of: symmetric))
            let scale = max(1, expected.values.last ?? 1)
            for (index, (value, wanted)) in zip(found.values, expected.values).enumerated() {
                #expect(abs(value - wanted) < 1e-4 * scale, "\(size), \(index), \(random)")
                for row in 0..<size {
                    let product = (0..<size).reduce(Float(0)) {
                        $0 + symmetric.pointer[row * size + $1] * found.vectors.pointer[index * size + $1]
                    }
                    #expect(abs(product - value * found.vectors.pointer[index * size + row]) < 1e-4 * scale)
                }
            }
        }
        let zero = Matrix(rows: 2, columns: 2)
        zero.pointer.update(repeating: 0, count: 4)
        #expect(JacobiEigen.eigen(of: zero).values == [0, 0])
    }
}
