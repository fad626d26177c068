import Foundation
import Towers
import Vectors

/// Times `Tower.embed` for `compare_table.py`: one process that stays, so that both sides are warm.
///
///     TowerBenchmark minilm.tower
///
/// Each line of the input is a request, each line of the output its answer:
///
///     {"texts": ["…"], "threads": 2, "precision": "f32", "seconds": 0.5}
///     {"calls": 120, "seconds": 0.503, "vectors": [[…]]}
///
/// The first line of the output says what runs: the instruction set, the BLAS core, the loss of bf16, and what loading
/// the tower costs in time and memory, the canary texts embedded.
@main
struct TowerBenchmark {
    struct Machine: Encodable {
        var instructionSet: String
        var blasCore: String
        var hasBF16: Bool
        var cosineLoss: Double
        var largestDifference: Float
        var loadMilliseconds: [String: Double]
        var residentMegabytes: [String: Double]
    }

    struct Request: Decodable {
        var texts: [String]
        var threads: Int
        var precision: String
        var seconds: Double
    }

    struct Answer: Encodable {
        var calls: Int
        var seconds: Double
        var tokens: Int
        var vectors: [[Float]]
    }

    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            FileHandle.standardError.write(Data("usage: TowerBenchmark <tower>\n".utf8))
            exit(2)
        }
        let path = CommandLine.arguments[1]
        var towers: [String: Tower] = [:]
        var (times, memory): ([String: Double], [String: Double]) = ([:], [:])
        var loss = Tower.PrecisionLoss()
        for precision in Precision.allCases {
            let before = residentMegabytes()
            let clock = ContinuousClock()
            let begin = clock.now
            let tower = try Tower.load(path, precision: precision)
            times[precision.rawValue] = (clock.now - begin) / .milliseconds(1)
            loss = try tower.precisionLoss()
            memory[precision.rawValue] = residentMegabytes() - before
            towers[precision.rawValue] = tower
        }
        try write(
            Machine(
                instructionSet: "\(InstructionSet.current)", blasCore: BLAS.coreName,
                hasBF16: Precision.bf16.isNative, cosineLoss: loss.largestCosineLoss,
                largestDifference: loss.largestDifference, loadMilliseconds: times, residentMegabytes: memory))
        while let line = readLine() {
            let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
            let tower = towers[request.precision]!
            // Once without the clock: memory is laid out, pages are read.
            var vectors = try tower.embed(request.texts, threads: request.threads)
            let clock = ContinuousClock()
            let begin = clock.now
            var calls = 0
            var elapsed = Duration.zero
            repeat {
                vectors = try tower.embed(request.texts, threads: request.threads)
                calls += 1
                elapsed = clock.now - begin
            } while elapsed < .seconds(request.seconds)
            try write(
                Answer(
                    calls: calls, seconds: elapsed / .seconds(1),
                    tokens: request.texts.reduce(0) { $0 + tower.tokenCount($1) },
                    vectors: (0..<vectors.rows).map { vectors[$0] }))
        }
    }

    /// What this process has in memory, mapped files included.
    static func residentMegabytes() -> Double {
        let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return Double(pages.flatMap { Int($0[1]) } ?? 0) * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e6
    }

    static func write(_ value: some Encodable) throws {
        FileHandle.standardOutput.write(try JSONEncoder().encode(value) + Data("\n".utf8))
    }
}
