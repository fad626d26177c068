import TestSupport
import Testing
import Vectors

@Suite struct ConversionTests {
    static func widen(_ halves: [UInt16], _ type: ElementType, _ set: InstructionSet) -> [UInt32] {
        var out = [Float](repeating: 0, count: halves.count)
        halves.withUnsafeBytes {
            type.widen($0.baseAddress!, to: &out, count: halves.count, instructionSet: set)
        }
        return out.map(\.bitPattern)
    }

    /// Through an odd address, so that nothing may count on alignment.
    static func narrow(_ floats: [UInt32], _ type: ElementType, _ set: InstructionSet) -> [UInt16] {
        let source = floats.map { Float(bitPattern: $0) }
        var bytes = [UInt8](repeating: 0, count: 2 * source.count + 1)
        return bytes.withUnsafeMutableBytes { bytes in
            let start = bytes.baseAddress! + 1
            type.narrow(source, to: start, count: source.count, instructionSet: set)
            return source.indices.map { start.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self) }
        }
    }

    @Test(arguments: InstructionSet.available)
    func widensEveryPattern(set: InstructionSet) {
        let all = (0...65_535).map { UInt16($0) }
        let f16 = Self.widen(all, .f16, set)
        let bf16 = Self.widen(all, .bf16, set)
        for (index, half) in all.enumerated() {
            #expect(bf16[index] == UInt32(half) << 16)
            let wide = Float(bitPattern: f16[index])
            let exponent = Int(half >> 10 & 31), fraction = Float(half & 1_023)
            let sign: Float = half >> 15 == 0 ? 1 : -1
            if exponent == 31 {
                #expect(wide.isNaN == (fraction != 0) && wide.isInfinite == (fraction == 0))
                #expect(wide.sign == (sign < 0 ? .minus : .plus))
            } else {
                let scale = Float(sign: .plus, exponent: max(exponent, 1) - 25, significand: 1)
                #expect(f16[index] == (sign * (fraction + (exponent > 0 ? 1_024 : 0)) * scale).bitPattern)
            }
        }
        #expect(f16 == Self.widen(all, .f16, .scalar))
    }

    @Test(arguments: InstructionSet.available, [ElementType.f16, .bf16])
    func narrowsToTheNearestTiesToEven(set: InstructionSet, type: ElementType) {
        var random = SeededGenerator()
        let all = (0...65_535).map { UInt16($0) }
        let wide = Self.widen(all, type, set)
        // Every pattern comes back.
        for (half, back) in zip(all, Self.narrow(wide, type, set)) where !isNaN(half, type) {
            #expect(half == back)
        }
        // Between every two neighbors: half-way, and one step below and above that.
        let infinity: UInt16 = type == .f16 ? 0x7c00 : 0x7f80
        var floats: [UInt32] = []
        var expected: [UInt16] = []
        for half in 0..<infinity {
            // Beyond the largest number, rounding goes on as if the next power of two could be written.
            let above =
                half + 1 < infinity ? Double(Float(bitPattern: wide[Int(half) + 1])) : type == .f16 ? 65_536 : 0x1p128
            let middle = (Double(Float(bitPattern: wide[Int(half)])) + above) / 2
            let bits = Float(middle).bitPattern
            guard Double(Float(bitPattern: bits)) == middle else { continue }
            for sign in [UInt16(0), 0x8000] {
                floats += [bits - 1, bits, bits + 1].map { $0 | UInt32(sign) << 16 }
                expected += [half, half & 1 == 0 ? half : half + 1, half + 1].map { $0 | sign }
            }
        }
        #expect(floats.count > 150_000)
        #expect(Self.narrow(floats, type, set) == expected, "\(type) \(set)")
        // Random bits: NaN, denormals, infinities and all, at every length of a tail.
        let random32 = (0..<200_000).map { _ in UInt32(truncatingIfNeeded: random.next()) }
        let small = (0..<200_000).map { _ in Float(random.gaussian() * 1e-7).bitPattern }
        for bits in [random32, small, [0x7f80_0000, 0xff80_0000, 0x7f7f_ffff, 0xff7f_ffff, 1, 0x8000_0001, 0]] {
            #expect(Self.narrow(bits, type, set) == Self.narrow(bits, type, .scalar), "\(random)")
        }
        for count in 0...40 {
            let bits = Array(random32[..<count])
            #expect(Self.narrow(bits, type, set) == Self.narrow(bits, type, .scalar), "\(count), \(random)")
            let halves = bits.map { UInt16(truncatingIfNeeded: $0) }
            #expect(Self.widen(halves, type, set) == Self.widen(halves, type, .scalar), "\(count), \(random)")
        }
    }

    @Test(arguments: InstructionSet.available, [ElementType.f16, .bf16])
    func aNaNStaysANaN(set: InstructionSet, type: ElementType) {
        // Among them payloads whose upper bits are all zero.
        let floats: [UInt32] = [0x7f80_0001, 0xff80_0001, 0x7fc0_0000, 0x7fff_ffff, 0xffff_ffff, 0x7f80_1000]
        let many = (0..<10).flatMap { _ in floats }
        #expect(Self.narrow(many, type, set).allSatisfy { isNaN($0, type) })
    }

    private func isNaN(_ half: UInt16, _ type: ElementType) -> Bool {
        half & 0x7fff > (type == .f16 ? 0x7c00 : 0x7f80)
    }
}
