import ArgumentParser
import Belfry
import Files
import Foundation

/// Searches by words among many short texts. `Benchmarks/words/run.py` runs it in turns with others.
///
/// It reads the name of a file of queries, one a line, from standard input, asks them once, and prints the seconds that took;
/// and again until the input ends.
@main
struct WordBenchmark: AsyncParsableCommand {
    @Argument(help: "A file of texts, one a line.") var texts: String
    @Option(help: "Where the collection is made.") var folder = "/tmp/belfry-words"

    func run() async throws {
        try? FileManager.default.removeItem(atPath: folder)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let texts = try lines(self.texts)
        let collection = try VectorCollection.create(
            folder + "/words.belfry", .init([.init(.words(WordIndex([.init("text")])))]))
        try collection.mergeOnlyWhenCompacted()
        let start = ContinuousClock.now
        for first in stride(from: 0, to: texts.count, by: 5_000) {
            try await collection.upsert(
                (first..<min(first + 5_000, texts.count)).map {
                    WrittenPoint(id: "\($0)", vectors: [:], payload: ["text": .string(texts[$0])])
                })
        }
        let written = ContinuousClock.now
        try await collection.compact()
        let path = folder + "/words.belfry/segments"
        let bytes = try FileManager.default.subpathsOfDirectory(atPath: path).reduce(0) { sum, name in
            sum + ((try? FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? Int) ?? 0)
        }
        let postings = try FileManager.default.subpathsOfDirectory(atPath: path).reduce(0) { sum, name in
            name.hasSuffix("postings")
                ? sum + ((try? FileManager.default.attributesOfItem(atPath: path + "/" + name)[.size] as? Int) ?? 0)
                : sum
        }
        say(
            "\(texts.count) texts: written in \(start.duration(to: written)), merged in \(written.duration(to: .now)); "
                + "\(bytes / texts.count) bytes a text, \(postings / texts.count) of them postings")
        while let file = readLine() {
            let asked = try lines(file).map { text in
                var request = SearchRequest(.text(text), k: 10)
                request.withPayload = false
                return request
            }
            let start = ContinuousClock.now
            var found = 0
            for request in asked { found += try collection.search(request).hits.count }
            say("\(start.duration(to: .now) / .seconds(1)) \(found)")
        }
        try await collection.close()
    }

    /// Prints a line at once.
    private func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private func lines(_ file: String) throws -> [String] {
        try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
    }
}
