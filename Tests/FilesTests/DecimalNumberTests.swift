import Files
import Foundation
import TestSupport
import Testing

/// Numbers of JSON are those that the C library reads, to the bit: also where they are read without going through text.
@Suite struct DecimalNumberTests {
    private func expectSame(_ text: String, _ seed: UInt64 = 0) throws {
        guard let wanted = Double(text), wanted.isFinite, wanted != wanted.rounded() else { return }
        let read = try JSON(parsing: Data(text.utf8), source: "test")
        guard case .number(let value) = read else {
            Issue.record("\(text) is read as \(read)")
            return
        }
        #expect(value.bitPattern == wanted.bitPattern, "\(text), seed \(seed): \(value) and not \(wanted)")
    }

    @Test func anyDigitsAreTheNearestNumber() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200_000 {
            let digits = UInt64.random(in: 0...UInt64.max, using: &random) >> UInt64.random(in: 0..<64, using: &random)
            let text = String(digits)
            let place = Int.random(in: 0...text.count, using: &random)
            let sign = Bool.random(using: &random) ? "-" : ""
            let (whole, fraction) = (text.prefix(place), text.dropFirst(place))
            let exponent = Bool.random(using: &random) ? "" : "e\(Int.random(in: -40...40, using: &random))"
            guard whole.isEmpty || whole == "0" || !whole.hasPrefix("0") else { continue }
            try expectSame(
                sign + (whole.isEmpty ? "0" : whole) + (fraction.isEmpty ? "" : ".\(fraction)") + exponent, seed)
        }
    }

    @Test func numbersAsProgramsWriteThemComeBack() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100_000 {
            try expectSame("\(Double.random(in: -1...1, using: &random))", seed)
            try expectSame("\(Double(Float.random(in: -1...1, using: &random)))", seed)
            try expectSame("\(Float.random(in: -100...100, using: &random))", seed)
        }
    }

    /// Halfway between two f64, and a little beside it.
    @Test func tiesGoToTheEvenNeighbor() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50_000 {
            // 53 bits and a half: odd numbers of 54 bits, as a fraction of a small power of two.
            let odd = UInt64.random(in: 1 << 53..<1 << 54, using: &random) | 1
            for shift in 1...4 {
                let (whole, rest) = (odd >> shift, odd & (1 << shift - 1))
                let fraction = String(rest * [5, 25, 125, 625][shift - 1])
                let zeros = String(repeating: "0", count: shift - fraction.count)
                for tail in ["", "0", "1"] { try expectSame("\(whole).\(zeros)\(fraction)\(tail)", seed) }
            }
        }
    }
}
