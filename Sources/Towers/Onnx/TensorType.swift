/// What a tensor's elements are, numbered as in the ONNX standard (`TensorProto.DataType`).
package enum TensorType: Int32, CaseIterable, Sendable {
    case float32 = 1, uint8, int8, uint16, int16, int32, int64, string, bool, float16, float64, uint32, uint64
    case bfloat16 = 16
    case float8e4m3fn = 17, float8e4m3fnuz, float8e5m2, float8e5m2fnuz
    case uint4 = 21, int4, float4e2m1, float8e8m0, uint2, int2

    /// Bytes that one element takes in memory.
    ///
    /// A string is the number of its text in a `StringTable`. A number of 4 or 2 bits, which files pack, has a byte of
    /// its own in memory.
    package var size: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32, .string: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        default: 1
        }
    }

    /// Bits that one element takes in a file.
    var bitsInFile: Int {
        switch self {
        case .uint4, .int4, .float4e2m1: 4
        case .uint2, .int2: 2
        default: 8 * size
        }
    }

    /// Whether the elements are floating-point numbers that operators compute with.
    var isFloat: Bool { [.float32, .float64, .float16, .bfloat16].contains(self) }
}

/// A Swift type whose values are elements of a tensor.
package protocol TensorElement: BitwiseCopyable, Sendable {
    static var tensorType: TensorType { get }
}

extension Float: TensorElement { package static var tensorType: TensorType { .float32 } }
extension Double: TensorElement { package static var tensorType: TensorType { .float64 } }
extension Float16: TensorElement { package static var tensorType: TensorType { .float16 } }
extension BFloat16: TensorElement { package static var tensorType: TensorType { .bfloat16 } }
extension Int8: TensorElement { package static var tensorType: TensorType { .int8 } }
extension Int16: TensorElement { package static var tensorType: TensorType { .int16 } }
extension Int32: TensorElement { package static var tensorType: TensorType { .int32 } }
extension Int64: TensorElement { package static var tensorType: TensorType { .int64 } }
extension UInt8: TensorElement { package static var tensorType: TensorType { .uint8 } }
extension UInt16: TensorElement { package static var tensorType: TensorType { .uint16 } }
extension UInt32: TensorElement { package static var tensorType: TensorType { .uint32 } }
extension UInt64: TensorElement { package static var tensorType: TensorType { .uint64 } }
extension Bool: TensorElement { package static var tensorType: TensorType { .bool } }

/// The upper half of an f32.
package struct BFloat16: Hashable, Sendable, BitwiseCopyable {
    /// Sign, 8 bits of exponent, 7 of fraction.
    package var bits: UInt16

    package init(bits: UInt16) { self.bits = bits }

    /// The nearest one, ties to even; a NaN stays a NaN.
    package init(_ value: Float) {
        let wide = value.bitPattern
        let rounded = (wide &+ 0x7fff &+ (wide >> 16 & 1)) >> 16
        bits = value.isNaN ? UInt16(truncatingIfNeeded: wide >> 16) | 0x40 : UInt16(truncatingIfNeeded: rounded)
    }

    /// The same value as an f32.
    package var float: Float { Float(bitPattern: UInt32(bits) << 16) }

    // As numbers, not as bits: 0 is -0, and NaN is nothing.
    package static func == (a: BFloat16, b: BFloat16) -> Bool { a.float == b.float }
    package func hash(into hasher: inout Hasher) { hasher.combine(float) }
}
