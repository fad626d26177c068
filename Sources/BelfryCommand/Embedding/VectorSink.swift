import Files
import Foundation
import Vectors

/// Where `embed` writes: an npy file, a file of JSON lines, or JSON lines on standard output.
enum VectorSink {
    case npy(NpyWriter)
    case lines(FileWriter)
    case standardOutput

    init(_ path: String?, dimension: Int) throws(BelfryError) {
        switch path {
        case nil: self = .standardOutput
        case let path? where path.hasSuffix(".npy"): self = .npy(try NpyWriter(path, columns: dimension))
        case let path?: self = .lines(try FileWriter(path))
        }
    }

    func write(_ texts: [String], _ vectors: Matrix) throws(BelfryError) {
        for (row, text) in texts.enumerated() {
            if case .npy(let writer) = self {
                try writer.append(UnsafeBufferPointer(vectors.row(row)))
                continue
            }
            // Shortest decimals that give the same f32 back.
            let components = vectors.row(row).map { "\($0)" }.joined(separator: ",")
            let line = "{\"text\":\(JSON.string(text).text()),\"vector\":[\(components)]}"
            if case .lines(let writer) = self {
                try Array((line + "\n").utf8).withBytes { bytes throws(BelfryError) in try writer.write(bytes) }
            } else {
                Terminal.print(line)
            }
        }
    }

    func finish() throws(BelfryError) {
        switch self {
        case .npy(let writer): try writer.finish()
        case .lines(let writer): try writer.finish()
        case .standardOutput: break
        }
    }
}
