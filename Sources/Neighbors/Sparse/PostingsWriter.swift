package import Files
package import Shards

/// Makes the file `postings` of a file `sparse`. The formats are described at ``PostingsFormat`` and `SparseReader`.
///
/// 1. One pass over the rows counts for each term its postings and runs. Then it is known where each list will lie.
/// 2. Terms are taken in order, as many at a time as `memory` holds the lists of, and one more pass over the rows puts
///    their postings where they belong. A list that alone is larger is made by itself.
///
/// Memory is `memory` and some 80 bytes per term. A million rows of 120 terms are 720 MB of postings: three passes with
/// the default. The bytes of the file depend on the rows alone.
package enum PostingsWriter {
    /// Writes the file, in the place of one that may be there, and makes it survive a power cut.
    /// - Parameter memory: bytes for lists that are being made.
    /// - Throws: `corruptData` for a damaged row, `unsupported` for 2³² terms, or `io`.
    package static func write(_ path: String, of sparse: SparseReader, memory: Int = 1 << 28) throws(BelfryError) {
        let census = try TermCensus(sparse)
        let file = try SegmentFileWriter(
            path, kind: .postings, version: PostingsFormat.version, sections: PostingsFormat.sections)
        let order = census.order
        try file.begin("shape")
        try file.write(UInt64(sparse.rowCount))
        try file.write(UInt64(order.count))
        try file.write(UInt64(order.reduce(0) { $0 + census.tallies[$1].postings }))
        try file.begin("terms")
        for place in order { try file.write(census.tallies[place].term) }
        try file.begin("counts")
        for place in order { try file.write(UInt32(census.tallies[place].postings)) }
        try file.begin("starts")
        var start: UInt64 = 0
        try file.write(start)
        for place in order {
            start += UInt64(census.tallies[place].listBytes)
            try file.write(start)
        }
        try file.begin("lists")
        var crcs: [UInt32] = []
        crcs.reserveCapacity(order.count)
        var rest = order[...]
        while !rest.isEmpty {
            let lists = ListsInMaking(census, taking: &rest, memory: memory)
            try lists.fill(from: sparse)
            try file.write(UnsafeRawBufferPointer(lists.bytes))
            crcs += lists.checksums
        }
        try file.begin("crcs")
        for crc in crcs { try file.write(crc) }
        try file.finish()
    }
}

/// How many postings and runs each term has.
private struct TermCensus {
    struct Tally {
        let term: UInt32
        var postings = 0
        var runs = 0
        var lastWindow = -1

        var listBytes: Int { PostingsFormat.listBytes(runs: runs, postings: postings) }
    }

    let table = TermTable()
    /// By the table's numbers.
    private(set) var tallies: [Tally] = []
    /// The table's numbers of the terms, by ascending term.
    var order: [Int] { tallies.indices.sorted { tallies[$0].term < tallies[$1].term } }

    init(_ sparse: SparseReader) throws(BelfryError) {
        let row = SparseComponents()
        for number in 0..<sparse.rowCount {
            try sparse.read(number, into: row)
            let window = number >> PostingsFormat.windowShift
            for component in 0..<row.count {
                let place = table.insert(row.indices[component])
                if place == tallies.count { tallies.append(Tally(term: row.indices[component])) }
                tallies[place].postings += 1
                if tallies[place].lastWindow != window {
                    tallies[place].lastWindow = window
                    tallies[place].runs += 1
                }
            }
        }
    }
}

/// The bytes of some lists, one behind another, as the file will have them.
private final class ListsInMaking {
    let bytes: UnsafeMutableRawBufferPointer
    private let census: TermCensus
    private let lists: ArraySlice<Int>
    private var states: [State]

    /// How far a list is.
    private struct State {
        /// Where the runs begin in the bytes; negative for a list that is not among these.
        var runs = -1
        var weights = 0
        var places = 0
        var runCount = 0
        var postings = 0
        var lastWindow = -1
    }

    /// Takes the first lists of `rest`, by the numbers of the table: as many as there is memory for, but at least one.
    init(_ census: TermCensus, taking rest: inout ArraySlice<Int>, memory: Int) {
        self.census = census
        states = [State](repeating: State(), count: census.tallies.count)
        var (end, size) = (rest.startIndex, 0)
        while end < rest.endIndex {
            let tally = census.tallies[rest[end]]
            guard size == 0 || size + tally.listBytes <= memory else { break }
            let runs = size + PostingsFormat.listHeader
            let weights = runs + tally.runs * MemoryLayout<PostingsRun>.stride
            states[rest[end]] = State(runs: runs, weights: weights, places: weights + tally.postings * 4)
            size += tally.listBytes
            end += 1
        }
        lists = rest[..<end]
        rest = rest[end...]
        bytes = .allocate(byteCount: size, alignment: 8)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        for place in lists {
            bytes.storeBytes(
                of: UInt32(census.tallies[place].runs), toByteOffset: states[place].runs - PostingsFormat.listHeader,
                as: UInt32.self)
        }
    }

    deinit { bytes.deallocate() }

    /// Puts the postings of all rows where they belong.
    func fill(from sparse: SparseReader) throws(BelfryError) {
        let (row, table, base) = (SparseComponents(), census.table, bytes.baseAddress!)
        for number in 0..<sparse.rowCount {
            try sparse.read(number, into: row)
            let window = number >> PostingsFormat.windowShift
            let rowInWindow = UInt16(number & (PostingsFormat.windowRows - 1))
            for component in 0..<row.count {
                guard let place = table.place(of: row.indices[component]), states[place].runs >= 0 else { continue }
                let (weight, posting) = (row.values[component], states[place].postings)
                let runs = (base + states[place].runs).assumingMemoryBound(to: PostingsRun.self)
                if states[place].lastWindow != window {
                    states[place].lastWindow = window
                    runs[states[place].runCount] = PostingsRun(window: UInt32(window), first: UInt32(posting), bound: 0)
                    states[place].runCount += 1
                }
                let run = runs + (states[place].runCount - 1)
                run.pointee.bound = max(run.pointee.bound, weight.magnitude)
                (base + states[place].weights).storeBytes(of: weight, toByteOffset: posting * 4, as: Float.self)
                (base + states[place].places).storeBytes(of: rowInWindow, toByteOffset: posting * 2, as: UInt16.self)
                states[place].postings = posting + 1
            }
        }
    }

    /// The checksum of each list.
    var checksums: [UInt32] {
        lists.map { place in
            let start = states[place].runs - PostingsFormat.listHeader
            let list = UnsafeRawBufferPointer(rebasing: bytes[start..<start + census.tallies[place].listBytes])
            return PostingsFormat.checksum(census.tallies[place].term, list)
        }
    }
}
