import ArgumentParser
import Files

/// What is looked at before the argument parser sees the command line.
enum Arguments {
    /// Verbs whose positional arguments may be ids and texts: `-5`, `- red lamp`.
    private static let takingValues: Set<String> = ["similar", "search", "explain"]
    /// Options of those verbs that stand alone.
    private static let flags: Set<String> = ["--json", "--exact"]

    /// The arguments, with ids and texts that begin with a dash put behind `--`, where no option is looked for.
    static func prepared(_ arguments: [String]) -> [String] {
        guard let verb = arguments.first, takingValues.contains(verb), !arguments.contains("--") else {
            return arguments
        }
        var (kept, values) = ([String](), [String]())
        for argument in arguments {
            let last = kept.last ?? ""
            let isOfOption = last.hasPrefix("-") && !flags.contains(last) && !last.contains("=")
            if isValue(argument), !isOfOption { values.append(argument) } else { kept.append(argument) }
        }
        return values.isEmpty ? arguments : kept + ["--"] + values
    }

    /// Whether an argument with a dash before it can be no option: several words, or what begins like none of the short
    /// ones.
    private static func isValue(_ argument: String) -> Bool {
        guard argument.hasPrefix("-"), let second = argument.dropFirst().first else { return false }
        return argument.contains(where: \.isWhitespace) || !"-kh".contains(second)
    }

    /// What to say where the first argument, or the one behind it, is no verb; nil where it is one.
    static func unknownVerb(_ arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = Tool.self
        var path = "belfry"
        for argument in arguments {
            let verbs = command.configuration.subcommands
            guard !verbs.isEmpty, !argument.hasPrefix("-"), argument != "help" else { return nil }
            if let verb = verbs.first(where: { name(of: $0) == argument }) {
                command = verb
                path += " " + argument
                continue
            }
            let names = verbs.map(name)
            let near = Spelling.near(argument, among: names, count: 1).first
            return "Error: There is no \(path) \(argument). "
                + (near.map { "Did you mean “\(path) \($0)”?" } ?? "There are: \(names.joined(separator: ", ")).")
                + "\nSee '\(path) --help'."
        }
        return nil
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }
}
