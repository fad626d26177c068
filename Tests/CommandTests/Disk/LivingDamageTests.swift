import Belfry
import Files
import Foundation
import Neighbors
import Synchronization
import TestSupport
import Testing

@testable import Belfry
@testable import Shards

/// A collection that takes writes, with a log, dead rows and, in one of its segments, an index: whatever byte of whatever
/// file is another one, `check` says so, and opening and searching give an answer or an error.
@Suite(.serialized) struct LivingDamageTests {
    /// What was damaged is made whole again: what is lost is said, and everything else is there.
    @Test func repairSaysWhatIsLostAndKeepsTheRest() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) {
                await endingWithin(LongRun.choose(300, long: 7_000)) {
                    MergeJob.fewestWithIndex.store(1_000, ordering: .relaxed)
                    try await damageAndRepair(rows: 1_500)
                }
            })
    }

    @Test func everyFlippedBitAndEveryCutIsFound() async {
        show(
            await #expect(
                processExitsWith: .success, observing: [\.standardOutputContent, \.standardErrorContent]
            ) {
                await endingWithin(LongRun.choose(300, long: 7_000)) {
                    MergeJob.fewestWithIndex.store(1_000, ordering: .relaxed)
                    for index in [IndexKind.hnsw, .ivf] { try await damage(rows: 1_500, index: index) }
                }
            })
    }
}

private func damage(rows: Int, index: IndexKind) async throws {
    var random = SeededGenerator()
    try await FaultyDisk.withFolder { folder in
        let path = folder + "/live.belfry"
        try await fill(path, rows: rows, index, &random)
        for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding.problems)") }
        let files = try DamageSections.files(path)
        let view = try VectorCollection(path).view
        let segments = view.segments.map(\.segment)
        #expect(segments.count == 3 && segments[0].record.kind == index && view.segments[0].dead != nil)
        var damage = Damage(path: path, random: random)
        for name in files {
            let sections = try DamageSections.of(name, in: path)
            for section in sections {
                for _ in 0..<LongRun.choose(2, long: 200) { try damage.flip(name, section) }
            }
            for _ in 0..<LongRun.choose(2, long: 50) { try damage.cut(name) }
            try damage.requireFew()
        }
        print("\(rows) rows, \(index.rawValue): \(damage.summary)")
    }
}

/// A collection that was written to and closed: segments, of which the first has an index, dead rows in them, and what
/// the log has beyond the catalogue.
private func fill(
    _ path: String, rows: Int, _ index: IndexKind, _ random: inout SeededGenerator
) async throws {
    var description = VectorCollection.Description(dimension: 4, metric: .l2)
    description.index = index
    let collection = try VectorCollection.create(path, description)
    func points(_ ids: Range<Int>) -> [WrittenPoint] {
        ids.map { WrittenPoint(id: "\($0)", vector: random.vector(4), payload: ["n": .integer(Int64($0))]) }
    }
    // Two seals, so that they are merged, and get an index.
    for half in [0..<rows / 2, rows / 2..<rows] {
        try await collection.upsert(points(half))
        try await collection.compact()
    }
    // Two more segments, which make rows of the first dead.
    CollectionBase.tableRows.store(64, ordering: .relaxed)
    try await collection.close()
    for part in 0..<2 {
        let again = try VectorCollection(path, for: .writing)
        try await again.upsert(points(part * 30..<part * 30 + 50))
        try await again.delete(["\(200 + part)"])
        // Which waits for the seal.
        try await again.close()
    }
    let again = try VectorCollection(path, for: .writing)
    for number in 0..<10 { try await again.write([.setPayload(["\(number)"], ["again": true])]) }
    try await again.close()
}

/// The parts of a file: bytes of one meaning.
private enum DamageSections {
    /// All files of a collection.
    static func files(_ path: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).sorted().filter {
            !System.isDirectory("\(path)/\($0)") && $0 != "lock"
        }
    }

    static func of(_ name: String, in collection: String) throws -> [Range<Int>] {
        let path = "\(collection)/\(name)"
        let size = try System.fileSize(path)
        if name.hasPrefix("segments/") {
            let file = try SegmentFile(path)
            let sections = file.sections.map(\.range).filter { !$0.isEmpty }
            let table = SegmentFile.headerSize + SegmentFile.entrySize * file.sections.count
            return [0..<SegmentFile.headerSize, SegmentFile.headerSize..<table] + sections
        }
        if name.hasPrefix("log/") {
            let end = try end(ofLogIn: collection)
            let isLast = end.file?.path == path
            // Behind the last record there is room, which is nobody's.
            return [0..<LogFile.headerSize, LogFile.headerSize..<(isLast ? end.offset : size)]
        }
        if name == "catalog.sqlite" { return [0..<100, 100..<4_096, 4_096..<size] }
        return [0..<size]
    }

    static func end(ofLogIn collection: String) throws -> LogEnd {
        let state = try Catalogue(collection + "/catalog.sqlite", .read).read { try $0.state() }
        return try LogReader(collection + "/log").replay(from: state.lsn + 1) { _, _ in }
    }
}

/// Damages one file at a time, asks, and mends it.
private struct Damage {
    let path: String
    var random: SeededGenerator
    private var flips = 0
    private var cuts = 0
    private var missed: [String] = []

    init(path: String, random: SeededGenerator) { (self.path, self.random) = (path, random) }

    var summary: String { "\(flips) flips, \(cuts) cuts, \(missed.count) not found" }

    mutating func flip(_ name: String, _ section: Range<Int>) throws {
        let (place, bit) = Self.bit(in: section, &random)
        flips += 1
        try change(name, "byte \(place) xor \(bit) in \(section)") { Self.flip($0, place, bit) }
    }

    private static func bit(in section: Range<Int>, _ random: inout SeededGenerator) -> (place: Int, bit: UInt8) {
        (Int.random(in: section, using: &random), UInt8(1) << UInt8.random(in: 0..<8, using: &random))
    }

    private static func flip(_ descriptor: Int32, _ place: Int, _ bit: UInt8) {
        var byte: UInt8 = 0
        pread(descriptor, &byte, 1, off_t(place))
        byte ^= bit
        pwrite(descriptor, &byte, 1, off_t(place))
    }

    /// Flips a bit for good. Returns what was done.
    static func flipOnce(
        in path: String, _ name: String, _ section: Range<Int>, _ random: inout SeededGenerator
    ) throws -> String {
        let (place, bit) = bit(in: section, &random)
        let descriptor = open("\(path)/\(name)", O_RDWR)
        flip(descriptor, place, bit)
        close(descriptor)
        return "\(name), byte \(place) xor \(bit) in \(section), \(random)"
    }

    mutating func cut(_ name: String) throws {
        let size = try System.fileSize("\(path)/\(name)")
        guard size > 0 else { return }
        var length = Int.random(in: 0..<size, using: &random)
        // Room behind the last record is no loss.
        if name.hasPrefix("log/") {
            length = Int.random(in: 0..<(try DamageSections.end(ofLogIn: path).offset), using: &random)
        }
        cuts += 1
        try change(name, "cut to \(length)") { ftruncate($0, off_t(length)) }
    }

    private mutating func change(_ name: String, _ what: String, _ body: (Int32) -> Void) throws {
        let file = "\(path)/\(name)"
        let whole = System.parent(of: path) + "/whole"
        try System.rename(file, to: whole)
        defer {
            unlink(file)
            rename(whole, file)
        }
        try FileManager.default.copyItem(atPath: whole, toPath: file)
        let descriptor = open(file, O_RDWR)
        body(descriptor)
        close(descriptor)
        if try !isFound() {
            missed.append("\(name), \(what)")
            Issue.record("not found: \(name), \(what), \(random)")
        }
        ask("\(name), \(what)")
    }

    private func isFound() throws -> Bool {
        try VectorCollection.check(path).contains { !$0.problems.isEmpty }
    }

    /// An answer, or an error of ours.
    private func ask(_ what: String) {
        do throws(BelfryError) {
            let collection = try VectorCollection(path)
            for exact in [true, false] {
                var request = SearchRequest(.vector([0, 1, 0, 0]), k: 10)
                request.exact = exact
                _ = try collection.search(request)
            }
            _ = try collection.point("12")
        } catch {
            #expect(error.location != nil, "\(what): \(error)")
        }
    }

    /// They are many of one kind.
    func requireFew() throws { if missed.count > 10 { throw DiskMismatch("these are many") } }
}

// MARK: repair

/// What a collection has, as text, point by point.
private func contents(_ path: String) throws -> [String: String] {
    let collection = try VectorCollection(path)
    var points: [String: String] = [:]
    try collection.view.forEachPoint { point in
        points[point.id.description] = "\(try point.payload().text()) \(try collection.view.vectors(of: point))"
    }
    return points
}

private func damageAndRepair(rows: Int) async throws {
    var random = SeededGenerator()
    try await FaultyDisk.withFolder { folder in
        let path = folder + "/live.belfry"
        try await fill(path, rows: rows, .hnsw, &random)
        let before = try contents(path)
        let copy = folder + "/copy.belfry"
        #expect(try CollectionRepair.make(path) == CollectionRepair.Report())
        for name in try DamageSections.files(path) {
            for section in try DamageSections.of(name, in: path) {
                for _ in 0..<LongRun.choose(1, long: 20) {
                    try FileManager.default.copyItem(atPath: path, toPath: copy)
                    let what = try Damage.flipOnce(in: copy, name, section, &random)
                    try repair(copy, before, what)
                    for name in try System.list(folder) where name.hasPrefix("copy") {
                        try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
                    }
                }
            }
        }
    }
}

private func repair(_ path: String, _ before: [String: String], _ what: String) throws {
    let report: CollectionRepair.Report
    do throws(BelfryError) {
        report = try CollectionRepair.make(path)
    } catch {
        // A catalogue that cannot be read is not made anew; then nothing is changed.
        #expect(error.code == .corruptData || error.code == .unsupported, "\(what): \(error)")
        #expect(what.hasPrefix("catalog.sqlite"), "\(what): \(error)")
        #expect(!System.exists(path + ".building") && !System.exists(path + ".damaged"), "\(what)")
        return
    }
    for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(what): \(finding)") }
    let after = try contents(path)
    let changed = before.filter { after[$0.key] != $0.value }
    #expect(after.keys.allSatisfy { before[$0] != nil } || report.hasLoss, "\(what): points came back")
    if report.hasLoss {
        // No more than is said; a write may have been of many points.
        let most = report.lostVectors + report.lostPoints.count + 50 * Int(report.lostWrites)
        #expect(changed.count <= most, "\(what): \(changed.count), \(report)")
    } else {
        #expect(changed.isEmpty && after.count == before.count, "\(what): \(changed.keys.prefix(5)), \(report)")
    }
    #expect(report.kept == nil || System.isDirectory(report.kept ?? ""), "\(what)")
    // It takes writes and answers.
    _ = try VectorCollection(path).search(SearchRequest(.vector([0, 1, 0, 0]), k: 10))
}
