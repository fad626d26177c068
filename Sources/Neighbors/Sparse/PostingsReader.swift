package import Files
import Shards
import Synchronization

/// Reads the file `postings` through a mapping: term → rows and weights. The format is described at ``PostingsFormat``.
///
/// Opening verifies the directory of terms: 16 bytes for each. A list is verified, byte by byte and against all that a
/// search takes for granted, when it is first asked for; that takes about as long as a search over it, once. Reading is
/// safe from any number of threads.
package final class PostingsReader: Sendable {
    /// How many rows there are, with or without terms.
    package let rowCount: Int
    /// How many terms some row has.
    package let termCount: Int
    /// How many postings all lists have together.
    package let postingCount: Int

    /// Bytes of the file.
    package let fileBytes: Int

    let file: SegmentFile
    private let listsStart: Int
    nonisolated(unsafe) private let lists: UnsafeRawBufferPointer
    nonisolated(unsafe) private let terms: UnsafePointer<UInt32>
    nonisolated(unsafe) private let counts: UnsafePointer<UInt32>
    nonisolated(unsafe) private let starts: UnsafePointer<UInt64>
    nonisolated(unsafe) private let crcs: UnsafePointer<UInt32>
    /// Which lists have been verified: each goes from false to true, by whichever thread comes first.
    nonisolated(unsafe) private let verified: UnsafeMutablePointer<Atomic<Bool>>

    /// Maps the file at `path`.
    /// - Throws: `notFound`, `corruptData` with the byte offset, or `unsupported` for a newer format.
    package init(_ path: String) throws(BelfryError) {
        let file = try SegmentFile(path, kind: .postings, newest: PostingsFormat.version)
        let place = try file.range(of: "shape").lowerBound
        var shape = ByteReader(try file.verifiedBytes(of: "shape"), file: path, base: place)
        let rows = try shape.readCount(UInt64.self, "The number of rows")
        let terms = try shape.readCount(UInt64.self, "The number of terms")
        let postings = try shape.readCount(UInt64.self, "The number of postings")
        guard shape.remaining == 0, rows <= Int(UInt32.max), terms <= 1 << 32 else {
            throw .corrupt("The shape of the postings is not a possible one.", at: .byte(place, of: path))
        }
        (self.file, rowCount, termCount, postingCount) = (file, rows, terms, postings)
        self.terms = try Self.directory(file, "terms", count: terms)
        counts = try Self.directory(file, "counts", count: terms)
        starts = try Self.directory(file, "starts", count: terms + 1)
        crcs = try Self.directory(file, "crcs", count: terms)
        lists = try file.bytes(of: "lists")
        listsStart = try file.range(of: "lists").lowerBound
        fileBytes = try file.range(of: "crcs").upperBound
        verified = .allocate(capacity: terms)
        for term in 0..<terms { (verified + term).initialize(to: Atomic(false)) }
        if let problem = directoryProblem() { throw problem }
    }

    deinit {
        verified.deinitialize(count: termCount)
        verified.deallocate()
    }

    /// Where the file was when it was opened.
    package var path: String { file.path }

    /// How many rows have a term.
    package func documentFrequency(of term: UInt32) -> Int { place(of: term).map { Int(counts[$0]) } ?? 0 }

    /// How many rows have each term.
    package func documentFrequencies(of terms: [UInt32]) -> [Int] { terms.map { documentFrequency(of: $0) } }

    /// The term's number among all terms; nil where no row has it.
    func place(of term: UInt32) -> Int? {
        var (low, high) = (0, termCount)
        while low < high {
            let middle = (low + high) / 2
            if terms[middle] < term { low = middle + 1 } else { high = middle }
        }
        return low < termCount && terms[low] == term ? low : nil
    }

    /// The term of a number.
    func term(_ place: Int) -> UInt32 { terms[place] }

    /// The list of a term by its number, verified.
    /// - Throws: `corruptData` with the byte offset.
    func list(_ place: Int) throws(BelfryError) -> PostingsList {
        if verified[place].load(ordering: .acquiring) { return unverifiedList(place) }
        if let problem = problem(ofList: place) { throw problem }
        verified[place].store(true, ordering: .releasing)
        return unverifiedList(place)
    }

    // MARK: verification

    private static func directory<T>(
        _ file: SegmentFile, _ section: String, count: Int
    ) throws(BelfryError) -> UnsafePointer<T> {
        let bytes = try file.verifiedBytes(of: section)
        guard bytes.count == count * MemoryLayout<T>.stride else {
            throw .corrupt(
                "\(bytes.count) bytes of section “\(section)” do not hold \(count) entries.",
                at: .byte(try file.range(of: section).lowerBound, of: file.path))
        }
        // A section without bytes is never read.
        return (bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!).assumingMemoryBound(to: T.self)
    }

    /// What is wrong with the terms, their counts, or where the lists lie.
    private func directoryProblem() -> BelfryError? {
        var (postings, end) = (0, UInt64(0))
        for place in 0..<termCount {
            let count = Int(counts[place])
            let next = starts[place + 1]
            guard place == 0 || terms[place - 1] < terms[place], count > 0, count <= rowCount, starts[place] == end,
                next > end, next <= UInt64(lists.count),
                // A list has at least one run, and at most one for each posting.
                Int(next - end) >= PostingsFormat.listBytes(runs: 1, postings: count),
                Int(next - end) <= PostingsFormat.listBytes(runs: count, postings: count)
            else { return corrupt("The directory's entry \(place) is not a possible one", at: 0) }
            end = next
            postings += count
        }
        guard end == starts[termCount], end == UInt64(lists.count), postings == postingCount else {
            return corrupt("The directory does not go with its lists", at: 0)
        }
        return nil
    }

    /// What is wrong with a list: its bytes, or what a search takes for granted of them.
    private func problem(ofList place: Int) -> BelfryError? {
        let bytes = bytes(ofList: place)
        let start = Int(starts[place])
        guard PostingsFormat.checksum(terms[place], bytes) == UInt32(littleEndian: crcs[place]) else {
            return corrupt("The list of term \(terms[place]) does not match its checksum", at: start)
        }
        let runs = Int(bytes.load(as: UInt32.self))
        let count = Int(counts[place])
        guard runs > 0, runs <= count, bytes.load(fromByteOffset: 4, as: UInt32.self) == 0,
            PostingsFormat.listBytes(runs: runs, postings: count) == bytes.count,
            unverifiedList(place).isSound(rows: rowCount),
            bytes[(PostingsFormat.listHeader + runs * 12 + count * 6)...].allSatisfy({ $0 == 0 })
        else { return corrupt("The list of term \(terms[place]) is not a list of postings", at: start) }
        return nil
    }

    private func unverifiedList(_ place: Int) -> PostingsList {
        let (start, count) = (bytes(ofList: place).baseAddress!, Int(counts[place]))
        let runCount = Int(start.load(as: UInt32.self))
        let runs = start + PostingsFormat.listHeader
        let weights = runs + runCount * MemoryLayout<PostingsRun>.stride
        return PostingsList(
            count: count, runCount: runCount, runs: runs.assumingMemoryBound(to: PostingsRun.self),
            weights: weights.assumingMemoryBound(to: Float.self),
            places: (weights + 4 * count).assumingMemoryBound(to: UInt16.self))
    }

    private func bytes(ofList place: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: lists[Int(starts[place])..<Int(starts[place + 1])])
    }

    private func corrupt(_ what: String, at offset: Int) -> BelfryError {
        .corrupt("\(what).", at: .byte(listsStart + offset, of: path))
    }
}
