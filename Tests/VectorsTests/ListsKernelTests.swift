import CKernels
import TestSupport
import Testing

@testable import Vectors

@Suite struct ListsKernelTests {
    static func kernels(_ set: InstructionSet) -> UnsafePointer<belfry_lists_kernels> {
        belfry_lists_kernels_for(set.isa)!
    }

    /// A pool with its memory.
    final class Pool {
        var pool = belfry_pool()

        init(keep: Int) {
            let capacity = 3 * keep + 256
            pool.estimates = .allocate(capacity: capacity)
            pool.rows = .allocate(capacity: capacity)
            (pool.keep, pool.capacity, pool.limit) = (keep, capacity, .infinity)
        }

        deinit {
            pool.estimates.deallocate()
            pool.rows.deallocate()
        }

        var candidates: [Neighbor] {
            (0..<pool.count).map { Neighbor(row: pool.rows[$0], distance: pool.estimates[$0]) }
        }
    }

    /// Random blocks with finite factors, and a random query.
    static func random(
        _ bits: Int, _ dimension: Int, rows: Int, _ random: inout SeededGenerator
    ) -> (blocks: [UInt8], components: [Int8], lines: Int) {
        let perLine = 32 / bits
        let lines = (dimension + perLine - 1) / perLine
        let bytes = bits == 4 ? belfry_block4_bytes(lines) : belfry_block8_bytes(lines)
        var blocks = (0..<(rows + 15) / 16 * bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        for block in 0..<(rows + 15) / 16 {
            for lane in 0..<32 {
                let value = random.gaussian()
                blocks.withUnsafeMutableBytes {
                    if bits == 8 {
                        $0.storeBytes(of: value, toByteOffset: block * bytes + lines * 64 + 4 * lane, as: Float.self)
                    } else {
                        // Any f16 that is not infinite or NaN.
                        let half = UInt16.random(in: 0..<0x7800, using: &random)
                        $0.storeBytes(of: half, toByteOffset: block * bytes + lines * 64 + 2 * lane, as: UInt16.self)
                    }
                }
            }
        }
        var components = (0..<lines * perLine).map { _ in Int8.random(in: -127...127, using: &random) }
        if dimension % 3 == 0 { components = components.map { $0 < 0 ? -127 : 127 } }
        return (blocks, components, lines)
    }

    /// Every dimension: the same bits as the scalar twin, and that one against sums in Int.
    @Test(arguments: InstructionSet.available)
    func estimatesOfEveryDimension(set: InstructionSet) {
        var random = SeededGenerator()
        for dimension in 1...1_100 {
            let rows = 16 + dimension % 80
            let (blocks, components, lines) = Self.random(8, dimension, rows: rows, &random)
            components.withUnsafeBufferPointer { components in
                var query = belfry_block_query(
                    components: components.baseAddress, lines: lines, start: -77, scale: 0.01)
                let room = (rows + 15) / 16 * 16
                var (found, twin) = ([Float](repeating: 0, count: room), [Float](repeating: 0, count: room))
                Self.kernels(set).pointee.estimates8(&query, blocks, rows, &found)
                Self.kernels(.scalar).pointee.estimates8(&query, blocks, rows, &twin)
                #expect(found.map(\.bitPattern) == twin.map(\.bitPattern), "dimension \(dimension), \(random)")
                var sum = -77
                for i in 0..<lines * 4 { sum += Int(blocks[i / 4 * 64 + 4 * 5 + i % 4]) * Int(components[i]) }
                let factors = blocks.withUnsafeBytes { bytes in
                    [0, 64].map { bytes.loadUnaligned(fromByteOffset: lines * 64 + 20 + $0, as: Float.self) }
                }
                let expected = Double(factors[0]) + Double(sum) * 0.01 * Double(factors[1])
                #expect(abs(Double(found[5]) - expected) <= 1e-4 * (1 + abs(Double(sum) * 0.02 * Double(factors[1]))))
            }
        }
    }

    /// Every dimension: the same candidates in the same order as the scalar twin.
    @Test(arguments: InstructionSet.available)
    func scansOfEveryDimension(set: InstructionSet) {
        var random = SeededGenerator()
        for dimension in 1...1_100 {
            let rows = 1 + dimension * 7 % 150
            let (blocks, components, lines) = Self.random(4, dimension, rows: rows, &random)
            components.withUnsafeBufferPointer { components in
                var query = belfry_block_query(
                    components: components.baseAddress, lines: lines, start: 19, scale: 0.003)
                let (found, twin) = (Pool(keep: 1 + dimension % 9), Pool(keep: 1 + dimension % 9))
                blocks.withUnsafeBufferPointer { blocks in
                    for (set, pool) in [(set, found), (.scalar, twin)] {
                        for part in 0..<3 {
                            Self.kernels(set).pointee.scan4(
                                &query, blocks.baseAddress, rows, UInt32(part), Float(part),
                                dimension % 5 == 0 ? blocks.baseAddress : nil, &pool.pool)
                        }
                        belfry_pool_cut(Self.kernels(set), &pool.pool)
                    }
                }
                #expect(found.candidates == twin.candidates, "\(set) dimension \(dimension), \(random)")
                #expect(!found.candidates.isEmpty)
            }
        }
    }

    /// Rows beyond the list's end, NaN and infinite factors: nothing of them enters the pool.
    @Test(arguments: InstructionSet.available)
    func nothingEntersFromBeyondTheList(set: InstructionSet) {
        var random = SeededGenerator()
        for rows in 1...40 {
            var (blocks, components, lines) = Self.random(4, 20, rows: rows, &random)
            blocks = blocks.map { _ in UInt8.random(in: 0...255, using: &random) }
            components.withUnsafeBufferPointer { components in
                var query = belfry_block_query(components: components.baseAddress, lines: lines, start: 0, scale: 1)
                let pool = Pool(keep: 100)
                Self.kernels(set).pointee.scan4(&query, blocks, rows, 1_000, 0, nil, &pool.pool)
                for candidate in pool.candidates {
                    #expect(candidate.row >= 1_000 && candidate.row < 1_000 + UInt32(rows))
                    #expect(candidate.distance < .infinity)
                }
            }
        }
    }

    /// Values as they come, with ties, infinities and NaN, in every length.
    static func values(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<count).map { index in
            switch count % 4 {
            case 0: random.gaussian()
            case 1: Float(Int.random(in: -2...2, using: &random))
            case 2: index % 7 == 0 ? [Float.nan, .infinity, -.infinity, 0][index / 7 % 4] : random.gaussian()
            default: 1e30 * random.gaussian() * random.gaussian() * random.gaussian()
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func selection(set: InstructionSet) {
        var random = SeededGenerator()
        let (kernels, twins) = (Self.kernels(set), Self.kernels(.scalar))
        for count in 1...400 {
            let values = Self.values(count, &random)
            let addend = Self.values(count + 1, &random).prefix(count).map { $0 }
            let limit = values.randomElement(using: &random)!
            #expect(kernels.pointee.below(values, count, limit) == values.count { $0 < limit })
            var (least, greatest): (Float, Float) = (0, 0)
            kernels.pointee.extent(values, count, &least, &greatest)
            let finite = values.filter(\.isFinite)
            #expect(least == finite.min() ?? .infinity && greatest == finite.max() ?? -.infinity)

            var found = [Float](repeating: 0, count: count + 16)
            var indices = [UInt32](repeating: 0, count: count + 16)
            let gathered = kernels.pointee.gather(values, count, limit, &found, &indices)
            #expect(Array(indices[..<gathered]) == values.indices.filter { values[$0] < limit }.map(UInt32.init))

            var (best, place, twinBest, twinPlace) = (Float.infinity, UInt32(9), Float.infinity, UInt32(9))
            kernels.pointee.least(values, addend, count, 3, &best, &place)
            twins.pointee.least(values, addend, count, 3, &twinBest, &twinPlace)
            #expect(best == twinBest && place == twinPlace, "\(count), \(random)")

            var out = [UInt32](repeating: 0, count: count + 16)
            var scratch = [UInt32](repeating: 0, count: 2 * (count + 16))
            for wanted in [1, 2, count / 3, count] where wanted > 0 {
                let number = belfry_least_first(kernels, values, count, wanted, &out, &scratch)
                let there = values.indices.filter { values[$0] < .infinity }
                let order = there.sorted { (values[$0], $0) < (values[$1], $1) }
                #expect(number == min(wanted, there.count), "\(wanted) of \(count), \(random)")
                #expect(out[..<number].map { values[Int($0)] } == order[..<number].map { values[$0] })
                #expect(Set(out[..<number]).count == number)
            }
        }
    }

    /// The pool keeps the least estimates, whatever the order and however many are equal.
    @Test(arguments: InstructionSet.available)
    func poolKeepsTheLeast(set: InstructionSet) {
        var random = SeededGenerator()
        for keep in [1, 2, 10, 100] {
            for spread in [0, 3, 1_000_000] {
                let pool = Pool(keep: keep)
                let count = pool.pool.capacity
                let values = (0..<count).map { _ in Float(Int.random(in: 0...spread, using: &random)) }
                for index in 0..<count {
                    pool.pool.estimates[index] = values[index]
                    pool.pool.rows[index] = UInt32(index)
                }
                pool.pool.count = count
                belfry_pool_cut(Self.kernels(set), &pool.pool)
                let kept = pool.candidates.map(\.distance).sorted()
                #expect(kept.count >= keep && kept.count <= keep + keep / 8, "\(keep) \(spread)")
                #expect(Array(kept.prefix(keep)) == Array(values.sorted().prefix(keep)), "\(keep) \(spread), \(random)")
            }
        }
    }

    /// However many equal ones there are, what is nearer stays.
    @Test(arguments: InstructionSet.available)
    func poolKeepsWhatIsNearerThanEqualOnes(set: InstructionSet) {
        var random = SeededGenerator()
        for keep in [1, 8, 30] {
            for nearer in [0, 1, keep / 2] {
                let values = ([Float](repeating: 5, count: 200) + (0..<nearer).map { Float($0) / 100 })
                    .shuffled(using: &random)
                let pool = Pool(keep: keep)
                for (row, value) in values.enumerated() {
                    pool.pool.estimates[row] = value
                    pool.pool.rows[row] = UInt32(row)
                }
                pool.pool.count = values.count
                belfry_pool_cut(Self.kernels(set), &pool.pool)
                let kept = pool.candidates.map(\.distance).sorted()
                #expect(Array(kept.prefix(keep)) == Array(values.sorted().prefix(keep)), "\(keep), \(random)")
                #expect(kept.count <= keep + keep / 8)
            }
        }
    }

    /// A code points where its components do, as near as so many bits allow.
    @Test func codesPointAlongTheirVector() {
        var random = SeededGenerator()
        for dimension in 1...1_100 {
            let vector = random.vector(dimension)
            for (bits, least) in [(4, 0.98), (8, 0.9999)] {
                var codes = [UInt8](repeating: 0, count: dimension)
                let scale = belfry_fit_code(vector, dimension, UInt32(bits), &codes)
                let zero = Float(1 << (bits - 1)) - 0.5
                let decoded = codes.map { scale * (Float($0) - zero) }
                let product = zip(decoded, vector).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                let (a, b) = (decoded, vector)
                let lengths = [a, b].map { $0.reduce(0) { $0 + Double($1) * Double($1) } }
                let squares = lengths[1]
                #expect(codes.allSatisfy { Int($0) < 1 << bits })
                #expect(abs(product - squares) <= 1e-4 * squares, "right along the vector")
                #expect(
                    product / (lengths[0] * lengths[1]).squareRoot() > least, "\(bits) bits, \(dimension), \(random)")
            }
        }
        for odd: [Float] in [[0, 0, 0], [.nan, 1], [.infinity, 0], [.leastNonzeroMagnitude, 0]] {
            var codes: [UInt8] = [9, 9, 9]
            #expect(belfry_fit_code(odd, odd.count, 4, &codes) == 0)
        }
    }
}
