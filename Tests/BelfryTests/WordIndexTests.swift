import Files
import Foundation
import TestSupport
import Testing
import Towers
import Vectors

@testable import Belfry

/// Searches by words are compared with a plain BM25F over the payloads, whatever was written before.
@Suite struct WordIndexTests {
    private static let vocabulary = [
        "red", "lamp", "lamps", "table", "running", "shoe", "shoes", "the", "of", "blue", "crème", "wi-fi", "3.5mm",
    ]

    private static func text(_ random: inout SeededGenerator, _ most: Int) -> String {
        (0..<Int.random(in: 0...most, using: &random)).map { _ in vocabulary.randomElement(using: &random)! }
            .joined(separator: " ")
    }

    private static func payload(_ random: inout SeededGenerator) -> JSON {
        var members: JSON.Members = ["price": .integer(Int64.random(in: 0...99, using: &random))]
        if Int.random(in: 0..<10, using: &random) > 0 { members["title"] = .string(text(&random, 5)) }
        members["tags"] = .array([.string(text(&random, 2)), .string(text(&random, 2)), .null, .integer(7)])
        return .object(members)
    }

    private static let fields = [WordIndex.Field("title", weight: 2), .init("tags")]

    private static func description() -> VectorCollection.Description {
        .init([.init(VectorSpace(dimension: 2, metric: .l2)), .init(.words(WordIndex(fields)))])
    }

    /// The score of every point that has a word of the question, by the formula.
    private static func scores(
        _ points: [String: JSON], _ question: String, _ index: WordIndex
    ) throws -> [String: Double] {
        let analyzer = try WordAnalyzer(language: index.language)
        func terms(_ texts: [String]) -> [String] {
            var terms: [String] = []
            for text in texts { analyzer.forEach(in: text) { term, _ in terms.append(term) } }
            return terms
        }
        func texts(_ payload: JSON, _ field: String) -> [String] {
            let value = payload[field] ?? .null
            return (value.array ?? [value]).compactMap(\.string)
        }
        var (said, silent): ([String: Double], [String: Double]) = ([:], [:])
        analyzer.forEach(in: question) { term, isStopWord in
            if isStopWord { silent[term, default: 0] += 1 } else { said[term, default: 0] += 1 }
        }
        if said.isEmpty { said = silent }
        var frequencies: [String: [String: Double]] = [:]
        for (id, payload) in points {
            for field in index.fields {
                let words = terms(texts(payload, field.path))
                let norm = 1 - index.b + index.b * Double(words.count) / (field.averageLength ?? 32)
                for word in words { frequencies[id, default: [:]][word, default: 0] += field.weight / norm }
            }
        }
        var scores: [String: Double] = [:]
        for (word, times) in said {
            let having = frequencies.filter { $0.value[word] != nil }
            let (all, some) = (Double(frequencies.count), Double(having.count))
            let rarity = log((all - some + 0.5) / (some + 0.5) + 1)
            for (id, counts) in having {
                let count: Double = counts[word]!
                scores[id, default: 0] += times * rarity * count * (index.k1 + 1) / (count + index.k1)
            }
        }
        return scores
    }

    private static func ask(_ collection: VectorCollection, _ question: String, k: Int) throws -> [SearchResponse.Hit] {
        var request = SearchRequest(.text(question), k: k)
        request.space = "words"
        return try collection.search(request).hits
    }

    private static func expectRight(
        _ collection: VectorCollection, _ points: [String: JSON], _ questions: [String], exactly: Bool,
        _ comment: @autoclosure () -> String
    ) throws {
        let index = try #require(collection.configuration.spaces[1].words)
        for question in questions {
            let right = try scores(points, question, index)
            let found = try ask(collection, question, k: points.count + 1)
            #expect(Set(found.map(\.name)) == Set(right.keys), "\(question): \(comment())")
            // How rare a word is is counted over rows that are gone as well, until they are merged.
            guard exactly else { continue }
            for hit in found {
                #expect(
                    abs(Double(hit.score) - right[hit.name]!) <= 1e-4 * max(1, right[hit.name]!),
                    "\(question): \(comment())")
            }
        }
    }

    @Test(arguments: 0..<4) func searchesFindWhatTheFormulaSays(_ round: Int) async throws {
        try await withTemporaryDirectory { folder in
            var random = SeededGenerator()
            let path = folder + "/c.belfry"
            var collection = try VectorCollection.create(path, Self.description())
            var points: [String: JSON] = [:]
            let questions = [
                "red lamp", "LAMPS", "the of", "the creme shoe shoe", "3.5mm running", "wi-fi", "zebra", "?!",
            ]
            for step in 0..<40 {
                let some = points.keys.sorted().shuffled(using: &random).prefix(5)
                switch Int.random(in: 0..<9, using: &random) {
                case 0...3:
                    var batch: [WrittenPoint] = []
                    for _ in 0..<Int.random(in: 1...20, using: &random) {
                        let (id, payload) = ("\(Int.random(in: 0..<120, using: &random))", Self.payload(&random))
                        batch.append(WrittenPoint(id: id, vector: [1, Float(step)], payload: payload))
                        points[id] = payload
                    }
                    try await collection.upsert(batch)
                case 4:
                    try await collection.delete(Array(some))
                    for id in some { points[id] = nil }
                case 5:
                    let title = Self.text(&random, 4)
                    try await collection.write([.setPayload(.ids(Array(some)), ["title": .string(title)])])
                    for id in some {
                        guard case .object(var members)? = points[id] else { continue }
                        members["title"] = .string(title)
                        points[id] = .object(members)
                    }
                case 6:
                    try await collection.write([.deletePayload(.ids(Array(some)), keys: ["tags"])])
                    for id in some {
                        guard case .object(var members)? = points[id] else { continue }
                        members["tags"] = nil
                        points[id] = .object(members)
                    }
                case 7:
                    try await collection.write([.clearPayload(.ids(Array(some)))])
                    for id in some { points[id] = [:] }
                default:
                    if Bool.random(using: &random) {
                        try await collection.close()
                        collection = try VectorCollection(path, for: .writing)
                    } else {
                        let writer = try collection.writing()
                        try writer.maintenance.seal(writer)
                    }
                }
                try Self.expectRight(
                    collection, points, [questions.randomElement(using: &random)!], exactly: false, "\(random)")
            }
            try await collection.compact()
            try Self.expectRight(collection, points, questions, exactly: true, "\(random)")
            for finding in try VectorCollection.check(path) { #expect(finding.problems.isEmpty, "\(finding)") }
            try await collection.close()
            try Self.expectRight(try VectorCollection(path), points, questions, exactly: true, "\(random)")
        }
    }

    /// An index that comes later finds what one that was always there finds, and counts how long the fields are.
    @Test func anIndexThatComesLaterFindsTheSame() async throws {
        try await withTemporaryDirectory { folder in
            var random = SeededGenerator()
            var points: [String: JSON] = [:]
            let collection = try VectorCollection.create(folder + "/c.belfry", .init(dimension: 2, metric: .l2))
            for id in 0..<300 {
                let payload = Self.payload(&random)
                points["\(id)"] = payload
                try await collection.upsert([WrittenPoint(id: "\(id)", vector: [0, 1], payload: payload)])
                if id == 150 { try await collection.compact() }
            }
            try await collection.add(.init(.words(WordIndex(Self.fields))))
            let words = try #require(collection.configuration.spaces[1].words)
            let lengths = words.fields.compactMap(\.averageLength)
            #expect(lengths.count == 2 && lengths.allSatisfy { $0 > 1 && $0 < 6 }, "\(lengths)")
            try Self.expectRight(collection, points, ["red lamp", "creme of"], exactly: true, "\(random)")
            // It follows what is written afterwards.
            points["7"] = ["title": "a purple giraffe"]
            try await collection.upsert([WrittenPoint(id: "7", vector: [0, 1], payload: points["7"]!)])
            #expect(try Self.ask(collection, "giraffes", k: 3).map(\.name) == ["7"])
            try await collection.drop(space: "words")
            #expect(throws: BelfryError.self) { try Self.ask(collection, "giraffes", k: 3) }
            try await collection.close()
        }
    }

    /// A repair makes words of the payloads that there are.
    @Test func damagedWordsAreMadeAnew() async throws {
        try await withTemporaryDirectory { folder in
            var random = SeededGenerator()
            let path = folder + "/c.belfry"
            let collection = try VectorCollection.create(path, Self.description())
            var points: [String: JSON] = [:]
            for id in 0..<200 { points["\(id)"] = Self.payload(&random) }
            try await collection.upsert(points.map { WrittenPoint(id: $0.key, vector: [0, 1], payload: $0.value) })
            try await collection.compact()
            // One that only the log has.
            points["7"] = ["title": "a purple giraffe"]
            try await collection.upsert([WrittenPoint(id: "7", vector: [0, 1], payload: points["7"]!)])
            try await collection.close()
            let number = try #require(collection.view.segments.first { $0.segment.space == 1 }?.segment.number)
            let file = CollectionLayout(path: path).segment(number) + "/sparse"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            for place in stride(from: bytes.count / 2, to: bytes.count, by: 7) { bytes[place] ^= 0x55 }
            try bytes.write(to: URL(fileURLWithPath: file))
            let report = try CollectionRepair.make(path)
            #expect(!report.hasLoss && report.rewritten.count == 1, "\(report)")
            try Self.expectRight(
                try VectorCollection(path), points, ["red lamp", "giraffe"], exactly: false, "\(random)")
        }
    }

    @Test func wordsAreWrittenByNobodyElse() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/c.belfry", Self.description())
            let terms = PointVector.sparse(try SparseVector(indices: [1], values: [1]))
            try await collection.upsert([WrittenPoint(id: "1", vector: [0, 1])])
            for operation in [
                WriteOperation.upsert(WrittenPoint(id: "1", vectors: ["words": terms])),
                .setVectors("1", ["words": terms]), .deleteVectors(.ids(["1"]), names: ["words"]),
            ] {
                let error = await #expect(throws: BelfryError.self) { try await collection.write([operation]) }
                #expect(error?.message.contains("words of the payload") == true)
                #expect(error?.remedy?.description.contains("title, tags") == true)
            }
            try await collection.close()
        }
    }

    @Test func indexesThatCannotBeAreRefused() throws {
        try withTemporaryDirectory { folder in
            var wrong = [WordIndex([]), WordIndex([.init("a"), .init("a")]), WordIndex([.init("a", weight: 0)])]
            wrong += [WordIndex([.init("a", weight: .nan)]), WordIndex([.init("a[")]), WordIndex([.init("")])]
            wrong.append(WordIndex([.init("a")], language: "klingon"))
            for (k1, b) in [(-1.0, 0.5), (.infinity, 0.5), (1, 2), (1, .nan)] {
                var index = WordIndex([.init("a")])
                (index.k1, index.b) = (k1, b)
                wrong.append(index)
            }
            for index in wrong {
                let description = VectorCollection.Description([
                    .init(VectorSpace(dimension: 2)), .init(.words(index)),
                ])
                let error = #expect(throws: BelfryError.self) {
                    _ = try VectorCollection.create(folder + "/c.belfry", description)
                }
                #expect(error?.code == .invalidInput, "\(index)")
                #expect(!FileManager.default.fileExists(atPath: folder + "/c.belfry"))
            }
        }
    }

    /// Payloads whose words are more than a table takes, and texts of every kind, by one point and by many.
    @Test func longAndStrangeTextsAreFound() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/c.belfry"
            var collection = try VectorCollection.create(path, Self.description())
            let long = (0..<400_000).map { "w\($0)" }.joined(separator: " ")
            for id in 0..<14 {
                try await collection.upsert([
                    WrittenPoint(id: "\(id)", vector: [0, 1], payload: ["title": .string("\(long) own\(id)")])
                ])
            }
            #expect(try Self.ask(collection, "w399999", k: 20).count == 14)
            #expect(try Self.ask(collection, "own9", k: 20).map(\.name) == ["9"])
            try await collection.write([.setPayload(.ids((0..<14).map(String.init)), ["tags": .string(long)])])
            #expect(try Self.ask(collection, "own9", k: 20).map(\.name) == ["9"])
            try await collection.close()
            collection = try VectorCollection(path, for: .writing)
            #expect(try Self.ask(collection, "own9", k: 20).map(\.name) == ["9"])
            let texts = ["🦒🦒", "שלום עולם", "…!?", "日本", String(repeating: "x", count: 100_000), "the"]
            try await collection.upsert(
                texts.enumerated().map { WrittenPoint(id: "s\($0)", vector: [0, 1], payload: ["title": .string($1)]) })
            #expect(try Self.ask(collection, "עולם", k: 3).map(\.name) == ["s1"])
            #expect(try Self.ask(collection, "日 中", k: 3).map(\.name) == ["s3"])
            #expect(try Self.ask(collection, "THE", k: 3).map(\.name) == ["s5"])
            for nothing in ["🦒", "…!?", "~~~"] { #expect(try Self.ask(collection, nothing, k: 3).isEmpty) }
            try await collection.close()
        }
    }

    /// Batches of more words than a table takes, one after the other, are found by whoever replays the log.
    @Test func twoLargeBatchesInARowAreReplayed() async throws {
        try await withTemporaryDirectory { folder in
            let path = folder + "/c.belfry"
            let collection = try VectorCollection.create(path, Self.description())
            let text = (0..<200_000).map { "w\($0)" }.joined(separator: " ")
            let ids = (0..<45).map(String.init)
            try await collection.upsert(ids.map { WrittenPoint(id: $0, vector: [0, 1]) })
            for round in 0..<2 {
                try await collection.write([.setPayload(.ids(ids), ["title": .string("\(text) round\(round)")])])
                #expect(try Self.ask(try VectorCollection(path), "round\(round)", k: 50).count == 45)
            }
            let error = await #expect(throws: BelfryError.self) {
                try await collection.write(
                    (0..<4).map { .setPayload(.ids(ids), ["title": .string("\(text) more\($0)")]) })
            }
            #expect(error?.message.contains("words to index") == true, "\(String(describing: error))")
            #expect(try Self.ask(collection, "round1", k: 50).count == 45)
            try await collection.close()
        }
    }

    /// A mix answers with what either finds, and at its ends with one of them.
    @Test func aHybridSearchMixesBoth() async throws {
        try await withTemporaryDirectory { folder in
            let collection = try VectorCollection.create(folder + "/c.belfry", Self.description())
            try await collection.upsert([
                WrittenPoint(id: "near", vector: [0, 0], payload: ["title": "a table"]),
                WrittenPoint(id: "both", vector: [0, 1], payload: ["title": "a red lamp"]),
                WrittenPoint(id: "word", vector: [9, 9], payload: ["title": "lamp lamp", "kind": 1]),
                WrittenPoint(id: "like", vector: [0, 0.1], payload: ["title": "red lamp"]),
            ])
            func names(_ share: Double?, _ filter: String? = nil) throws -> [String] {
                var request = SearchRequest(.hybrid(.point("like"), words: share), k: 3)
                request.filter = try filter.map { try Filter(parsing: $0) }
                return try collection.search(request).hits.map(\.name)
            }
            #expect(try names(0).first == "near" && names(1).first == "both")
            #expect(try names(nil).first == "both" && Set(names(nil)) == ["near", "both", "word"])
            #expect(try names(0.5, "kind = 1") == ["word"])
            for wrong in [-0.1, 1.5, .nan] { #expect(throws: BelfryError.self) { try names(wrong) } }
            try await collection.drop(space: "words")
            let error = #expect(throws: BelfryError.self) { try names(nil) }
            #expect(error?.message.contains("not searched by words") == true)
            try await collection.close()
        }
    }
}
