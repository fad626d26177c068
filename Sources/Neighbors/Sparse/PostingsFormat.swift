import Files
package import Shards

extension SegmentFile.Kind {
    /// The inverted index of sparse vectors: see ``PostingsFormat``.
    package static let postings = SegmentFile.Kind(rawValue: "postings")
}

/// The format of the file `postings`, version 1: for each term of sparse vectors the rows that have it, and with what
/// weight. It holds nothing that the file `sparse` does not say, and can be made again from it.
///
/// A `SegmentFile` of kind `postings` with six sections:
///
/// | section | bytes | what |
/// |---|---|---|
/// | `shape` | 24 | u64 rows N, u64 terms T, u64 postings of all terms |
/// | `terms` | 4 × T | u32 the terms, strictly ascending |
/// | `counts` | 4 × T | u32 how many rows have each term, at least one |
/// | `starts` | 8 × (T + 1) | u64 where in `lists` each term's list begins, and the section's length |
/// | `lists` | | the lists, one after another |
/// | `crcs` | 4 × T | u32 CRC-32C of each list: of its term as u32, and its bytes |
///
/// Rows are numbered in *windows* of 16,384. A list of n rows is cut into *runs*, one for each window in which it has
/// rows:
///
/// | bytes | what |
/// |---|---|
/// | 4, 4 | u32 runs r, zero |
/// | 12 × r | the runs by window: u32 window, u32 place in the list of its first posting, f32 the largest weight magnitude |
/// | 4 × n | f32 the weights |
/// | 2 × n | u16 the rows, strictly ascending within a run, counted from the beginning of the window |
/// | 0 to 7 | zeros, up to a multiple of 8 |
///
/// A posting takes six bytes. Windows bound what a search needs of working memory, and the largest magnitudes let it leave
/// out windows and lists that cannot change the answer. All integers are little-endian.
enum PostingsFormat {
    static let version = 1
    static let sections = ["shape", "terms", "counts", "starts", "lists", "crcs"]
    static let windowShift = 14
    static let windowRows = 1 << windowShift
    /// Bytes before the runs of a list.
    static let listHeader = 8

    /// Bytes of a list.
    static func listBytes(runs: Int, postings: Int) -> Int {
        (listHeader + runs * MemoryLayout<PostingsRun>.stride + postings * 6 + 7) / 8 * 8
    }

    static func checksum(_ term: UInt32, _ list: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        withUnsafeBytes(of: term.littleEndian) { crc.add($0) }
        crc.add(list)
        return crc.value
    }
}

/// The postings of one term in one window, as they lie in the file.
struct PostingsRun {
    /// The window.
    var window: UInt32
    /// The place in the list of the first posting.
    var first: UInt32
    /// The largest weight magnitude.
    var bound: Float
}

/// One term's rows and weights. Points into the mapped file: valid while its reader is alive.
struct PostingsList {
    /// How many rows have the term.
    let count: Int
    let runCount: Int
    let runs: UnsafePointer<PostingsRun>
    let weights: UnsafePointer<Float>
    /// The rows, each counted from the beginning of its window.
    let places: UnsafePointer<UInt16>

    /// The place behind the last posting of a run.
    @inline(__always)
    func end(ofRun run: Int) -> Int { run + 1 < runCount ? Int(runs[run + 1].first) : count }
}
