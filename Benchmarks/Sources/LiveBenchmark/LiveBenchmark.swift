import ArgumentParser
import Belfry
import Files
import Foundation
import Synchronization

/// What a collection that takes writes costs: acknowledgements beside the disk's own syncs, loading, and searches while it
/// happens.
@main
struct LiveBenchmark: AsyncParsableCommand {
    @Option(help: "Where the collections are made; the disk there is what is measured.") var folder = "/tmp/belfry-live"
    @Option var dimension = 384
    @Option(help: "Points that are loaded in batches of 1,000.") var points = 100_000
    @Option(help: "Seconds of each measurement of single writes.") var seconds = 3.0
    @Option(help: "Rounds of single writes, in turns with the disk's syncs.") var rounds = 3

    func run() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await acknowledgements()
        try await load()
    }

    // MARK: single writes

    /// How many syncs of 2 KB the disk does in a second, one after the other.
    private func syncs() -> Double {
        let path = folder + "/sync"
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
        defer { close(file); unlink(path) }
        // In room that is there already, as a log writes.
        _ = posix_fallocate(file, 0, 64 << 20)
        fsync(file)
        let bytes = [UInt8](repeating: 7, count: 2_048)
        let start = ContinuousClock.now
        var count = 0
        while start.duration(to: .now) < .seconds(seconds) {
            pwrite(file, bytes, bytes.count, off_t(count * bytes.count % (32 << 20)))
            fdatasync(file)
            count += 1
        }
        return Double(count) / (start.duration(to: .now) / .seconds(1))
    }

    private func acknowledgements() async throws {
        if rounds > 0 { print("single upserts of \(dimension) components, durable, acknowledged per second") }
        for round in 0..<rounds {
            var line = "round \(round + 1): the disk syncs \(Int(syncs()))"
            for writers in [1, 16, 64] {
                let path = "\(folder)/acks-\(UUID().uuidString).belfry"
                let collection = try VectorCollection.create(path, .init(dimension: dimension))
                let latencies = Latencies()
                let (dimension, seconds) = (dimension, seconds)
                let start = ContinuousClock.now
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for writer in 0..<writers {
                        group.addTask {
                            var random = SplitMix(seed: UInt64(writer))
                            var own: [Double] = []
                            while start.duration(to: .now) < .seconds(seconds) {
                                let point = WrittenPoint(
                                    id: "\(random.next() >> 32)", vector: random.vector(dimension),
                                    payload: ["n": .integer(Int64(own.count))])
                                let before = ContinuousClock.now
                                try await collection.upsert([point])
                                own.append(before.duration(to: .now) / .milliseconds(1))
                            }
                            latencies.add(own)
                        }
                    }
                    try await group.waitForAll()
                }
                let all = latencies.sorted
                let rate = Double(all.count) / (start.duration(to: .now) / .seconds(1))
                line += "; \(writers) writers \(Int(rate)) (\(Self.quantiles(all)))"
                try await collection.close()
                try FileManager.default.removeItem(atPath: path)
            }
            print(line)
        }
    }

    private static func quantiles(_ sorted: [Double]) -> String {
        func at(_ share: Double) -> String {
            String(format: "%.2f", sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))])
        }
        return sorted.isEmpty ? "none" : "p50 \(at(0.5)) ms, p99 \(at(0.99)), most \(at(1))"
    }

    // MARK: loading and searching

    private func load() async throws {
        let path = "\(folder)/load-\(UUID().uuidString).belfry"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let collection = try VectorCollection.create(path, .init(dimension: dimension))
        let isWriting = Flag()
        let dimension = dimension
        // One searcher beside the writer, all the time.
        let searches = Task.detached { () -> [Double] in
            var random = SplitMix(seed: 99)
            var times: [Double] = []
            while isWriting.isUp {
                let request = SearchRequest(.vector(random.vector(dimension)), k: 10)
                let before = ContinuousClock.now
                _ = try collection.search(request)
                times.append(before.duration(to: .now) / .milliseconds(1))
                try await Task.sleep(for: .milliseconds(2))
            }
            return times.sorted()
        }
        var random = SplitMix(seed: 5)
        var waits: [Double] = []
        let start = ContinuousClock.now
        for first in stride(from: 0, to: points, by: 1_000) {
            let batch = (first..<min(first + 1_000, points)).map { _ in
                WrittenPoint(id: UUID().uuidString, vector: random.vector(dimension))
            }
            let before = ContinuousClock.now
            try await collection.upsert(batch)
            waits.append(before.duration(to: .now) / .milliseconds(1))
        }
        let burst = start.duration(to: .now) / .seconds(1)
        isWriting.lower()
        let whileWriting = try await searches.value
        print(
            "\(points) points in batches of 1,000: \(Int(Double(points) / burst)) a second, \(Self.quantiles(waits.sorted())) a batch"
        )
        print("searches while writing: \(Self.quantiles(whileWriting)), \(whileWriting.count) of them")
        print(
            "after the burst, \(try collection.statistics().segments) segments: \(try Self.search(collection, dimension))"
        )
        try await collection.compact()
        let sustained = start.duration(to: .now) / .seconds(1)
        print("until all is one segment: \(Int(Double(points) / sustained)) a second")
        print("one segment: \(try Self.search(collection, dimension))")
        let bytes = try FileManager.default.subpathsOfDirectory(atPath: path).reduce(0) { sum, name in
            sum + ((try? FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? Int) ?? 0)
        }
        print("bytes on disk per point: \(bytes / points); peak memory \(Self.peakMemory() >> 20) MiB")
        let opening = ContinuousClock.now
        try await collection.close()
        let again = try VectorCollection(path, for: .writing)
        print("close and open: \(opening.duration(to: .now) / .milliseconds(1)) ms, \(again.count) points")
        try await again.close()
    }

    private static func search(_ collection: VectorCollection, _ dimension: Int) throws -> String {
        var random = SplitMix(seed: 7)
        var times: [Double] = []
        for _ in 0..<500 {
            let request = SearchRequest(.vector(random.vector(dimension)), k: 10)
            let before = ContinuousClock.now
            _ = try collection.search(request)
            times.append(before.duration(to: .now) / .milliseconds(1))
        }
        return quantiles(times.sorted())
    }

    private static func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}

/// Times of several tasks.
private final class Latencies: Sendable {
    private let all = Mutex<[Double]>([])
    func add(_ some: [Double]) { all.withLock { $0 += some } }
    var sorted: [Double] { all.withLock { $0.sorted() } }
}

private final class Flag: Sendable {
    private let up = Atomic(true)
    var isUp: Bool { up.load(ordering: .relaxed) }
    func lower() { up.store(false, ordering: .relaxed) }
}

/// SplitMix64, and vectors near some centers, as embeddings are.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func vector(_ dimension: Int) -> [Float] {
        var center = SplitMix(seed: next() % 256)
        return (0..<dimension).map { _ in
            Float(Int64(bitPattern: center.next()) >> 40) / 0x80_0000 + 0.5 * Float(Int64(bitPattern: next()) >> 40)
                / 0x80_0000
        }
    }
}
