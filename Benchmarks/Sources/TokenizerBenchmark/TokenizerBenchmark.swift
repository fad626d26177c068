import Dispatch
import Foundation
import Towers

/// Encodes the texts of a JSON array with the tokenizer of a folder, at the command of `compare_tokenizers.py`, which
/// runs the reference library in turn.
///
/// Commands, one a line on standard input, each answered by one line of JSON:
/// - `ids`: the ids of every text;
/// - `time N`: the seconds that encoding all texts N times takes, on one thread, and how many ids they have.
@main enum TokenizerBenchmark {
    static func main() throws {
        guard CommandLine.arguments.count == 3 else {
            FileHandle.standardError.write(Data("usage: TokenizerBenchmark <folder> <texts.json>\n".utf8))
            exit(2)
        }
        let data = try Data(contentsOf: URL(fileURLWithPath: CommandLine.arguments[2]))
        let texts = try JSONDecoder().decode([String].self, from: data)
        let start = DispatchTime.now().uptimeNanoseconds
        let tokenizer = try Tokenizers.load(folder: CommandLine.arguments[1])
        answer("{\"load_seconds\": \(seconds(since: start)), \"templateCount\": \(tokenizer.templateCount)}")
        while let line = readLine() {
            let words = line.split(separator: " ")
            if words.first == "ids" {
                answer("[" + texts.map { "\(tokenizer.encode($0))" }.joined(separator: ",") + "]")
            } else if words.first == "time", words.count == 2, let rounds = Int(words[1]) {
                var ids: [Int32] = []
                var count = 0
                let start = DispatchTime.now().uptimeNanoseconds
                for _ in 0..<rounds {
                    for text in texts {
                        ids.removeAll(keepingCapacity: true)
                        tokenizer.encode(text, limit: .max, into: &ids)
                        count += ids.count
                    }
                }
                answer("{\"seconds\": \(seconds(since: start)), \"tokens\": \(count)}")
            }
        }
    }

    private static func seconds(since start: UInt64) -> Double {
        Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }

    private static func answer(_ line: String) {
        print(line)
        fflush(nil)
    }
}
