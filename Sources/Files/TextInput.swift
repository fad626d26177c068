import Foundation

/// The bytes of a text file from first to last, whether it is plain or gzip-compressed; `-` is standard input.
///
/// 1. A file whose first two bytes are gzip's is inflated, whatever its name; one called `.gz` must be gzip.
/// 2. Several gzip members follow each other as one text (`cat a.gz b.gz`); zero bytes behind the last are padding.
/// 3. A member that is cut off or damaged is an error with the byte of the compressed file, and so is anything else
///    behind a member: it may be the ruin of another one, and leaving it out in silence would lose rows.
///
/// Not safe to share between threads.
public final class TextInput {
    /// The file, or `standard input`: the name for errors.
    public let path: String
    /// How large the file is on disk; nil for what is no regular file.
    public let size: Int?
    /// How many bytes of the file (compressed, if it is) have been used: with `size`, how far the work is.
    public private(set) var position = 0

    private enum Mode {
        case unknown, plain, gzip
        /// Between two members.
        case betweenMembers
        case end
    }

    private let descriptor: Int32
    private var mode = Mode.unknown
    private let buffer: UnsafeMutableRawBufferPointer
    private var buffered: Range<Int> = 0..<0
    private var inflater: InflateStream?

    /// Opens the file at `path`.
    public init(_ path: String) throws(BelfryError) {
        self.path = path == "-" ? "standard input" : path
        descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw System.failure("open it", self.path) }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        size = isKnown && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
        buffer = .allocate(byteCount: 1 << 18, alignment: 64)
        if path != "-" {
            if isKnown, status.st_mode & S_IFMT == S_IFIFO { try awaitWriter() }
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
        }
    }

    /// Waits a moment for somebody who writes to the pipe: `<(zcat rows.csv.zst)` has a writer from the start, and a pipe
    /// that lies where a file should has none.
    private func awaitWriter() throws(BelfryError) {
        for _ in 0..<Self.patience {
            let count = Foundation.read(descriptor, buffer.baseAddress!, buffer.count)
            if count > 0 { buffered = 0..<count }
            if count > 0 || (count < 0 && errno == EAGAIN) { return }
            usleep(10_000)
        }
        throw BelfryError(
            .invalidInput, "This is a pipe that nobody writes to.", at: .init(file: path),
            remedy: "Name a file, or start what writes to the pipe first.")
    }

    /// Hundredths of a second.
    private static let patience = 200

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Fills `target` from its beginning, as far as bytes are at hand.
    /// - Returns: how many bytes; 0 at the end of the text.
    public func read(into target: UnsafeMutableRawBufferPointer) throws(BelfryError) -> Int {
        guard target.count > 0 else { return 0 }
        while true {
            switch mode {
            case .unknown: try recognize()
            case .plain:
                if buffered.isEmpty { try fill() }
                let count = min(buffered.count, target.count)
                if count == 0 { mode = .end }
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[buffered.prefix(count)]))
                use(count)
                return count
            case .gzip:
                let count = try inflate(into: target)
                if count > 0 { return count }
            case .betweenMembers: try beginMember()
            case .end: return 0
            }
        }
    }

    // MARK: gzip

    private func recognize() throws(BelfryError) {
        while buffered.count < 2, try fill() {}
        if startsMember() {
            inflater = try InflateStream(.gzip)
            mode = .gzip
        } else if path.hasSuffix(".gz") {
            throw .corrupt(
                buffered.count < 2 ? "The gzip file is cut off in its header." : "This is not a gzip file.",
                at: .byte(0, of: path))
        } else {
            mode = .plain
        }
    }

    private func inflate(into target: UnsafeMutableRawBufferPointer) throws(BelfryError) -> Int {
        if buffered.isEmpty, try !fill() {
            throw .corrupt("The gzip file is cut off: its last member does not end.", at: .byte(position, of: path))
        }
        let step = inflater!.step(UnsafeRawBufferPointer(rebasing: buffer[buffered]), into: target)
        use(step.read)
        switch step.outcome {
        case .more: break
        case .end: mode = .betweenMembers
        case .corrupt(let reason):
            throw .corrupt("The gzip file cannot be inflated: \(reason).", at: .byte(position, of: path))
        }
        return step.written
    }

    private func beginMember() throws(BelfryError) {
        while buffered.count < 2, try fill() {}
        if startsMember() {
            inflater!.reset()
            mode = .gzip
            return
        }
        // Tapes and block devices pad with zeros.
        repeat {
            guard let other = buffered.first(where: { buffer[$0] != 0 }) else {
                use(buffered.count)
                continue
            }
            use(other - buffered.lowerBound)
            throw .corrupt(
                "What follows a gzip member is no other member.", at: .byte(position, of: path))
        } while try fill()
        mode = .end
    }

    private func startsMember() -> Bool {
        buffered.count >= 2 && buffer[buffered.lowerBound] == 0x1f && buffer[buffered.lowerBound + 1] == 0x8b
    }

    // MARK: the buffer

    private func use(_ count: Int) {
        buffered = buffered.dropFirst(count)
        position += count
    }

    /// Reads more bytes behind those that are buffered; false at the end of the file.
    @discardableResult
    private func fill() throws(BelfryError) -> Bool {
        if buffered.lowerBound > 0 {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[buffered]))
            buffered = 0..<buffered.count
        }
        while true {
            let count = Foundation.read(descriptor, buffer.baseAddress! + buffered.count, buffer.count - buffered.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw System.failure("read it", path) }
            buffered = 0..<buffered.count + count
            return count > 0
        }
    }
}
