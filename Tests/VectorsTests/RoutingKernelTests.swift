import CKernels
import TestSupport
import Testing

@testable import Vectors

/// The kernels of the graph: every instruction set gives the bits of plain C, which is compared with the formula.
@Suite struct RoutingKernelTests {
    /// Aligned memory that lives as long as the object.
    final class Memory<Element> {
        let pointer: UnsafeMutablePointer<Element>
        init(_ values: [Element]) {
            let raw = UnsafeMutableRawPointer.allocate(
                byteCount: max(64, values.count * MemoryLayout<Element>.stride), alignment: 64)
            pointer = raw.bindMemory(to: Element.self, capacity: values.count)
            pointer.initialize(from: values, count: values.count)
        }
        deinit { pointer.deallocate() }
    }

    private static func kernels(_ set: InstructionSet) -> belfry_routing_kernels {
        belfry_routing_kernels_for(set.isa)!.pointee
    }

    @Test(arguments: InstructionSet.available)
    func estimatesFollowTheFormula(set: InstructionSet) {
        var random = SeededGenerator()
        for (bits, lines) in [(4, 1), (4, 2), (4, 3), (4, 4), (4, 7), (8, 1), (8, 2), (8, 3), (8, 13)] {
            let (rows, bytes) = (40, 64 * lines)
            let records = Memory((0..<rows * bytes).map { _ in UInt8.random(in: 0...255, using: &random) })
            let factors = (0..<rows).map { _ in (random.gaussian(), random.gaussian()) }
            for (row, factor) in factors.enumerated() {
                let record = UnsafeMutableRawPointer(records.pointer + row * bytes)
                record.storeBytes(of: factor.0, as: Float.self)
                record.storeBytes(of: factor.1, toByteOffset: 4, as: Float.self)
            }
            var plane = (0..<2 * bytes).map { _ in Int8.random(in: -127...127, using: &random) }
            for index in 0..<8 { (plane[index], plane[bytes + index]) = (0, 0) }
            let query = Memory(plane)
            var routing = belfry_routing(
                records: records.pointer, rows: UInt64(rows), lines: UInt32(lines), bits: UInt32(bits),
                query: query.pointer, slope: 0.37, offset: -2.5, constant: 11)
            for count in [0, 1, 2, 3, 4, 5, 17, 40] {
                let asked = (0..<count).map { _ in UInt32.random(in: 0..<UInt32(rows), using: &random) }
                var found = [Float](repeating: 0, count: count + 16)
                Self.kernels(set).estimates(&routing, asked, count, &found)
                for (index, row) in asked.enumerated() {
                    let record = records.pointer + Int(row) * bytes
                    var dot = 0
                    for j in 8..<bytes {
                        dot +=
                            bits == 8
                            ? Int(record[j]) * Int(plane[j])
                            : Int(record[j] & 15) * Int(plane[j]) + Int(record[j] >> 4) * Int(plane[bytes + j])
                    }
                    let (scale, bias) = factors[Int(row)]
                    #expect(
                        found[index] == 11 + bias + scale * (0.37 * Float(dot) + -2.5), "\(bits) \(lines) \(random)")
                }
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func expandsWhatIsNewAndNear(set: InstructionSet) {
        var random = SeededGenerator()
        let (rows, degree) = (500, 32)
        let records = Memory((0..<rows * 64).map { _ in UInt8.random(in: 0...60, using: &random) })
        for row in 0..<rows {
            UnsafeMutableRawPointer(records.pointer + row * 64).storeBytes(of: 0.01, as: Float.self)
            UnsafeMutableRawPointer(records.pointer + row * 64).storeBytes(of: 1, toByteOffset: 4, as: Float.self)
        }
        let query = Memory(
            [Int8](repeating: 0, count: 8) + (0..<56).map { _ in Int8.random(in: -9...9, using: &random) })
        var routing = belfry_routing(
            records: records.pointer, rows: UInt64(rows), lines: 1, bits: 8, query: query.pointer, slope: 1, offset: 0,
            constant: 0)
        for round in 0..<200 {
            var links = (0..<UInt32(rows)).shuffled(using: &random).prefix(degree).map { $0 }
            if round % 3 == 0 { links[Int.random(in: 0..<degree, using: &random)] = BELFRY_NO_LINK }
            let used = links.prefix { $0 != BELFRY_NO_LINK }
            var visited = [UInt64](repeating: 0, count: (rows + 63) / 64)
            for row in used.prefix(used.count / 2) { visited[Int(row / 64)] |= 1 << UInt64(row % 64) }
            let before = visited
            var (seen, near) = ([UInt32](repeating: 0, count: 48), [UInt32](repeating: 0, count: 48))
            var (distances, all) = ([Float](repeating: 0, count: 48), [Float](repeating: 0, count: 48))
            var fresh = 0
            let found = Self.kernels(set).expand(
                &routing, links, degree, &visited, 1.2, &seen, &fresh, &near, &distances)
            let new = used.filter { before[Int($0 / 64)] >> UInt64($0 % 64) & 1 == 0 }
            #expect(Array(seen[..<fresh]) == Array(new), "\(random)")
            Self.kernels(.scalar).estimates(&routing, Array(new), new.count, &all)
            let expected = zip(new, all).filter { $1 < 1.2 }
            #expect(Array(near[..<found]) == expected.map(\.0) && Array(distances[..<found]) == expected.map(\.1))
            for row in used { #expect(visited[Int(row / 64)] >> UInt64(row % 64) & 1 == 1) }
            if !used.isEmpty {
                links[0] = UInt32(rows)
                let refused = Self.kernels(set).expand(
                    &routing, links, degree, &visited, 1.2, &seen, &fresh, &near, &distances)
                #expect(refused == -1, "a row that does not exist")
            }
        }
    }

    @Test(arguments: InstructionSet.available)
    func productsAreExact(set: InstructionSet) {
        var random = SeededGenerator()
        for dimension in Array(1...70) + [127, 128, 129, 384, 784, 1_100] {
            let stride = (dimension + 63) / 64 * 64
            let count = 11
            func padded<T>(_ zero: T, _ value: () -> T) -> [T] {
                (0..<count).flatMap { _ in (0..<stride).map { $0 < dimension ? value() : zero } }
            }
            let extreme = dimension % 2 == 0
            let rows = Memory(padded(Int8(0)) { extreme ? -127 : Int8.random(in: -127...127, using: &random) })
            let sums = (0..<count).map { row in
                (0..<stride).reduce(Int32(0)) { $0 + Int32(rows.pointer[row * stride + $1]) }
            }
            let others = (0..<UInt32(count)).shuffled(using: &random) + [3]
            var products = [Int32](repeating: 0, count: others.count)
            belfry_pairs_for(set.isa)!(rows.pointer, sums, stride, 5, others, others.count, &products)
            let x = Memory((0..<stride).map { _ in extreme ? UInt8(255) : UInt8.random(in: 0...255, using: &random) })
            var projected = [Int32](repeating: 0, count: count + 4)
            Self.kernels(set).project(rows.pointer, stride, count, x.pointer, &projected)
            func dot(_ row: Int, _ value: (Int) -> Int) -> Int {
                (0..<stride).reduce(0) { $0 + value($1) * Int(rows.pointer[row * stride + $1]) }
            }
            for (index, other) in others.enumerated() {
                #expect(Int(products[index]) == dot(Int(other)) { Int(rows.pointer[5 * stride + $0]) }, "\(dimension)")
            }
            for row in 0..<count { #expect(Int(projected[row]) == dot(row) { Int(x.pointer[$0]) }, "\(dimension)") }
        }
    }

    @Test(arguments: InstructionSet.available)
    func roundingGivesTheSameBits(set: InstructionSet) {
        var random = SeededGenerator()
        let (kernels, plain) = (
            belfry_rounding_kernels_for(set.isa)!.pointee,
            belfry_rounding_kernels_for(InstructionSet.scalar.isa)!.pointee
        )
        for dimension in 1...1_100 {
            let (x, center) = (random.vector(dimension), random.vector(dimension))
            var (one, two) = ([Float](repeating: 0, count: dimension), [Float](repeating: 0, count: dimension))
            let (a, b) = (kernels.center(x, center, dimension, &one), plain.center(x, center, dimension, &two))
            #expect(one == two && a.square == b.square && a.largest == b.largest, "\(dimension)")
            #expect(one == zip(x, center).map { $0 - $1 } && a.largest == one.map { abs($0) }.max())
            let square = one.reduce(0) { $0 + Double($1) * Double($1) }
            #expect(abs(Double(a.square) - square) <= 1e-5 * square)

            let products = (0..<dimension).map { _ in Int32.random(in: -1_000_000...1_000_000, using: &random) }
            let sums = (0..<dimension).map { _ in Int32.random(in: -5_000...5_000, using: &random) }
            let (c, d) = (
                kernels.scale(products, sums, center, 0.01, dimension, &one),
                plain.scale(products, sums, center, 0.01, dimension, &two)
            )
            #expect(one == two && c.square == d.square && c.largest == d.largest, "\(dimension)")
            #expect(one[0] == Float(products[0] - 128 * sums[0]) * (0.01 * center[0]))

            var bytes = [Int8](repeating: 0, count: dimension)
            for flip in [UInt8(0), 0x80] {
                let sum = kernels.round(x, 50, flip, dimension, &bytes)
                let expected = x.map { Int32(min(127, max(-127, $0 * 50)).rounded(.toNearestOrEven)) }
                #expect(bytes.map { UInt8(bitPattern: $0) ^ flip } == expected.map { UInt8(truncatingIfNeeded: $0) })
                #expect(sum == expected.reduce(0, +), "\(dimension), \(random)")
            }
        }
    }
}
