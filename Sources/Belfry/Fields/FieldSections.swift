import Files
import Foundation
import Shards
import Synchronization

/// The columns of a field index: named runs of bytes, in memory or in a mapped file.
///
/// A section of a file is verified when it is read for the first time: opening an index reads next to nothing of it. What
/// a section gives is valid while this object is alive.
final class FieldSections: Sendable {
    private let file: SegmentFile?
    private nonisolated(unsafe) let memory: [String: UnsafeMutableRawBufferPointer]
    private let verified = Mutex<Set<String>>([])

    /// The sections of a file.
    init(_ file: SegmentFile) { (self.file, memory) = (file, [:]) }

    /// Sections in memory.
    init(_ sections: [(name: String, bytes: UnsafeMutableRawBufferPointer)]) {
        file = nil
        memory = Dictionary(sections.map { ($0.name, $0.bytes) }) { first, _ in first }
    }

    deinit { for bytes in memory.values { bytes.deallocate() } }

    /// Room for a section that holds `elements`.
    static func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutableRawBufferPointer {
        elements.withUnsafeBytes { bytes in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
            copy.copyMemory(from: bytes)
            return copy
        }
    }

    /// The bytes of a section, verified.
    func bytes(_ name: String) throws(BelfryError) -> UnsafeRawBufferPointer {
        guard let file else { return memory[name].map { UnsafeRawBufferPointer($0) } ?? .init(start: nil, count: 0) }
        if verified.withLock({ $0.contains(name) }) { return try file.bytes(of: name) }
        let bytes = try file.verifiedBytes(of: name)
        verified.withLock { _ = $0.insert(name) }
        return bytes
    }

    /// A section as a row of numbers.
    func column<Element: BitwiseCopyable>(
        _ name: String, of type: Element.Type
    ) throws(BelfryError) -> UnsafeBufferPointer<Element> {
        let bytes = try bytes(name)
        guard bytes.count % MemoryLayout<Element>.stride == 0 else {
            throw corrupt(name, 0, "has \(bytes.count) bytes, which are no \(MemoryLayout<Element>.stride) each")
        }
        return bytes.assumingMemoryBound(to: type)
    }

    /// What is wrong with a section of a file; in memory nothing can be.
    func corrupt(_ name: String, _ offset: Int, _ problem: String) -> BelfryError {
        let start = (try? file?.range(of: name).lowerBound) ?? 0
        return .corrupt("The section “\(name)” \(problem).", at: .byte(start + offset, of: file?.path ?? "memory"))
    }
}
