extension [UInt8] {
    /// Appends an integer's bytes, the lowest first.
    package mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    /// Replaces bytes by an integer's: a length or a checksum that is known only at the end.
    package mutating func replace(at place: Int, littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { replaceSubrange(place..<place + $0.count, with: $0) }
    }
}
