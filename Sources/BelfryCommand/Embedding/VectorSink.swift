import Files
import Foundation
import Vectors

/// Where `embed` writes: an npy file, a file of JSON lines, or JSON lines on standard output.
///
/// A file appears, or is replaced, when it is whole.
struct VectorSink {
    private enum Target {
        case npy(NpyWriter)
        case lines(FileWriter)
        case standardOutput
    }

    private let target: Target
    private let path: String?
    private let temporary: String?

    init(_ path: String?, dimension: Int) throws(BelfryError) {
        self.path = path
        guard let path else {
            target = .standardOutput
            temporary = nil
            return
        }
        Terminal.noteRemoved(TemporaryName.file.removeLeftoverFiles(of: path))
        let temporary = TemporaryName.file.beside(path)
        target =
            path.hasSuffix(".npy")
            ? .npy(try NpyWriter(temporary, columns: dimension, isNew: true))
            : .lines(try FileWriter(temporary, isNew: true))
        self.temporary = temporary
    }

    /// Writes the vectors, and into JSON lines what they were made of, as the member `name`.
    func write(_ name: String, _ sources: [JSON], _ vectors: Matrix) throws(BelfryError) {
        for (row, source) in sources.enumerated() {
            if case .npy(let writer) = target {
                try writer.append(UnsafeBufferPointer(vectors.row(row)))
                continue
            }
            // Shortest decimals that give the same f32 back.
            let components = vectors.row(row).map { "\($0)" }.joined(separator: ",")
            let line = "{\(JSON.string(name).text()):\(source.text()),\"vector\":[\(components)]}"
            if case .lines(let writer) = target {
                try Array((line + "\n").utf8).withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
            } else {
                Terminal.print(line)
            }
        }
    }

    func finish() throws(BelfryError) {
        switch target {
        case .npy(let writer): try writer.finish()
        case .lines(let writer): try writer.finish()
        case .standardOutput: break
        }
        if let path, let temporary { try System.rename(temporary, to: path) }
    }

    /// Removes what was written when the work failed.
    func abandon() {
        if let temporary { try? System.remove(temporary) }
    }
}
