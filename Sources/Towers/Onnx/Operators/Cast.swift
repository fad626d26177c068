import Files
import Foundation

extension OperatorTable {
    /// Conversions of element types.
    static let casts: [Operator] = [cast, castLike]

    private static let cast = Operator("Cast", versions: 6...Operator.newest, inputs: 1...1) {
        node throws(BelfryError) in
        _ = try node.type(0)
        guard let number = try node.int("to"), let type = Int32(exactly: number).flatMap(TensorType.init) else {
            throw node.unsupported("no type that is known to cast to")
        }
        let rounding = try SmallFloat.Rounding(node)
        let given = try node.type(0)
        if given == type {
            return Kernel(type, sharesInput: true) { call in call.share(call.input(0).shape) }
        }
        let isWidening = type == .float32 && TensorType.staged.contains(given)
        return Kernel(type) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            if isWidening { return try Staging(call, 0).widen(x, into: y.floats) }
            try CastBody.cast(x, to: y, rounding, strings: call.strings, call)
        }
    }

    private static let castLike = Operator(
        "CastLike", versions: 15...Operator.newest, inputs: 2...2
    ) { node throws(BelfryError) in
        let rounding = try SmallFloat.Rounding(node)
        return Kernel(try node.type(1)) { call throws(BelfryError) in
            let x = call.input(0)
            let y = try call.output(0, x.shape)
            try CastBody.cast(x, to: y, rounding, strings: call.strings, call)
        }
    }
}

/// Conversion between any two element types.
///
/// Floating-point numbers go through f64, which holds all of them; integers through Int64, wrapping around when the
/// target is narrower. Floating-point numbers beyond int32, int64 or uint64 become the nearest bound; to narrower types
/// they go through Int64, too, and wrap around.
enum CastBody {
    /// Elements that are converted at a time.
    private static let block = 512

    static func cast(
        _ x: TensorView, to y: TensorView, _ rounding: SmallFloat.Rounding = .init(), strings: StringTable? = nil,
        _ call: Call? = nil
    ) throws(BelfryError) {
        if x.type == y.type {
            y.start.copyMemory(from: x.start, byteCount: x.byteCount)
            return
        }
        if x.type == .string || y.type == .string {
            guard let strings, let call else { preconditionFailure("texts are cast by an operator only") }
            try castStrings(x, to: y, strings, call)
            return
        }
        let isWhole = isInteger(x.type)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: block) { numbers in
            withUnsafeTemporaryAllocation(of: Int64.self, capacity: block) { integers in
                let (numbers, integers) = (numbers.baseAddress!, integers.baseAddress!)
                for start in stride(from: 0, to: x.count, by: block) {
                    let count = min(block, x.count - start)
                    let from = x.start + start * x.type.size
                    let to = y.start + start * y.type.size
                    if isWhole {
                        load(from, x.type, count, into: integers)
                        store(integers, count, y.type, into: to, numbers, rounding)
                    } else {
                        load(from, x.type, count, into: numbers)
                        store(numbers, count, y.type, into: to, integers, rounding)
                    }
                }
            }
        }
    }

    private static func isInteger(_ type: TensorType) -> Bool {
        switch type {
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool, .int4, .uint4, .int2, .uint2: true
        default: false
        }
    }

    private static func load(
        _ from: UnsafeRawPointer, _ type: TensorType, _ count: Int, into to: UnsafeMutablePointer<Int64>
    ) {
        func widen<Element: BinaryInteger>(_: Element.Type) {
            let from = from.assumingMemoryBound(to: Element.self)
            for index in 0..<count { to[index] = Int64(truncatingIfNeeded: from[index]) }
        }
        switch type {
        case .int8, .int4, .int2: widen(Int8.self)
        case .int16: widen(Int16.self)
        case .int32: widen(Int32.self)
        case .int64: widen(Int64.self)
        case .uint16: widen(UInt16.self)
        case .uint32: widen(UInt32.self)
        case .uint64: widen(UInt64.self)
        default: widen(UInt8.self)
        }
    }

    private static func load(
        _ from: UnsafeRawPointer, _ type: TensorType, _ count: Int, into to: UnsafeMutablePointer<Double>
    ) {
        func widen<Element: Number>(_: Element.Type) {
            let from = from.assumingMemoryBound(to: Element.self)
            for index in 0..<count { to[index] = from[index].number }
        }
        switch type {
        case .float32: widen(Float.self)
        case .float64: widen(Double.self)
        case .float16: widen(Float16.self)
        case .bfloat16: widen(BFloat16.self)
        default:
            let format = SmallFloat.of(type)
            let codes = from.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count { to[index] = format.decode(codes[index]) }
        }
    }

    private static func store(
        _ from: UnsafeMutablePointer<Int64>, _ count: Int, _ type: TensorType, into to: UnsafeMutableRawPointer,
        _ numbers: UnsafeMutablePointer<Double>, _ rounding: SmallFloat.Rounding
    ) {
        func narrow<Element: FixedWidthInteger>(_: Element.Type) {
            let to = to.assumingMemoryBound(to: Element.self)
            for index in 0..<count { to[index] = Element(truncatingIfNeeded: from[index]) }
        }
        let bytes = to.assumingMemoryBound(to: UInt8.self)
        switch type {
        case .int8: narrow(Int8.self)
        case .int16: narrow(Int16.self)
        case .int32: narrow(Int32.self)
        case .int64: narrow(Int64.self)
        case .uint8: narrow(UInt8.self)
        case .uint16: narrow(UInt16.self)
        case .uint32: narrow(UInt32.self)
        case .uint64: narrow(UInt64.self)
        case .bool: for index in 0..<count { bytes[index] = from[index] == 0 ? 0 : 1 }
        case .uint4: for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: from[index]) & 15 }
        case .uint2: for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: from[index]) & 3 }
        case .int4: for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: (from[index] << 60) >> 60) }
        case .int2: for index in 0..<count { bytes[index] = UInt8(truncatingIfNeeded: (from[index] << 62) >> 62) }
        case .float32:
            // Not through f64, which would round twice.
            let to = to.assumingMemoryBound(to: Float.self)
            for index in 0..<count { to[index] = Float(from[index]) }
        default:
            for index in 0..<count { numbers[index] = Double(from[index]) }
            store(numbers, count, type, into: to, from, rounding)
        }
    }

    private static func store(
        _ from: UnsafeMutablePointer<Double>, _ count: Int, _ type: TensorType, into to: UnsafeMutableRawPointer,
        _ integers: UnsafeMutablePointer<Int64>, _ rounding: SmallFloat.Rounding
    ) {
        func narrow<Element: Number>(_: Element.Type) {
            let to = to.assumingMemoryBound(to: Element.self)
            for index in 0..<count { to[index] = Element(number: from[index]) }
        }
        switch type {
        case .float32: narrow(Float.self)
        case .float64: narrow(Double.self)
        case .float16: narrow(Float16.self)
        case .bfloat16: narrow(BFloat16.self)
        case .uint64: narrow(UInt64.self)
        case .int32: narrow(Int32.self)
        case .int64: narrow(Int64.self)
        case .bool:
            let to = to.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count { to[index] = from[index] == 0 ? 0 : 1 }
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1, .float8e8m0:
            let format = SmallFloat.of(type)
            let to = to.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count { to[index] = format.encode(from[index], rounding) }
        default:
            for index in 0..<count { integers[index] = Int64(number: from[index]) }
            store(integers, count, type, into: to, from, rounding)
        }
    }

    // MARK: texts

    private static func castStrings(
        _ x: TensorView, to y: TensorView, _ strings: StringTable, _ call: Call
    ) throws(BelfryError) {
        var one = 0.0
        if y.type == .string {
            let to: UnsafeMutablePointer<UInt32> = y.bits()
            for index in 0..<x.count { to[index] = strings.number(of: text(x, index)) }
            return
        }
        let from: UnsafeMutablePointer<UInt32> = x.bits()
        for index in 0..<x.count {
            let text = strings.text(from[index])
            guard let number = Double(text.lowercased()) else { throw call.fail("“\(text)” is not a number") }
            one = number
            withUnsafeMutablePointer(to: &one) { one in
                withUnsafeTemporaryAllocation(of: Int64.self, capacity: 1) { integer in
                    // A whole number keeps all its digits.
                    if !y.type.isFloat, let whole = Int64(text) {
                        integer[0] = whole
                        store(integer.baseAddress!, 1, y.type, into: y.start + index * y.type.size, one, .init())
                    } else {
                        store(one, 1, y.type, into: y.start + index * y.type.size, integer.baseAddress!, .init())
                    }
                }
            }
        }
    }

    private static func text(_ x: TensorView, _ index: Int) -> String {
        func special(_ value: Double, _ text: String) -> String {
            value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-INF" : "INF") : text
        }
        switch x.type {
        case .float32: return special(Double(x.floats[index]), "\(x.floats[index])")
        case .float64: return special(x.elements(Double.self)[index], "\(x.elements(Double.self)[index])")
        case .float16: return special(Double(x.elements(Float16.self)[index]), "\(x.elements(Float16.self)[index])")
        case .bfloat16:
            let value = x.elements(BFloat16.self)[index].float
            return special(Double(value), "\(value)")
        case .bool: return x.elements(Bool.self)[index] ? "1" : "0"
        case .uint64: return "\(x.elements(UInt64.self)[index])"
        default:
            var integer: Int64 = 0
            load(x.start + index * x.type.size, x.type, 1, into: &integer)
            return "\(integer)"
        }
    }
}
