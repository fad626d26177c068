import CKernels
import Foundation
import TestSupport
import Testing
import Vectors

/// Memory that ends, or begins, at a page that nobody may touch.
private final class Guarded {
    let bytes: UnsafeMutableRawBufferPointer
    private let pages: UnsafeMutableRawPointer
    private let length: Int

    init(_ count: Int, atEnd: Bool) {
        let page = 4096
        let room = (count + page - 1) / page * page
        length = room + 2 * page
        pages = mmap(nil, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        mprotect(pages + page, room, PROT_READ | PROT_WRITE)
        bytes = UnsafeMutableRawBufferPointer(start: pages + page + (atEnd ? room - count : 0), count: count)
    }

    deinit { munmap(pages, length) }
}

@Suite struct BitsTests {
    @Test(arguments: [2, 4]) func everyInstructionSetTurnsEveryDimensionAlike(width: Int) {
        var random = SeededGenerator()
        for dimension in 1...1100 {
            let rows = dimension < 200 ? 3 : 1
            let original = (0..<rows * dimension * width).map { _ in UInt8.random(in: 0...255, using: &random) }
            let expected = planes(original, width, dimension)
            for set in InstructionSet.available {
                let isa = belfry_isa(rawValue: UInt32(set.rawValue))
                for atEnd in [true, false] {
                    let input = Guarded(original.count, atEnd: atEnd)
                    let output = Guarded(original.count, atEnd: atEnd)
                    input.bytes.copyBytes(from: original)
                    belfry_bits_split(isa, width, rows, dimension, input.bytes.baseAddress, output.bytes.baseAddress)
                    #expect(output.bytes.elementsEqual(expected), "split, \(set), dimension \(dimension), \(random)")
                    belfry_bits_join(isa, width, rows, dimension, output.bytes.baseAddress, input.bytes.baseAddress)
                    #expect(input.bytes.elementsEqual(original), "join, \(set), dimension \(dimension), \(random)")
                }
            }
        }
    }

    /// The definition in `bits.h`, one bit at a time.
    private func planes(_ rows: [UInt8], _ width: Int, _ dimension: Int) -> [UInt8] {
        var result = rows
        let groups = dimension / 8
        for start in stride(from: 0, to: rows.count, by: dimension * width) {
            for plane in 0..<8 * width {
                for byte in 0..<groups {
                    var value: UInt8 = 0
                    for k in 0..<8 {
                        let element = start + (8 * byte + k) * width
                        value |= (rows[element + plane / 8] >> UInt8(plane % 8) & 1) << UInt8(k)
                    }
                    result[start + plane * groups + byte] = value
                }
            }
        }
        return result
    }
}

@Suite struct ElementTests {
    @Test func everyHalfWidensAsTheStandardSays() {
        let halves = (0...UInt16.max).map { $0 }
        for set in InstructionSet.available {
            var wide = [UInt32](repeating: 0, count: halves.count)
            ElementType.f16.widen(halves, to: &wide, count: halves.count, instructionSet: set)
            let wrong = halves.filter { wide[Int($0)] != Float(Float16(bitPattern: $0)).bitPattern }
            #expect(wrong.isEmpty, "f16, \(set)")
            ElementType.bf16.widen(halves, to: &wide, count: halves.count, instructionSet: set)
            #expect(halves.allSatisfy { wide[Int($0)] == UInt32($0) << 16 }, "bf16, \(set)")
        }
    }

    @Test func narrowingRoundsToNearestEvenOnEveryInstructionSet() {
        var random = SeededGenerator()
        var values = (0..<200_000).map { _ in UInt32.random(in: 0...UInt32.max, using: &random) }
        // All neighborhoods of the halves, ties included, where rounding goes wrong first.
        for half in 0...UInt16.max {
            let exact = Float(Float16(bitPattern: half)).bitPattern
            values += [exact, exact &+ 0xfff, exact &+ 0x1000, exact &+ 0x1001, exact &- 1]
        }
        for set in InstructionSet.available {
            var narrow = [UInt16](repeating: 0, count: values.count)
            ElementType.f16.narrow(values, to: &narrow, count: values.count, instructionSet: set)
            let wrong = values.indices.filter {
                narrow[$0] != Float16(Float(bitPattern: values[$0])).bitPattern
            }
            #expect(wrong.isEmpty, "f16, \(set): \(String(values[wrong.first ?? 0], radix: 16)), \(random)")
            ElementType.bf16.narrow(values, to: &narrow, count: values.count, instructionSet: set)
            let wrongBrain = values.indices.filter { index in
                let value = Float(bitPattern: values[index])
                guard !value.isNaN else { return narrow[index] & 0x7fff <= 0x7f80 }
                let below = Double(Float(bitPattern: values[index] & 0xffff_0000).magnitude)
                let above = Double(Float(bitPattern: (values[index] & 0xffff_0000) &+ 0x1_0000).magnitude)
                guard above.isFinite else { return false }
                let exact = Double(value.magnitude)
                let up =
                    exact - below > above - exact || (exact - below == above - exact && values[index] >> 16 & 1 == 1)
                return narrow[index] != UInt16(values[index] >> 16) + (up ? 1 : 0)
            }
            #expect(wrongBrain.isEmpty, "bf16, \(set), \(random)")
        }
    }
}
