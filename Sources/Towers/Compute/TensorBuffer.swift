/// Memory of a tensor's own, 64-byte aligned.
final class TensorBuffer {
    let start: UnsafeMutableRawPointer
    /// How many bytes there are.
    let count: Int

    init(bytes: Int) {
        count = max(bytes, 64)
        start = .allocate(byteCount: count, alignment: 64)
    }

    deinit { start.deallocate() }
}
