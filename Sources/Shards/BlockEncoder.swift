import CKernels
import CLZ4
import Files
import Vectors

/// Turns the rows of a block into what is stored: bit planes through LZ4HC, or the rows as they are.
///
/// Owns its working memory. One owner at a time.
final class BlockEncoder {
    private let dimension: Int
    private let width: Int
    private let level: Int32
    private let state: UnsafeMutableRawPointer
    private let planes: UnsafeMutableRawBufferPointer

    init(dimension: Int, elementType: ElementType, blockBytes: Int, level: Int) {
        self.dimension = dimension
        self.level = Int32(level)
        width = elementType.size
        state = .allocate(byteCount: Int(LZ4_sizeofStateHC()), alignment: 16)
        planes = .allocate(byteCount: blockBytes, alignment: 64)
    }

    deinit {
        state.deallocate()
        planes.deallocate()
    }

    /// Writes the stored form of `rows` to `target`, which has room for them, and returns its length.
    func encode(_ rows: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> Int {
        let raw = rows.count
        let isa = InstructionSet.current.isa
        belfry_bits_split(isa, width, raw / (dimension * width), dimension, rows.baseAddress, planes.baseAddress)
        let length = LZ4_compress_HC_extStateHC(
            state, planes.baseAddress, target, Int32(raw), Int32(ShardFormat.compressedLimit(raw)), level)
        if length > 0 { return Int(length) }
        target.copyMemory(from: rows.baseAddress!, byteCount: raw)
        return raw
    }
}
