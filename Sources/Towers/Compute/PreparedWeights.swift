import Files
import Foundation
import Synchronization
import Vectors

/// Weights of products as they are laid out for them, in a file of the tower: mapped when it is loaded, instead of laid
/// out each time.
///
/// | bytes | what |
/// |---|---|
/// | 8 | `BLFPACK1` |
/// | 8 | floats that follow, little-endian |
/// | 64 | SHA-256 of the weights that they were made of, in hexadecimal |
/// | 48 | zeros |
/// | rest | the panels of each product, in the order in which the encoder lays them out, each from a multiple of 64 bytes on |
///
/// It can be made again at any time, and does not count in the tower's fingerprint. A file that was made of other weights,
/// or has another length than the encoder asks for, is not used.
final class PreparedWeights: Sendable {
    static let name = "prepared.weights"
    /// The file that it is made of.
    static let weights = "model.safetensors"
    private static let magic = Array("BLFPACK1".utf8)
    private static let header = 128

    /// Nil while the file is being made.
    private let file: MappedFile?
    private let state: Mutex<(next: Int, made: [[Float]])>

    /// What was laid out while a tower was loaded is kept, to be written.
    init() {
        file = nil
        state = Mutex((0, []))
    }

    /// The file at `path`, if it was made of the weights with this digest.
    init?(_ path: String, madeOf digest: String) {
        guard let file = try? MappedFile(path), file.bytes.count >= Self.header, file.bytes.starts(with: Self.magic),
            file.bytes[16..<80].elementsEqual(digest.utf8),
            file.bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                == UInt64((file.bytes.count - Self.header) / 4)
        else { return nil }
        self.file = file
        state = Mutex((0, []))
    }

    /// The next `count` floats of the file; nil if it is being made or has no more.
    func next(_ count: Int) -> Weights? {
        guard let file else { return nil }
        let place = state.withLock { state -> Int in
            defer { state.next += Self.rounded(count) }
            return state.next
        }
        guard count <= (file.bytes.count - Self.header) / 4 - place else { return nil }
        let start = file.bytes.baseAddress! + Self.header + 4 * place
        return Weights(mapped: start.assumingMemoryBound(to: Float.self), count: count, owner: file)
    }

    /// Whether all of the file was asked for, and no more.
    var isUsedUp: Bool {
        guard let file else { return true }
        return state.withLock { Self.header + 4 * $0.next == file.bytes.count }
    }

    /// Keeps what was laid out, if the file is being made.
    func keep(_ weights: UnsafePointer<Float>, _ count: Int) {
        guard file == nil else { return }
        let panels = Array(UnsafeBufferPointer(start: weights, count: count))
        state.withLock { $0.made.append(panels) }
    }

    /// Writes what was kept. False: there is nothing to write.
    func write(to path: String, madeOf digest: String) throws(BelfryError) -> Bool {
        let made = state.withLock { $0.made }
        guard !made.isEmpty else { return false }
        let writer = try FileWriter(path)
        let floats = made.reduce(0) { $0 + Self.rounded($1.count) }
        var header = Self.magic
        header.append(littleEndian: UInt64(floats))
        header += Array(digest.utf8)
        header += [UInt8](repeating: 0, count: Self.header - header.count)
        try header.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
        for panels in made {
            try panels.withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
            try writer.align(to: 64)
        }
        try writer.finish()
        return true
    }

    private static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
