import Vectors

/// The components of one sparse row, in memory that is reused from row to row; and their form in the file `sparse`.
///
/// For one thread at a time.
package final class SparseComponents {
    /// How many there are.
    package private(set) var count = 0
    /// Their indices, strictly ascending.
    package private(set) var indices: UnsafeMutablePointer<UInt32>
    /// Their values, finite.
    package private(set) var values: UnsafeMutablePointer<Float>
    private var capacity = 256

    /// No components.
    package init() { (indices, values) = (.allocate(capacity: capacity), .allocate(capacity: capacity)) }

    deinit {
        indices.deallocate()
        values.deallocate()
    }

    /// Takes the components from the bytes of a row. Returns false where they are not the one form of a sparse vector.
    func decode(_ bytes: UnsafeRawBufferPointer) -> Bool {
        count = 0
        var offset = 0
        // A component takes five bytes at the least.
        guard let number = Self.varint(bytes, &offset), Int(number) <= bytes.count / 5 else { return false }
        reserve(Int(number))
        var next: UInt64 = 0
        for place in 0..<Int(number) {
            guard let step = Self.varint(bytes, &offset), next + UInt64(step) <= UInt64(UInt32.max) else {
                return false
            }
            indices[place] = UInt32(next + UInt64(step))
            next += UInt64(step) + 1
        }
        guard bytes.count - offset == 4 * Int(number) else { return false }
        var isFinite = true
        for place in 0..<Int(number) {
            let pattern = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4 * place, as: UInt32.self))
            values[place] = Float(bitPattern: pattern)
            isFinite = isFinite && values[place].isFinite
        }
        guard isFinite else { return false }
        count = Int(number)
        return true
    }

    /// Appends the bytes of a row.
    static func encode(_ vector: SparseVector, into bytes: inout [UInt8]) {
        append(UInt32(vector.count), to: &bytes)
        var next: UInt32 = 0
        for index in vector.indices {
            append(index - next, to: &bytes)
            next = index &+ 1
        }
        for value in vector.values {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
    }

    private func reserve(_ wanted: Int) {
        guard wanted > capacity else { return }
        indices.deallocate()
        values.deallocate()
        capacity = max(wanted, 2 * capacity)
        (indices, values) = (.allocate(capacity: capacity), .allocate(capacity: capacity))
    }

    private static func append(_ value: UInt32, to bytes: inout [UInt8]) {
        var left = value
        while left >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: left) | 0x80)
            left >>= 7
        }
        bytes.append(UInt8(left))
    }

    /// The number at `offset`, and moves behind it; nil where it does not end, is above 32 bits, or has needless bytes.
    @inline(__always)
    private static func varint(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> UInt32? {
        var (value, shift) = (UInt64(0), UInt64(0))
        while offset < bytes.count, shift <= 28 {
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return byte == 0 && shift > 0 ? nil : UInt32(exactly: value) }
            shift += 7
        }
        return nil
    }
}
