import CYaml
import Files

/// Looks over YAML text before it becomes nodes.
///
/// An alias stands for a whole value, and a value may hold aliases of others: thirty lines can stand for 9^30 values, and
/// whoever compares two of those, as Yams does with the keys of a mapping, never ends. The events of libyaml are gone
/// through once, and every value is counted with all that its aliases stand for.
enum YAMLText {
    /// Values that a text may stand for, aliases resolved: far more than any recipe has.
    static let maxValues = 100_000
    /// Lists and mappings inside each other.
    static let deepest = 64

    /// Refuses text that stands for too much, or that has a character U+0000. What is no YAML is left to the parser.
    static func check(_ yaml: String, file: String) throws(BelfryError) {
        let bytes = Array(yaml.utf8)
        try bytes.withUnsafeBufferPointer { bytes throws(BelfryError) in
            var parser = yaml_parser_t()
            guard yaml_parser_initialize(&parser) == 1 else { return }
            defer { yaml_parser_delete(&parser) }
            yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
            var outline = Outline(file: file)
            while true {
                var event = yaml_event_t()
                guard yaml_parser_parse(&parser, &event) == 1, event.type != YAML_STREAM_END_EVENT else { return }
                defer { yaml_event_delete(&event) }
                try outline.add(event)
            }
        }
    }

    /// The values counted so far.
    private struct Outline {
        let file: String
        /// Of each list and mapping that is open: its anchor, and how many values it stands for.
        private var open: [(anchor: String?, count: Int)] = []
        private var counts: [String: Int] = [:]

        init(file: String) { self.file = file }

        mutating func add(_ event: yaml_event_t) throws(BelfryError) {
            let line = event.start_mark.line + 1
            switch event.type {
            case YAML_SCALAR_EVENT:
                let scalar = event.data.scalar
                let text = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
                guard !text.contains(0) else { throw failure("A text has the character U+0000.", line) }
                try close(Self.name(scalar.anchor), 1, line)
            case YAML_ALIAS_EVENT:
                try close(nil, Self.name(event.data.alias.anchor).flatMap { counts[$0] } ?? 1, line)
            case YAML_SEQUENCE_START_EVENT: try begin(Self.name(event.data.sequence_start.anchor), line)
            case YAML_MAPPING_START_EVENT: try begin(Self.name(event.data.mapping_start.anchor), line)
            case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
                guard let (anchor, count) = open.popLast() else { return }
                try close(anchor, count, line)
            default: return
            }
        }

        private mutating func begin(_ anchor: String?, _ line: Int) throws(BelfryError) {
            guard open.count < YAMLText.deepest else {
                throw failure("More than \(YAMLText.deepest) lists and mappings stand inside each other.", line)
            }
            open.append((anchor, 1))
        }

        /// A value is complete: whoever holds it stands for as many more.
        private mutating func close(_ anchor: String?, _ count: Int, _ line: Int) throws(BelfryError) {
            if let anchor { counts[anchor] = count }
            guard let last = open.indices.last else { return }
            open[last].count += count
            guard open[last].count <= YAMLText.maxValues else {
                throw failure("The aliases stand for more than \(YAMLText.maxValues) values.", line)
            }
        }

        private static func name(_ anchor: UnsafeMutablePointer<yaml_char_t>?) -> String? {
            anchor.map { String(cString: $0) }
        }

        private func failure(_ message: String, _ line: Int) -> BelfryError {
            BelfryError(.invalidInput, message, at: .line(line, of: file))
        }
    }
}
