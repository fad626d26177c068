import Files

/// A type of few bits as floats: how its elements are read, rounded and written.
struct QuantizedType: Sendable {
    static let integers: Set<TensorType> = [.int8, .uint8, .int16, .uint16, .int4, .uint4, .int2, .uint2]
    static let all = integers.union([.float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1])

    /// What an element is in memory.
    private let storage: TensorType
    /// The least and the greatest number; nil for floating-point numbers.
    private let range: (minimum: Float, maximum: Float)?
    private let small: SmallFloat?
    /// The value of each code of a floating-point type.
    private let values: [Float]

    init(_ type: TensorType) {
        let isSmall = Self.all.subtracting(Self.integers).contains(type)
        let small = isSmall ? SmallFloat.of(type) : nil
        self.small = small
        values = small.map { format in (0..<256).map { Float(format.decode(UInt8($0))) } } ?? []
        switch type {
        case .int8: (storage, range) = (.int8, (-128, 127))
        case .int16: (storage, range) = (.int16, (-32768, 32767))
        case .uint16: (storage, range) = (.uint16, (0, 65535))
        case .int4: (storage, range) = (.int8, (-8, 7))
        case .uint4: (storage, range) = (.uint8, (0, 15))
        case .int2: (storage, range) = (.int8, (-2, 1))
        case .uint2: (storage, range) = (.uint8, (0, 3))
        case .uint8: (storage, range) = (.uint8, (0, 255))
        case .int32: (storage, range) = (.int32, nil)
        default: (storage, range) = (.uint8, nil)
        }
    }

    /// The elements as floats.
    func decode(_ view: TensorView, into floats: UnsafeMutablePointer<Float>) throws(BelfryError) {
        guard small == nil else {
            let codes = view.bits(UInt8.self)
            for index in 0..<view.count { floats[index] = values[Int(codes[index])] }
            return
        }
        try storage.withNumber(Decode(view: view, floats: floats))
    }

    /// Each value becomes round(value / scale) + zero, within the type's range. Floating-point types are rounded later.
    func round(_ floats: UnsafeMutablePointer<Float>, _ count: Int, _ scale: Float, _ zero: Float) {
        guard let range else {
            for index in 0..<count { floats[index] = floats[index] / scale + zero }
            return
        }
        // Held within the range first, a value is small enough for the sum below, which leaves no room for a fraction:
        // adding it rounds to the nearest, ties to even.
        let (minimum, maximum, shift) = (range.minimum - zero, range.maximum - zero, Float(12_582_912))
        for index in 0..<count {
            var value = floats[index] / scale
            value = value > maximum ? maximum : value
            value = value > minimum ? value : minimum
            floats[index] = ((value + shift) - shift) + zero
        }
    }

    /// Writes what `round` left.
    func encode(
        _ floats: UnsafePointer<Float>, into view: TensorView, _ rounding: SmallFloat.Rounding
    ) throws(BelfryError) {
        if let small {
            let codes = view.bits(UInt8.self)
            for index in 0..<view.count { codes[index] = small.encode(Double(floats[index]), rounding) }
            return
        }
        switch storage {
        case .int8: write(floats, view.bits(Int8.self), view.count)
        case .int16: write(floats, view.bits(Int16.self), view.count)
        case .uint16: write(floats, view.bits(UInt16.self), view.count)
        default: write(floats, view.bits(UInt8.self), view.count)
        }
    }

    private func write<Element: FixedWidthInteger>(
        _ floats: UnsafePointer<Float>, _ elements: UnsafeMutablePointer<Element>, _ count: Int
    ) {
        for index in 0..<count { elements[index] = Element(truncatingIfNeeded: Int32(floats[index])) }
    }

    private struct Decode: NumberBody {
        let view: TensorView
        let floats: UnsafeMutablePointer<Float>

        func run<Element: Number>(_: Element.Type) {
            let elements = view.bits(Element.self)
            for index in 0..<view.count { floats[index] = Float(elements[index].number) }
        }
    }
}
