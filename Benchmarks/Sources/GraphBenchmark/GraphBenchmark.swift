import Files
import Foundation
import Towers
import Vectors

/// Times `Tower.embed` of objects for `compare_graphs.py`: one process that stays, so that both sides are warm.
///
///     GraphBenchmark query.tower
///
/// Each line of the input is a request, each line of the output its answer: rows are embedded one at a time, one after
/// another and again from the first, until the seconds are over.
///
///     {"rows": [{"user_id": "5"}], "seconds": 0.5}
///     {"calls": 120000, "seconds": 0.5, "vectors": [[…]]}
@main
struct GraphBenchmark {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: GraphBenchmark <tower>\n".utf8))
            exit(2)
        }
        let tower = try Tower.load(CommandLine.arguments[1])
        write("\(InstructionSet.current), BLAS \(BLAS.coreName)")
        while let line = readLine() {
            let request = try JSON(parsing: Data(line.utf8), source: "request")
            let rows = request["rows"]!.array!
            let seconds = request["seconds"]!.number!
            let vectors = try rows.map { row in try tower.embed([row], threads: 1)[0] }
            let clock = ContinuousClock()
            let begin = clock.now
            var calls = 0
            var elapsed = Duration.zero
            repeat {
                for row in rows { _ = try tower.embed([row], threads: 1) }
                calls += rows.count
                elapsed = clock.now - begin
            } while elapsed < .seconds(seconds)
            let answer: JSON = [
                "calls": .integer(Int64(calls)), "seconds": .number(elapsed / .seconds(1)),
                "vectors": .array(vectors.map { .array($0.map { .number(Double($0)) }) }),
            ]
            write(answer.text())
        }
    }

    static func write(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}
