import Files
import Foundation
import TestSupport
import Testing

@testable import Towers

/// A trained session tower: item ids through a GRU to a query's vector, as two exporters wrote it.
@Suite(.enabled(if: TestData.has(TestData.shared + "/towers/ml100k-gru4rec/expected.npz")))
struct SessionTowerTests {
    private static let folder = TestData.shared + "/towers/ml100k-gru4rec"

    @Test(arguments: ["query.dynamo.op17", "query.legacy.op17", "query.legacy.op20"])
    func queryTowerFollowsPyTorch(file: String) throws {
        let model = try OnnxModel("\(Self.folder)/\(file).onnx")
        let npz = try Npz(Self.folder + "/expected.npz")
        let items = try npz.array("items")
        let ids = try items.integers().map { Int64($0) }
        for (lengths, vectors) in [("lengths", "query_embedding"), ("lengths_short", "query_embedding_short")] {
            let counts = try npz.array(lengths).integers().map { Int64($0) }
            let wanted = try npz.array(vectors).floats()
            let width = wanted.count / items.rows
            func run(_ rows: Range<Int>, threads: Int) throws -> [Float] {
                let inputs = [
                    "items": Tensor(
                        Array(ids[rows.lowerBound * items.columns..<rows.upperBound * items.columns]),
                        shape: [rows.count, items.columns]),
                    "lengths": Tensor(Array(counts[rows]), shape: [rows.count]),
                ]
                return try #require(model.run(inputs, threads: threads)[model.outputs[0].name]).values()
            }
            let all = try run(0..<items.rows, threads: 2)
            let worst = zip(all, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst <= 5e-6, "\(lengths): off by \(worst)")
            print("\(file), \(lengths): max |Δ| \(worst)")
            for row in stride(from: 0, to: items.rows, by: 97) {
                #expect(try run(row..<row + 1, threads: 1) == Array(all[row * width..<(row + 1) * width]), "row \(row)")
            }
        }
    }

    @Test(arguments: ["item.dynamo.op17", "item.dynamo.op20", "item.legacy.op17", "item.legacy.op20"])
    func itemTowerIsTheEmbeddingTable(file: String) throws {
        let model = try OnnxModel("\(Self.folder)/\(file).onnx")
        let table = try Npz(Self.folder + "/expected.npz").array("item_embedding")
        let ids = (0..<table.rows).map { Int64($0) }
        let outputs = try model.run([model.inputs[0].name: Tensor(ids, shape: [ids.count])])
        #expect(try #require(outputs[model.outputs[0].name]).values(Float.self) == table.floats())
    }
}
