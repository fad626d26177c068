import Files
import Foundation
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Trained encoders against reference vectors of 200 texts. `Scripts/fetch-towers.sh` fetches the models.
@Suite(.serialized) struct ReferenceTowersTests {
    private static let towers = TestData.shared + "/towers"
    static let mpnet = TestData.cache + "/all-mpnet-base-v2"
    static let wordllama = TestData.cache + "/wordllama-256"
    static let tokenlearn = TestData.cache + "/tokenlearn"
    static let use = TestData.cache + "/use-multilingual-v3"
    static let stsb = TestData.shared + "/data/stsb/stsb-en-test.csv"

    private struct Text: Decodable { var text: String }

    private func texts() throws -> [String] {
        let data = try System.read(Self.towers + "/minilm-expected/texts.json")
        return try JSONDecoder().decode([Text].self, from: data).map(\.text)
    }

    private func expected(_ folder: String, _ name: String) throws -> Matrix {
        let array = try Npz(Self.towers + "/\(folder)/expected.npz").array(name)
        let matrix = Matrix(rows: array.rows, columns: array.columns)
        for (index, value) in array.floats().enumerated() { matrix.pointer[index] = value }
        return matrix
    }

    /// The greatest difference of a component, and the greatest 1 − cosine, of the rows that are not zeros.
    private func compare(_ found: Matrix, _ wanted: Matrix) -> (difference: Double, angle: Double) {
        var worst = (difference: 0.0, angle: 0.0)
        for row in 0..<wanted.rows {
            var (dot, a, b) = (0.0, 0.0, 0.0)
            for (x, y) in zip(found[row], wanted[row]) {
                let (x, y) = (Double(x), Double(y))
                worst.difference = max(worst.difference, abs(x - y))
                (dot, a, b) = (dot + x * y, a + x * x, b + y * y)
            }
            if a > 0, b > 0 { worst.angle = max(worst.angle, 1 - dot / (a * b).squareRoot()) }
        }
        return worst
    }

    @Test(.enabled(if: TestData.has(mpnet, towers + "/mpnet-expected/expected.npz")))
    func mpnetFollowsPyTorch() throws {
        // Used where it lies: a copy of it would take longer than the test.
        let source = try TowerSource.read(Self.mpnet)
        let tower = try Tower("mpnet.tower", source.manifest, files: source.towerFiles)
        #expect(tower.maximumTokens == 384 && tower.dimension == 768)
        let (texts, expected) = (try texts(), try expected("mpnet-expected", "emb_torch"))
        // One text of four; BELFRY_ALL_TEXTS takes them all.
        let step = ProcessInfo.processInfo.environment["BELFRY_ALL_TEXTS"] == nil ? 4 : 1
        let chosen = Array(stride(from: 0, to: texts.count, by: step))
        let wanted = Matrix(rows: chosen.count, columns: 768)
        for (row, index) in chosen.enumerated() {
            for column in 0..<768 { wanted.pointer[row * 768 + column] = expected[index][column] }
        }
        let (difference, angle) = try compare(tower.embed(chosen.map { texts[$0] }), wanted)
        print("MPNet, \(chosen.count) texts: largest difference \(difference), largest 1 - cosine \(angle)")
        // The reference is PyTorch in f32, itself up to 3e-7 from float64.
        #expect(difference <= 2e-6)
        #expect(angle <= 1e-10)
    }

    @Test(.enabled(if: TestData.has(wordllama, towers + "/static-expected/expected.npz")))
    func wordllamaFollowsNumpy() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: Self.wordllama, to: folder + "/t.tower")
            let (difference, angle) = try compare(tower.embed(texts()), expected("static-expected", "wordllama_mean"))
            print("wordllama: largest difference \(difference), largest 1 - cosine \(angle)")
            #expect(difference <= 2e-6)
            #expect(angle <= 1e-10)
            #expect(Tower.check(tower.path).isEmpty)
            let error = #expect(throws: BelfryError.self) {
                try Tower.importModel(from: Self.wordllama, to: folder + "/c.tower", dimension: 64)
            }
            #expect(error?.code == .unsupported)
        }
    }

    @Test(.enabled(if: TestData.has(tokenlearn, towers + "/static-expected/expected.npz")))
    func model2vecFollowsNumpy() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: Self.tokenlearn, to: folder + "/t.tower")
            // Its config.json says that vectors are normalised; the reference is not.
            #expect(tower.manifest.modules == [.normalize])
            let wanted = try expected("static-expected", "tokenlearn_model2vec_mean")
            for row in 0..<wanted.rows {
                let length = wanted[row].reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                for column in 0..<wanted.columns where length > 0 {
                    wanted.pointer[row * wanted.columns + column] /= Float(length)
                }
            }
            let (difference, angle) = try compare(tower.embed(texts()), wanted)
            print("model2vec: largest difference \(difference), largest 1 - cosine \(angle)")
            #expect(difference <= 2e-6)
            #expect(angle <= 1e-10)
        }
    }

    @Test(.enabled(if: TestData.has(use, towers + "/static-expected/expected.npz")))
    func universalSentenceEncoderFollowsItsPackage() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: Self.use + "/weights.npz", to: folder + "/use.tower")
            let texts = try texts()
            let found = try tower.embed(texts)
            let wanted = try expected("static-expected", "use_multilingual_v3")
            // Ids here are SentencePiece's. The package's own tokenizer does not join runs of unknown letters into one
            // token, and breaks ties otherwise in words of one letter; the reference has zeros for blank texts.
            var compared = 0
            for (row, text) in texts.enumerated() {
                let hasUnknown = tower.tokens(text).contains(0)
                if hasUnknown || text.contains(String(repeating: "a", count: 40)) {
                    for column in 0..<512 { wanted.pointer[row * 512 + column] = found[row][column] }
                } else {
                    compared += 1
                }
            }
            #expect(compared >= 150)
            let (difference, angle) = compare(found, wanted)
            print("USE, \(compared) texts: largest difference \(difference), largest 1 - cosine \(angle)")
            #expect(difference <= 1e-5)
            #expect(angle <= 1e-9)
            let again = try Tower.importModel(from: Self.use, to: folder + "/again.tower")
            #expect(again.fingerprint == tower.fingerprint && Tower.check(again.path).isEmpty)
            let one = try tower.embed(texts, threads: 1)
            for row in texts.indices {
                #expect(one[row] == found[row])
                if InstructionSet.current != .scalar { #expect(try tower.embed([texts[row]])[0] == found[row]) }
            }
        }
    }

    @Test(.enabled(if: TestData.has(use, stsb)))
    func universalSentenceEncoderRanksPairsOfSentences() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: Self.use, to: folder + "/use.tower")
            let rows = try Self.rows(ofCSV: Self.stsb)
            let first = try tower.embed(rows.map { $0[0] })
            let second = try tower.embed(rows.map { $0[1] })
            let cosines = rows.indices.map { row in
                zip(first[row], second[row]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
            }
            let correlation = Self.spearman(cosines, rows.map { Double($0[2])! })
            print("USE: Spearman's correlation on \(rows.count) pairs of the STS benchmark: \(correlation)")
            #expect(rows.count == 1379 && correlation >= 0.80)
        }
    }

    private static func rows(ofCSV file: String) throws -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field: [Unicode.Scalar] = []
        var isQuoted = false
        for scalar in try String(contentsOfFile: file, encoding: .utf8).unicodeScalars {
            switch scalar {
            case "\"":
                // A doubled quotation mark within a quoted field ends it and begins it again.
                if !isQuoted, !field.isEmpty { field.append(scalar) }
                isQuoted.toggle()
            case ",", "\n":
                if isQuoted { field.append(scalar); continue }
                row.append(String(String.UnicodeScalarView(field)))
                field = []
                if scalar == "\n" {
                    rows.append(row)
                    row = []
                }
            case "\r": break
            default: field.append(scalar)
            }
        }
        return rows
    }

    /// Spearman's rank correlation; equal values share the mean of their ranks.
    private static func spearman(_ a: [Double], _ b: [Double]) -> Double {
        func ranks(_ values: [Double]) -> [Double] {
            let order = values.indices.sorted { values[$0] < values[$1] }
            var ranks = [Double](repeating: 0, count: values.count)
            var begin = 0
            while begin < order.count {
                var end = begin + 1
                while end < order.count, values[order[end]] == values[order[begin]] { end += 1 }
                for place in begin..<end { ranks[order[place]] = Double(begin + end - 1) / 2 }
                begin = end
            }
            return ranks
        }
        let (x, y) = (ranks(a), ranks(b))
        let mean = Double(a.count - 1) / 2
        var (xy, xx, yy) = (0.0, 0.0, 0.0)
        for (x, y) in zip(x, y) {
            xy += (x - mean) * (y - mean)
            xx += (x - mean) * (x - mean)
            yy += (y - mean) * (y - mean)
        }
        return xy / (xx * yy).squareRoot()
    }
}
