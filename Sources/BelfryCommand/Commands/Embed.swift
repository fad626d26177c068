import ArgumentParser
import Belfry
import Files
import Foundation
import Towers
import Vectors

struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Embed texts: one line, or one row, each.",
        discussion: """
            echo "heat resistant gloves" | belfry embed minilm.tower
            belfry embed minilm.tower --input products.csv --field title --output titles.npy
            """)

    @Argument(help: "The tower's directory.") var tower: String
    @Option(
        help: "Texts: a .txt of lines, or a .jsonl, .csv or .tsv; each also .gz (default: lines of standard input).")
    var input: String?
    @Option(help: "The field or column with the text, for .jsonl, .csv and .tsv.") var field = "text"
    @Option(help: "Where to write: .npy or .jsonl (default: JSON lines on standard output).") var output: String?
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var format: OutputOptions

    /// Texts are read, embedded and written by the window, so that memory stays bounded.
    private static let window = 8_192

    func validate() throws {
        if let output, !output.hasSuffix(".npy"), !output.hasSuffix(".jsonl") {
            throw ValidationError("--output must end in .npy or .jsonl.")
        }
    }

    func run() throws {
        let tower = try Tower.load(tower)
        let texts = try TextReader(input, field: field)
        if let input, let output, try System.resolvingLink(input) == System.resolvingLink(output) {
            throw BelfryError(.invalidInput, "The texts would be overwritten by their vectors.", at: .init(file: input))
        }
        let sink = try VectorSink(output, dimension: tower.dimension)
        defer { sink.abandon() }
        let progress = ProgressLine("embedding")
        defer { progress.finish(failed: true) }
        var count = 0
        var time = Duration.zero
        while true {
            let batch = try texts.next(Self.window)
            if batch.isEmpty { break }
            let start = ContinuousClock.now
            let before = count
            let vectors = try tower.embed(batch, threads: threads.threads) { progress.advance(to: before + $0) }
            time += .now - start
            count += batch.count
            try sink.write(batch, vectors)
        }
        try sink.finish()
        progress.finish()

        let seconds = time / .seconds(1)
        let rate = seconds > 0 ? Double(count) / seconds : 0
        if format.json, output != nil {
            let figures: [String: JSON] = [
                "texts": .integer(Int64(count)), "seconds": .number(seconds), "texts_per_second": .number(rate),
                "threads": .integer(Int64(threads.threads)), "instruction_set": .string("\(InstructionSet.current)"),
            ]
            Terminal.print(JSON.object(figures).text())
        } else if let output {
            Terminal.note("\(output): \(Human.count(count)) vectors of \(tower.dimension), \(Human.count(Int(rate)))/s")
        }
    }
}
