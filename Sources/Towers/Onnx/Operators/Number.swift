import Files
import Foundation

/// An element type that operators compute with.
///
/// Integers wrap around, as the reference implementations' do; dividing one by zero gives the dividend instead of a
/// trap. Numbers of 16 bits are computed as f32 and rounded.
protocol Number: TensorElement, Comparable {
    static func adding(_ a: Self, _ b: Self) -> Self
    static func subtracting(_ a: Self, _ b: Self) -> Self
    static func multiplying(_ a: Self, _ b: Self) -> Self
    static func dividing(_ a: Self, _ b: Self) -> Self
    /// With the sign of `b`, as Python's %.
    static func modulo(_ a: Self, _ b: Self) -> Self
    /// With the sign of `a`, as C's fmod.
    static func remainder(_ a: Self, _ b: Self) -> Self
    static func power(_ a: Self, _ b: Self) -> Self
    static func negative(_ a: Self) -> Self
    static var zero: Self { get }
    static var one: Self { get }
    /// -∞, or the least integer.
    static var lowest: Self { get }
    /// ∞, or the greatest integer.
    static var greatest: Self { get }
    /// The nearest value; integers are cut towards zero and held within their range.
    init(number: Double)
    var number: Double { get }
    var isNotANumber: Bool { get }
}

extension Number {
    /// The greater one, or NaN if one of them is.
    static func greater(_ a: Self, _ b: Self) -> Self { a > b || a.isNotANumber ? a : b }
    /// The lesser one, or NaN if one of them is.
    static func lesser(_ a: Self, _ b: Self) -> Self { a < b || a.isNotANumber ? a : b }
}

extension Number where Self: FixedWidthInteger {
    static func adding(_ a: Self, _ b: Self) -> Self { a &+ b }
    static func subtracting(_ a: Self, _ b: Self) -> Self { a &- b }
    static func multiplying(_ a: Self, _ b: Self) -> Self { a &* b }
    static func dividing(_ a: Self, _ b: Self) -> Self { a.dividedReportingOverflow(by: b).partialValue }
    static func remainder(_ a: Self, _ b: Self) -> Self {
        b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue
    }
    static func modulo(_ a: Self, _ b: Self) -> Self {
        let rest = remainder(a, b)
        return rest != 0 && (rest < 0) != (b < 0) ? rest &+ b : rest
    }
    static func power(_ a: Self, _ b: Self) -> Self {
        guard b >= 0 else { return a == 1 ? 1 : a &+ 1 == 0 && a < 0 ? (b & 1 == 0 ? 1 : a) : 0 }
        var (result, base, exponent) = (Self(1), a, b)
        while exponent > 0 {
            if exponent & 1 == 1 { result = result &* base }
            base = base &* base
            exponent >>= 1
        }
        return result
    }
    static func negative(_ a: Self) -> Self { 0 &- a }
    static var one: Self { 1 }
    static var lowest: Self { .min }
    static var greatest: Self { .max }
    init(number: Double) {
        // The bounds of the 64-bit types are not numbers of type Double: compare with the powers of two beyond them.
        if number.isNaN {
            self = 0
        } else if number <= Double(Self.min) {
            self = .min
        } else if number >= Double(Self.max) {
            self = .max
        } else {
            self = Self(number)
        }
    }
    var number: Double { Double(self) }
    var isNotANumber: Bool { false }
}

extension Number where Self: BinaryFloatingPoint {
    static func adding(_ a: Self, _ b: Self) -> Self { a + b }
    static func subtracting(_ a: Self, _ b: Self) -> Self { a - b }
    static func multiplying(_ a: Self, _ b: Self) -> Self { a * b }
    static func dividing(_ a: Self, _ b: Self) -> Self { a / b }
    static func remainder(_ a: Self, _ b: Self) -> Self { a.truncatingRemainder(dividingBy: b) }
    static func modulo(_ a: Self, _ b: Self) -> Self {
        let rest = remainder(a, b)
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest
    }
    static func power(_ a: Self, _ b: Self) -> Self { Self(pow(Double(a), Double(b))) }
    static func negative(_ a: Self) -> Self { -a }
    static var one: Self { 1 }
    static var lowest: Self { -.infinity }
    static var greatest: Self { .infinity }
    init(number: Double) { self = Self(number) }
    var number: Double { Double(self) }
    var isNotANumber: Bool { self != self }
}

extension Float: Number { static func power(_ a: Float, _ b: Float) -> Float { powf(a, b) } }
extension Double: Number {}
extension Float16: Number {}
extension Int8: Number {}
extension Int16: Number {}
extension Int32: Number {}
extension Int64: Number {}
extension UInt8: Number {}
extension UInt16: Number {}
extension UInt32: Number {}
extension UInt64: Number {}

extension BFloat16: Number {
    package static func < (a: BFloat16, b: BFloat16) -> Bool { a.float < b.float }
    package static func <= (a: BFloat16, b: BFloat16) -> Bool { a.float <= b.float }
    package static func > (a: BFloat16, b: BFloat16) -> Bool { a.float > b.float }
    package static func >= (a: BFloat16, b: BFloat16) -> Bool { a.float >= b.float }
    static func adding(_ a: Self, _ b: Self) -> Self { Self(a.float + b.float) }
    static func subtracting(_ a: Self, _ b: Self) -> Self { Self(a.float - b.float) }
    static func multiplying(_ a: Self, _ b: Self) -> Self { Self(a.float * b.float) }
    static func dividing(_ a: Self, _ b: Self) -> Self { Self(a.float / b.float) }
    static func modulo(_ a: Self, _ b: Self) -> Self { Self(Float.modulo(a.float, b.float)) }
    static func remainder(_ a: Self, _ b: Self) -> Self { Self(Float.remainder(a.float, b.float)) }
    static func power(_ a: Self, _ b: Self) -> Self { Self(powf(a.float, b.float)) }
    static func negative(_ a: Self) -> Self { Self(-a.float) }
    static var zero: Self { Self(0) }
    static var one: Self { Self(1) }
    static var lowest: Self { Self(-.infinity) }
    static var greatest: Self { Self(.infinity) }
    init(number: Double) { self = Self(Float(number)) }
    var number: Double { Double(float) }
    var isNotANumber: Bool { float.isNaN }
}

/// Code for any element type, to be run for one that is known only at import.
protocol NumberBody {
    func run<Element: Number>(_: Element.Type) throws(BelfryError)
}

extension TensorType {
    /// The types that `withNumber` knows.
    static let numbers: Set<TensorType> = [
        .float32, .float64, .float16, .bfloat16, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64,
    ]
    static let floats: Set<TensorType> = [.float32, .float64, .float16, .bfloat16]
    static let indices: Set<TensorType> = [.int64, .int32]

    /// Runs the body for this type, which must be one of `numbers`.
    func withNumber(_ body: some NumberBody) throws(BelfryError) {
        switch self {
        case .float32: try body.run(Float.self)
        case .float64: try body.run(Double.self)
        case .float16: try body.run(Float16.self)
        case .bfloat16: try body.run(BFloat16.self)
        case .int8: try body.run(Int8.self)
        case .int16: try body.run(Int16.self)
        case .int32: try body.run(Int32.self)
        case .int64: try body.run(Int64.self)
        case .uint8: try body.run(UInt8.self)
        case .uint16: try body.run(UInt16.self)
        case .uint32: try body.run(UInt32.self)
        case .uint64: try body.run(UInt64.self)
        default: preconditionFailure("a type that compile checked")
        }
    }

    /// Runs the body for an unsigned integer as wide as an element: for what moves elements without looking at them.
    func withBits(_ body: some NumberBody) throws(BelfryError) {
        switch size {
        case 1: try body.run(UInt8.self)
        case 2: try body.run(UInt16.self)
        case 4: try body.run(UInt32.self)
        default: try body.run(UInt64.self)
        }
    }
}

extension TensorView {
    /// The elements as bits or as numbers of a type of the same size.
    func bits<Element>(_: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
        assert(MemoryLayout<Element>.size == type.size)
        return start.assumingMemoryBound(to: Element.self)
    }
}
