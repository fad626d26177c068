import Vectors

/// Writes codes of rows into blocks of 16, transposed: see `lists.h`.
struct BlockWriter {
    /// Bits of a code: 4 or 8.
    let bits: Int
    /// Components of a code.
    let dimension: Int

    private var componentsPerLine: Int { 32 / bits }
    private var lines: Int { (dimension + componentsPerLine - 1) / componentsPerLine }
    /// Bytes of a block.
    var blockBytes: Int { lines * 64 + (bits == 4 ? 64 : 128) }

    /// Puts the code of row `lane` into a block of zeros.
    func put(_ codes: UnsafePointer<UInt8>, lane: Int, into block: UnsafeMutablePointer<UInt8>) {
        for i in 0..<dimension {
            let line = block + i / componentsPerLine * 64 + 4 * lane
            let place = i % componentsPerLine
            line[place % 4] |= place < 4 ? codes[i] : codes[i] << 4
        }
    }

    /// Puts the factors of row `lane` into its block, as f32 (8 bits) or the nearest f16 (4 bits).
    func put(bias: Float, scale: Float, lane: Int, into block: UnsafeMutablePointer<UInt8>) {
        let factors = UnsafeMutableRawPointer(block + lines * 64)
        if bits == 4 {
            factors.storeBytes(of: half(bias), toByteOffset: 2 * lane, as: UInt16.self)
            factors.storeBytes(of: half(scale), toByteOffset: 32 + 2 * lane, as: UInt16.self)
        } else {
            factors.storeBytes(of: bias.bitPattern.littleEndian, toByteOffset: 4 * lane, as: UInt32.self)
            factors.storeBytes(of: scale.bitPattern.littleEndian, toByteOffset: 64 + 4 * lane, as: UInt32.self)
        }
    }

    private func half(_ value: Float) -> UInt16 {
        var (wide, narrow) = (value, UInt16(0))
        ElementType.f16.narrow(&wide, to: &narrow, count: 1)
        return narrow
    }
}
