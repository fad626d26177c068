import ArgumentParser
import Belfry
import Files
import Foundation
import Towers
import Vectors

struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Embed texts, or rows of fields: one line, or one row, each.",
        discussion: """
            echo "heat resistant gloves" | belfry embed minilm.tower
            belfry embed minilm.tower --input products.csv --field title --output titles.npy
            echo '{"user_id": 5, "age": 34}' | belfry embed movielens/query.tower
            belfry embed e5.tower --as query --input questions.txt --output questions.npy
            belfry embed movielens/item.tower --input movies.csv --separator '|' --output movies.npy
            """)

    @Argument(help: "The tower's directory, or a pair's with --as.") var tower: String
    @Option(
        name: .customLong("as"),
        help: "What the texts are, for models with prompts or two towers: query or document (default: neither).")
    var text: TextRole?
    @Option(
        help: """
            Texts: a .txt of lines, or a .jsonl, .csv or .tsv; each also .gz (default: lines of standard input). A tower \
            that takes several fields reads them from the columns of their names, or from JSON lines.
            """)
    var input: String?
    @Option(help: "The field or column with the text, for .jsonl, .csv and .tsv.") var field = "text"
    @Option(
        help: "What stands between the elements of a list in a cell, as ';' (default: a cell holds a JSON array).")
    var separator: String?
    @Option(help: "Where to write: .npy or .jsonl (default: JSON lines on standard output).") var output: String?
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var format: OutputOptions

    /// Texts are read, embedded and written by the window, so that memory stays bounded.
    private static let window = 8_192

    private enum Source {
        case texts(TextReader)
        case rows(FieldReader)
    }

    func validate() throws {
        if let output, !output.hasSuffix(".npy"), !output.hasSuffix(".jsonl") {
            throw ValidationError("--output must end in .npy or .jsonl.")
        }
        if separator == "" { throw ValidationError("--separator cannot be empty.") }
    }

    /// The tower at `path`; of a pair the one for `role`.
    private static func open(_ path: String, _ role: Tower.Role?) throws -> Tower {
        guard let role, TowerPair.isPair(path) else { return try Tower.load(path) }
        let pair = try TowerPair.load(path)
        return role == .query ? pair.query : pair.item
    }

    func run() throws {
        let role = text?.role
        let tower = try Self.open(tower, role)
        let source =
            try tower.takesTexts
            ? Source.texts(TextReader(input, field: field))
            : .rows(FieldReader(input, tower: tower, separator: separator))
        if let input, let output, try System.resolvingLink(input) == System.resolvingLink(output) {
            throw BelfryError(.invalidInput, "The input would be overwritten by its vectors.", at: .init(file: input))
        }
        let sink = try VectorSink(output, dimension: tower.dimension)
        defer { sink.abandon() }
        let progress = ProgressLine("embedding")
        defer { progress.finish(failed: true) }
        var count = 0
        var time = Duration.zero
        /// Embeds one window and writes it. False at the end.
        func embedNext() throws -> Bool {
            let before = count
            @Sendable func advance(_ done: Int) { progress.advance(to: before + done) }
            switch source {
            case .texts(let reader):
                let texts = try reader.next(Self.window)
                let start = ContinuousClock.now
                let vectors = try tower.embed(texts, as: role, threads: threads.threads, progress: advance)
                time += .now - start
                count += texts.count
                try sink.write("text", texts.map(JSON.string), vectors)
                return !texts.isEmpty
            case .rows(let reader):
                let rows = try reader.next(Self.window)
                let start = ContinuousClock.now
                let vectors = try tower.embed(
                    rows, as: role, source: reader.path, first: before + 1, threads: threads.threads, progress: advance)
                time += .now - start
                count += rows.count
                try sink.write("row", rows, vectors)
                return !rows.isEmpty
            }
        }
        while try embedNext() {}
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
            Terminal.note("\(output): \(Human.count(count)) vectors of \(tower.dimension), \(Human.count(rate))/s")
        }
    }
}

/// What texts are, as the command line says it.
enum TextRole: String, ExpressibleByArgument, CaseIterable {
    case query, document

    var role: Tower.Role { self == .query ? .query : .document }
}
