/// Text that is being written: UTF-8 bytes whose memory grows and is then kept.
final class TextBuffer {
    private(set) var base: UnsafeMutablePointer<UInt8>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 256) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    deinit { base.deallocate() }

    /// What was written; valid until the next change.
    var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

    func clear() { count = 0 }

    /// Cuts the text to its first `count` bytes.
    func truncate(to count: Int) { self.count = min(self.count, max(count, 0)) }

    /// Makes room for `more` bytes after those that are there.
    @inline(__always)
    func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private func grow(_ more: Int) {
        capacity = max(2 * capacity, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
    }

    @inline(__always)
    func append(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count &+= 1
    }

    @inline(__always)
    func append(_ bytes: UnsafePointer<UInt8>, _ more: Int) {
        reserve(more)
        (base + count).update(from: bytes, count: more)
        count &+= more
    }

    @inline(__always)
    func append(_ text: UnsafeBufferPointer<UInt8>) {
        if let start = text.baseAddress { append(start, text.count) }
    }

    func append(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { append($0) } }

    /// Appends a scalar that is not a surrogate.
    @inline(__always)
    func append(scalar: UInt32) {
        reserve(4)
        count &+= UTF8Text.write(scalar, to: base + count)
    }
}
