import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// Feature columns against the tensors that a script of their own makes (`Fixtures/features/make_features.py`).
@Suite struct FeatureTests {
    static let folder = TestData.root + "/Tests/TowersTests/Fixtures/features"

    static func json(_ name: String) throws -> JSON {
        try JSON(parsing: Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)), source: name)
    }

    static func rows() throws -> [JSON] { try json("rows.json").array! }

    /// The tensors of `rows` under a configuration of these columns, written as JSON.
    private func encode(_ columns: String, _ rows: [JSON], _ folder: String) throws -> [FeatureTensor] {
        let file = folder + "/features.json"
        try Data("{\"format\": 1, \"columns\": [\(columns)]}".utf8).writeAnew(to: file)
        let batch = FeatureBatch()
        try FeatureSet(file: file).encode(rows, into: batch)
        return batch.tensors
    }

    private func compare(_ tensors: [FeatureTensor], _ expected: JSON, rows: Range<Int>) {
        #expect(Set(tensors.map(\.name)) == Set(expected.names))
        for tensor in tensors {
            let wanted = expected[tensor.name]!.array![rows]
            #expect(tensor.rows == rows.count)
            for (row, wanted) in wanted.enumerated() {
                let wanted = wanted.array!
                // A list is as wide as the longest of its batch: the rest must be padding.
                #expect(tensor.width <= wanted.count)
                for (column, wanted) in wanted.enumerated() {
                    let place = row * tensor.width + column
                    guard column < tensor.width else {
                        #expect(wanted.number == 0)
                        continue
                    }
                    switch tensor.element {
                    case .integer: #expect(tensor.wholes[place] == Int64(wanted.integer!), "\(tensor.name) \(row)")
                    case .float: #expect(tensor.numbers[place] == Float(wanted.number!), "\(tensor.name) \(row)")
                    case .text: #expect(tensor.texts[place] == wanted.string!, "\(tensor.name) \(row)")
                    }
                }
            }
        }
    }

    @Test func columnsGiveTheTensorsOfTheFixture() throws {
        let features = try FeatureSet(file: Self.folder + "/features.json")
        let (rows, expected) = (try Self.rows(), try Self.json("expected.json"))
        let batch = FeatureBatch()
        try features.encode(rows, into: batch)
        compare(batch.tensors, expected, rows: 0..<rows.count)
        // The same memory again, one row at a time and then all: nothing of another batch is left in it.
        for row in rows.indices {
            try features.encode(rows, at: [row], into: batch)
            compare(batch.tensors, expected, rows: row..<row + 1)
        }
        try features.encode(rows, into: batch)
        compare(batch.tensors, expected, rows: 0..<rows.count)
        #expect(features.files == ["cities.txt"])
        #expect(features.fields.first { $0.name == "age" }?.isRequired == false)
        #expect(
            features.fields.first { $0.name == "price" } == .init(name: "price", type: .number, isRequired: true))
    }

    @Test func textBecomesTheTokenizersIDs() throws {
        try withTemporaryDirectory { folder in
            try FileManager.default.copyItem(
                atPath: TinyBert.folder + "/tokenizer.json", toPath: folder + "/tokenizer.json")
            let column =
                "{\"input\": \"ids\", \"field\": \"t\", \"type\": \"text\", \"length\": 24, \"mask\": \"mask\", "
                + "\"token_types\": \"types\"}"
            let texts = try TinyBert.texts()
            let tensors = try encode(column, texts.map { ["t": .string($0.text)] }.map(JSON.object), folder)
            #expect(tensors.map(\.name) == ["ids", "mask", "types"])
            let width = texts.map(\.ids.count).max()!
            for (row, text) in texts.enumerated() {
                let range = row * width..<(row + 1) * width
                let padding = [Int64](repeating: 0, count: width - text.ids.count)
                #expect(Array(tensors[0].wholes[range]) == text.ids.map(Int64.init) + padding)
                #expect(Array(tensors[1].wholes[range]) == text.ids.map { _ in 1 } + padding)
            }
            #expect(tensors[2].wholes == [Int64](repeating: 0, count: texts.count * width))
        }
    }

    /// A column over the field x, a row, and what the error says.
    @Test(arguments: [
        (#"{"input": "x", "type": "number"}"#, #"{"y": 1, "X": 2}"#, "The field is missing."),
        (#"{"input": "x", "type": "number"}"#, #"{"x": null}"#, "null, and nothing stands for it"),
        (#"{"input": "x", "type": "number"}"#, #"{"x": "34"}"#, "must be a number, not a text"),
        (#"{"input": "x", "type": "number"}"#, #"[1]"#, "must be an object, not an array"),
        (#"{"input": "x", "type": "number", "log": "log"}"#, #"{"x": 0}"#, "no logarithm"),
        (#"{"input": "x", "type": "number"}"#, #"{"x": 1e300}"#, "becomes inf"),
        (#"{"input": "x", "type": "string"}"#, #"{"x": 1.5}"#, "must be a text, not a number"),
        (#"{"input": "x", "type": "vector", "length": 2}"#, #"{"x": [1]}"#, "must have 2 numbers; it has 1"),
        (
            #"{"input": "x", "type": "vector", "length": 2}"#, #"{"x": [1, "2"]}"#,
            "Element 1: The value must be a number"
        ),
        (#"{"input": "x", "type": "vector", "length": 1}"#, #"{"x": [1e39]}"#, "beyond the range of f32"),
        (#"{"input": "x", "type": "index", "lookup": {"vocabulary": ["a"]}}"#, #"{"x": "b"}"#, "“b” is not in the voc"),
        (#"{"input": "x", "type": "index", "lookup": {"vocabulary": ["a"]}}"#, #"{"x": 1.5}"#, "a text or a whole num"),
        (#"{"input": "x", "type": "index", "lookup": {"vocabulary": ["a"]}}"#, #"{"x": true}"#, "not true or false"),
        (#"{"input": "x", "type": "index", "lookup": {"rows": 5}}"#, #"{"x": 5}"#, "5 is not one of the rows 0 to 4"),
        (#"{"input": "x", "type": "index", "lookup": {"rows": 5}}"#, #"{"x": "1"}"#, "a whole number, not a text"),
        (#"{"input": "x", "type": "index", "lookup": {"boundaries": [1]}}"#, #"{"x": "1"}"#, "a number, not a text"),
        (#"{"input": "x", "type": "list", "length": 3, "lookup": {"rows": 5}}"#, #"{"x": 3}"#, "must be an array"),
        (#"{"input": "x", "type": "list", "length": 3, "lookup": {"rows": 5}}"#, #"{"x": [3, 7]}"#, "Element 1: The"),
        (
            #"{"input": "x", "type": "list", "length": 3, "minimum": 1, "lookup": {"rows": 5, "unknown": "skip"}}"#,
            #"{"x": [7]}"#, "no element that is known"
        ),
        (
            #"{"input": "x", "type": "list", "length": 3, "lookup": {"hash": "crc32", "buckets": 9}, "ngrams": {"sizes": [1]}}"#,
            #"{"x": ["a"]}"#, "must be a text, not an array"
        ),
    ])
    func errorsNameRowAndField(column: String, row: String, message: String) throws {
        try withTemporaryDirectory { folder in
            let rows = try [JSON](repeating: JSON(parsing: Data(row.utf8), source: "row"), count: 2)
            let error = #expect(throws: BelfryError.self) { try encode(column, rows, folder) }
            #expect(error?.message.contains(message) == true, "\(error!)")
            #expect(error?.code == .invalidInput && error?.location?.place == "row 0, field x")
        }
    }

    /// Columns that are refused, what the error says and the place that it names.
    @Test(
        arguments: [
            (#"{"input": "x", "type": "nummer"}"#, "“nummer” is no type", "columns[0].type"),
            (#"{"input": "x", "type": "number", "means": 1}"#, "“means” has no meaning", "columns[0].means"),
            (#"{"input": "x", "type": "number", "mean": 1}"#, "“std” is missing", "columns[0].std"),
            (#"{"input": "x", "type": "number", "mean": 1, "std": 0}"#, "above 0", "columns[0].std"),
            (#"{"input": "x", "type": "number", "min": 1, "max": 1}"#, "above min", "columns[0].max"),
            (#"{"input": "x", "type": "number", "log": "log2"}"#, "one of log, log1p", "columns[0].log"),
            (#"{"input": "x", "type": "number", "default": "a"}"#, "must be a number", "columns[0].default"),
            (#"{"type": "number"}"#, "“input” is missing", "columns[0].input"),
            (#"{"input": "x", "type": "index"}"#, "“lookup” is missing", "columns[0].lookup"),
            (#"{"input": "x", "type": "index", "lookup": {}}"#, "exactly one of", "columns[0].lookup"),
            (#"{"input": "x", "type": "index", "lookup": {"rows": 0}}"#, "must be 1 to", "columns[0].lookup.rows"),
            (
                #"{"input": "x", "type": "index", "lookup": {"vocabulary": ["a", 1, "1"]}}"#, "“1” is there twice",
                "columns[0].lookup.vocabulary"
            ),
            (
                #"{"input": "x", "type": "index", "lookup": {"vocabulary": [1.5]}}"#, "Value 0",
                "columns[0].lookup.vocabulary"
            ),
            (
                #"{"input": "x", "type": "index", "lookup": {"vocabulary": {"file": "../a.txt"}}}"#, "must be the name",
                "columns[0].lookup.vocabulary.file"
            ),
            (
                #"{"input": "x", "type": "index", "lookup": {"vocabulary": ["a"], "unknown": "skip"}}"#,
                "for lists only",
                "columns[0].lookup.unknown"
            ),
            (
                #"{"input": "x", "type": "index", "lookup": {"boundaries": [2, 1]}}"#, "above the one before",
                "columns[0].lookup.boundaries"
            ),
            (
                #"{"input": "x", "type": "index", "lookup": {"hash": "md5", "buckets": 2}}"#, "one of fnv1a64",
                "columns[0].lookup.hash"
            ),
            (#"{"input": "x", "type": "vector"}"#, "needs “length” or “shape”", "columns[0].length"),
            (#"{"input": "x", "type": "vector", "shape": [65536, 65536]}"#, "counts", "columns[0].shape"),
            (
                #"{"input": "x", "type": "multi_hot", "lookup": {"rows": 99999999}}"#, "would have 99999999",
                "columns[0].lookup"
            ),
            (
                #"{"input": "x", "type": "list", "length": 9, "mask": "x", "lookup": {"rows": 9}}"#,
                "another column already",
                "columns[0].mask"
            ),
            (
                #"{"input": "x", "type": "number"}, {"input": "x", "type": "string"}"#, "another column",
                "columns[1].input"
            ),
            (#"{"input": "x", "type": "text", "length": 9}"#, "There is no tokenizer", nil),
            (#"{"input": "x", "type": 5}"#, "must be a text", "columns[0].type"),
            ("", "1 to 1024 columns", "columns"),
        ] as [(String, String, String?)])
    func configurationsThatCannotBeAreRefused(columns: String, message: String, place: String?) throws {
        try withTemporaryDirectory { folder in
            let error = #expect(throws: BelfryError.self) { try encode(columns, [], folder) }
            #expect(error?.message.contains(message) == true, "\(error!)")
            if let place {
                #expect(error?.code == .invalidInput && error?.location?.place == place, "\(error!)")
                #expect(error?.location?.file == folder + "/features.json")
            }
        }
    }

    @Test func vocabularyFilesNameTheirLine() throws {
        try withTemporaryDirectory { folder in
            let column = #"{"input": "x", "type": "index", "lookup": {"vocabulary": {"file": "v.txt"}}}"#
            let cases: [([UInt8], String)] = [
                (Array("a\n\nb".utf8), "line 2"), (Array("a\nb\na\n".utf8), "line 3"), ([97, 10, 0xff], "line 2"),
            ]
            for (bytes, line) in cases {
                try Data(bytes).writeAnew(to: folder + "/v.txt")
                let error = #expect(throws: BelfryError.self) { try encode(column, [], folder) }
                #expect(error?.location == .init(file: folder + "/v.txt", place: line))
            }
            try Data("a\r\nb".utf8).writeAnew(to: folder + "/v.txt")
            #expect(try encode(column, [.object(["x": "b"])], folder)[0].wholes == [1])
        }
    }

    @Test func aLargeVocabularyFindsEveryValueAndNoOther() {
        var vocabulary = FeatureVocabulary(capacity: 20_000)
        var added = 0
        for number in 0..<20_000 where vocabulary.add(Array("value \(number)".utf8)) { added += 1 }
        #expect(added == 20_000)
        added += vocabulary.add(Array("value 77".utf8)) ? 1 : 0
        #expect(added == 20_000)
        for number in 0..<40_000 {
            let place = Array("value \(number)".utf8).withUnsafeBufferPointer { vocabulary.place($0) }
            #expect(place == (number < 20_000 ? number : nil))
        }
    }

    /// Bytes of the configuration and values of the rows are changed at random: there is an error or tensors, never
    /// a trap, and no tensor is wider than its configuration says.
    @Test func mutatedConfigurationsAndRows() throws {
        let executions = Fuzz.executions(5_000)
        var random = SeededGenerator()
        let text = try [UInt8](Data(contentsOf: URL(fileURLWithPath: Self.folder + "/features.json")))
        let rows = try Self.rows()
        let odd: [JSON] = [
            .null, .bool(true), .integer(.min), .integer(.max), .unsigned(.max), .number(-0.5), .number(1e308),
            .string(""), .string("\u{0}\u{10ffff}"), .string(String(repeating: "a|", count: 3_000)), .array([]),
            .array(Array(repeating: .integer(7), count: 5_000)), .array([.array([]), .null]), .object([:]),
        ]
        try withTemporaryDirectory { folder in
            try FileManager.default.copyItem(atPath: Self.folder + "/cities.txt", toPath: folder + "/cities.txt")
            let whole = try FeatureSet(file: Self.folder + "/features.json")
            let wholeBatch = FeatureBatch()
            var (refused, encoded) = (0, 0)
            let file = folder + "/features.json"
            for execution in 0..<executions {
                do {
                    var (features, batch) = (whole, wholeBatch)
                    if execution % 2 == 0 {
                        var bytes = text
                        for _ in 0...Int.random(in: 0..<3, using: &random) {
                            let place = Int.random(in: 0..<bytes.count, using: &random)
                            switch Int.random(in: 0..<4, using: &random) {
                            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                            case 1: bytes.remove(at: place)
                            case 2:
                                bytes.insert(Array("0123456789\"[{}],:".utf8).randomElement(using: &random)!, at: place)
                            default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
                            }
                        }
                        try Data(bytes).writeAnew(to: file)
                        (features, batch) = (try FeatureSet(file: file), FeatureBatch())
                    }
                    var changed = rows
                    if execution % 2 == 1, case .object(var members) = changed[0] {
                        members[members.names.randomElement(using: &random)!] = odd.randomElement(
                            using: &random)!
                        changed[0] = .object(members)
                    }
                    // A wide vector is allowed, but not made here thousands of times.
                    guard features.bytesPerRow < 1 << 20 else { continue }
                    try features.encode(changed, into: batch)
                    encoded += 1
                    for tensor in batch.tensors {
                        let count = tensor.integers.count + tensor.floats.count + tensor.texts.count
                        #expect(count == tensor.rows * tensor.width && count * 8 <= rows.count * features.bytesPerRow)
                    }
                } catch is BelfryError {
                    refused += 1
                }
            }
            #expect(refused > executions / 10 && encoded > executions / 10, "\(refused), \(encoded), \(random)")
        }
    }
}

extension FeatureTensor {
    /// Copies of the elements: the memory is the tensor's, and goes with it.
    fileprivate var wholes: [Int64] { withExtendedLifetime(self) { Array(integers) } }
    fileprivate var numbers: [Float] { withExtendedLifetime(self) { Array(floats) } }
}
