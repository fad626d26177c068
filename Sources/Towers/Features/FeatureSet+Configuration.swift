import Files

/// The configuration: an object with `format` 1, `columns`, an array of objects, and what `graphMembers` names.
///
/// | member of a column | what |
/// |---|---|
/// | `input` | the model's input that the column fills |
/// | `field` | the field of a row; the input's name without it |
/// | `type` | `index`, `number`, `string`, `vector`, `multi_hot`, `list`, `text` |
/// | `default` | the value that stands for an absent or null field |
///
/// | `type` | further members | the input becomes |
/// |---|---|---|
/// | `index` | `lookup`; `missing`: the row for an absent field | whole numbers |
/// | `number` | `log` (`log` or `log1p`, taken first), then `mean` and `std`, or `min` and `max` | floats |
/// | `string` | – | texts |
/// | `vector` | `length`, or `shape` | [rows, length] floats |
/// | `multi_hot` | `lookup`; `separator` or `ngrams`; `counts` | [rows, rows of the lookup] floats |
/// | `list` | `lookup`; `separator` or `ngrams`; the members of a list | [rows, width] whole numbers |
/// | `text` | the members of a list; the tokenizer's files lie beside the configuration | [rows, width] token ids |
///
/// Several `index` or `number` columns may fill one input: they stand side by side in it, in their order.
///
/// | member of `lookup` | what |
/// |---|---|
/// | `vocabulary` | an array of texts or whole numbers, or `{"file": name}`: a text file, one value a line |
/// | `unknown` | a row, `{"first_row", "rows"}` for several, or `"skip"` inside of lists; without it an error |
/// | `hash`, `buckets` | `fnv1a64`, `crc32` or `murmur3_32` of the UTF-8 bytes (of a number: its decimal text) |
/// | `boundaries` | ascending numbers: the row is how many of them are ≤ the value |
/// | `rows` | whole numbers 0 ..< rows stand for themselves |
/// | `first_row` | is added; 0 without it |
/// | `lowercase`, `prefix` | change a text before it is looked up: lower case; only its first characters |
///
/// | member of `ngrams` | what |
/// |---|---|
/// | `unit`, `sizes` | `character` or `word`, and how many of them a piece has, as [3, 4]; `character` without it |
/// | `lowercase` | whether the text is lower-cased first; true without it |
/// | `before`, `after` | what is put before and behind the text, once it is lower-cased, as `^` and `$`; nothing without it |
///
/// | member of a list | what |
/// |---|---|
/// | `length`, `fixed` | the most elements; whether every batch is that wide, or how wide it is |
/// | `keeps` | `first` or `last` elements of a longer list |
/// | `pads`, `padding` | `right` or `left`; 0 without it, and then no row may be empty that has no mask |
/// | `minimum` | the least elements |
/// | `mask`, `float_mask`, `lengths`, `token_types` | further inputs: 1 where an element is, how many there are, zeros |
/// | `positions`, `first_position` | a further input: 0, 1, 2, … or counted from another number |
extension FeatureSet {
    static let file = "features.json"
    static let format = 1
    /// Members that describe the graph as a whole, and that an import reads (`GraphSettings`).
    static let graphMembers = ["output", "pooling", "normalize", "cut", "prompts", "items"]
    static let maxColumns = 1024
    static let maxRows = 1 << 31
    static let widest = 1 << 22

    /// Reads the configuration in `file`, and the vocabularies and the tokenizer that it names: they lie in `folder`, or
    /// beside it.
    /// - Throws: `invalidInput` with the member's place.
    init(file: String, folder: String? = nil) throws(BelfryError) {
        let reader = try Self.byHand { () throws(BelfryError) in
            try FeatureReader(StrictObject(file: file), folder: folder)
        }
        (path, columns, inputs, files) = (file, reader.columns, reader.inputs, reader.files.sorted())
    }

    /// A configuration is written by hand: what is wrong with it is not a download that went wrong.
    static func byHand<Result>(_ body: () throws(BelfryError) -> Result) throws(BelfryError) -> Result {
        do throws(BelfryError) { return try body() } catch {
            var error = error
            if error.code == .corruptData { error.code = .invalidInput }
            if error.remedy?.hasPrefix("Download") == true { error.remedy = nil }
            throw error
        }
    }
}

/// Reads the columns one after another, and gathers the inputs that they fill.
struct FeatureReader {
    private(set) var columns: [FeatureColumn] = []
    private(set) var inputs: [FeatureSet.Input] = []
    var files: Set<String> = []
    let folder: String
    private var tokenizer: (any Tokenizer)?

    init(_ json: StrictObject, folder: String?) throws(BelfryError) {
        self.folder = folder ?? System.parent(of: json.file)
        try json.allow(["format", "columns"] + FeatureSet.graphMembers)
        guard try json.integer("format") == FeatureSet.format else {
            throw json.failure("format", "“format” must be \(FeatureSet.format).")
        }
        let entries = try json.objects("columns")
        guard (1...FeatureSet.maxColumns).contains(entries.count) else {
            throw json.failure("columns", "There must be 1 to \(FeatureSet.maxColumns) columns.")
        }
        for entry in entries { try read(entry) }
        // Columns that share an input know its width only now.
        for index in columns.indices { columns[index].width = inputs[columns[index].input].width }
    }

    private mutating func read(_ json: StrictObject) throws(BelfryError) {
        let input = try json.needed("input", json.string("input"))
        guard !input.isEmpty else { throw json.failure("input", "“input” is empty.") }
        let type = try json.needed("type", json.string("type"))
        let own: [String]
        let kind: FeatureColumn.Kind
        var element = FeatureTensor.Element.float
        var width: Int?
        var shape: [Int]?
        var isShared = false
        switch type {
        case "index":
            own = ["lookup", "missing"]
            let lookup = try lookup(json, isList: false)
            let missing = try json.count("missing", 0...FeatureSet.maxRows)
            (kind, element, width, isShared) = (.index(lookup, missing: missing.map(Int64.init)), .integer, 1, true)
        case "number":
            own = ["log", "mean", "std", "min", "max"]
            (kind, width, isShared) = (.number(try Self.scale(json)), 1, true)
        case "string":
            own = []
            (kind, element, width) = (.string, .text, 1)
        case "vector":
            own = ["length", "shape"]
            shape = try Self.shape(json)
            let length = shape!.reduce(1, *)
            (kind, width) = (.vector(length: length), length)
        case "multi_hot":
            own = ["lookup", "separator", "ngrams", "counts"]
            let elements = try Self.elements(json)
            let lookup = try lookup(json, isList: true, elements)
            guard lookup.rows <= FeatureSet.widest else {
                throw json.failure(
                    "lookup", "The vector would have \(lookup.rows) components; \(FeatureSet.widest) at most.")
            }
            width = lookup.rows
            kind = .multiHot(elements, lookup, counts: try json.bool("counts", default: false))
        case "list":
            own = ["lookup", "separator", "ngrams"] + Self.listMembers
            let elements = try Self.elements(json)
            kind = .list(elements, try lookup(json, isList: true, elements), try list(json))
            element = .integer
        case "text":
            own = Self.listMembers + ["token_types"]
            let tokenizer = try loadTokenizer()
            let list = try list(json)
            guard list.length > tokenizer.templateCount, list.keeps == .first, list.minimum == 0 else {
                throw json.failure(
                    "length", "A text keeps its first tokens, more than the \(tokenizer.templateCount) of the template."
                )
            }
            (kind, element) = (.text(tokenizer, list), .integer)
        default:
            throw json.failure(
                "type", "“\(type)” is no type of column: index, number, string, vector, multi_hot, list, text.")
        }
        try json.allow(["input", "field", "type", "default"] + own)
        let fallback = json["default"].map(JSON.init)
        if fallback != nil, json["missing"] != nil {
            throw json.failure("missing", "“missing” and “default” both say what stands for an absent field.")
        }
        let name = try json.string("field") ?? input
        var place = inputs.count
        var offset = 0
        if isShared, let known = inputs.firstIndex(where: { $0.name == input && $0.element == element }),
            columns.contains(where: { $0.input == known && $0.kind.isOneComponent })
        {
            place = known
            offset = inputs[known].width!
            inputs[known].width! += 1
        } else {
            place = try add(input, element, width: width, shape: shape, json, "input")
        }
        let column = FeatureColumn(
            field: name, fallback: fallback, kind: try companions(of: kind, json), input: place, offset: offset)
        if let fallback { try Self.tryDefault(fallback, column, inputs, json) }
        columns.append(column)
    }

    /// A default that cannot be encoded shows when the configuration is read, not at some row.
    private static func tryDefault(
        _ fallback: JSON, _ column: FeatureColumn, _ inputs: [FeatureSet.Input], _ json: StrictObject
    ) throws(BelfryError) {
        let batch = FeatureBatch()
        batch.begin(rows: 1, inputs)
        var column = column
        column.width = inputs[column.input].width
        do throws(FeatureProblem) {
            try column.encode(fallback, [:], row: 0, into: batch)
        } catch {
            throw json.failure("default", error.message)
        }
    }

    private mutating func add(
        _ name: String, _ element: FeatureTensor.Element, width: Int?, shape: [Int]? = nil, _ json: StrictObject,
        _ member: String
    ) throws(BelfryError) -> Int {
        guard !inputs.contains(where: { $0.name == name }) else {
            throw json.failure(member, "The input “\(name)” is filled by another column already.")
        }
        inputs.append(FeatureSet.Input(name: name, element: element, width: width, shape: shape))
        return inputs.count - 1
    }

    private static let listMembers = [
        "length", "fixed", "keeps", "pads", "padding", "minimum", "mask", "float_mask", "lengths", "positions",
        "first_position",
    ]

    private func list(_ json: StrictObject) throws(BelfryError) -> FeatureList {
        var list = FeatureList(length: try json.needed("length", json.count("length", 1...1 << 16)))
        if json["fixed"]?.number != nil {
            list.fixedWidth = try json.count("fixed", list.length...1 << 16)
        } else if try json.bool("fixed", default: false) {
            list.fixedWidth = list.length
        }
        list.keeps = try json.choice("keeps", FeatureList.End.self) ?? .first
        list.pads = try json.choice("pads", FeatureList.Side.self) ?? .right
        list.padding = try json.count("padding", 0...FeatureSet.maxRows).map { Int64($0) }
        // Who says that nothing stands for an absent list has trained the model on padding alone.
        let standsForAbsent = json["default"].map(JSON.init)
        if list.padding == nil, standsForAbsent == .array([]) || standsForAbsent == .string("") { list.padding = 0 }
        list.minimum = try json.count("minimum", 0...list.length) ?? 0
        return list
    }

    /// The inputs that a list fills beside its own.
    private mutating func companions(
        of kind: FeatureColumn.Kind, _ json: StrictObject
    ) throws(BelfryError) -> FeatureColumn.Kind {
        func adding(_ list: FeatureList, _ reader: inout Self) throws(BelfryError) -> FeatureList {
            var list = list
            if let name = try json.string("mask") {
                list.mask = try reader.add(name, .integer, width: nil, json, "mask")
            }
            if let name = try json.string("float_mask") {
                guard list.mask == nil else { throw json.failure("float_mask", "There is one mask, of one kind.") }
                list.mask = try reader.add(name, .float, width: nil, json, "float_mask")
            }
            if let name = try json.string("lengths") {
                list.lengths = try reader.add(name, .integer, width: 1, json, "lengths")
            }
            if let name = try json.string("token_types") {
                list.zeros = try reader.add(name, .integer, width: nil, json, "token_types")
            }
            if let name = try json.string("positions") {
                list.positions = try reader.add(name, .integer, width: nil, json, "positions")
                list.firstPosition = try json.count("first_position", 0...1 << 20) ?? 0
            }
            return list
        }
        switch kind {
        case .list(let elements, let lookup, let list): return .list(elements, lookup, try adding(list, &self))
        case .text(let tokenizer, let list): return .text(tokenizer, try adding(list, &self))
        default: return kind
        }
    }

    private mutating func loadTokenizer() throws(BelfryError) -> any Tokenizer {
        if let tokenizer { return tokenizer }
        let loaded = try Tokenizers.load(folder: folder)
        files.formUnion(try Tokenizers.files(folder: folder))
        tokenizer = loaded
        return loaded
    }
}

extension FeatureColumn.Kind {
    /// Whether columns of this kind may share an input.
    fileprivate var isOneComponent: Bool {
        switch self {
        case .index, .number: true
        default: false
        }
    }
}

extension JSON {
    /// The value of a settings file.
    init(_ json: StrictJSON) {
        switch json {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .number(let value): self = json.integer.map { .integer(Int64($0)) } ?? .number(value)
        case .string: self = .string(json.string!)
        case .array(let values): self = .array(values.map(JSON.init))
        case .object(let members):
            let pairs = members.map { (String(decoding: $0.name, as: UTF8.self), JSON($0.value)) }
            self = .object(JSON.Members(pairs))
        }
    }
}
