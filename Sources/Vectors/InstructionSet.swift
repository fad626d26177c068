package import CKernels
import Foundation

/// The instruction sets that the kernels are written for, each able to run what the ones before it can.
public enum InstructionSet: Int, CaseIterable, Comparable, Sendable {
    /// Plain C.
    case scalar = 0
    /// AVX2 with FMA, F16C and BMI2.
    case avx2 = 1
    /// AVX-512 F, BW, CD, DQ, VL and VNNI.
    case avx512 = 2

    /// The best one that this CPU has.
    public static let best = InstructionSet(rawValue: Int(belfry_best_isa().rawValue))!

    /// The one that this process uses: the best, unless `BELFRY_ISA` (`scalar`, `avx2`, `avx512`) asks for less.
    public static let current: InstructionSet = {
        let wanted = ProcessInfo.processInfo.environment["BELFRY_ISA"]
        let named = allCases.first { "\($0)" == wanted }
        return min(named ?? best, best)
    }()

    /// All that this CPU can run: what a test goes through.
    public static var available: [InstructionSet] { allCases.filter { $0 <= best } }

    /// Whether `right` can run more than `left`.
    public static func < (left: InstructionSet, right: InstructionSet) -> Bool { left.rawValue < right.rawValue }

    /// The C name of this instruction set.
    package var isa: belfry_isa { belfry_isa(rawValue: UInt32(rawValue)) }
}
