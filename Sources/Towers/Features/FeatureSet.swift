import Files

/// Feature columns: how the fields of an object become the input tensors of a model.
///
///     {"user_id": 5, "age": 34, "genres": ["a", "b"]}  →  user_id [rows], age [rows], genres [rows, 19]
///
/// 1. A configuration (`features.json`, see `FeatureSet+Configuration.swift`) lists columns. Each reads one field and
///    fills one input of the model.
/// 2. Encoding goes column by column over a batch of rows, so that the kind of a column is looked at once.
/// 3. A field that is missing, of the wrong type or unknown is an error that names row and field, unless the column
///    says what stands for it.
///
/// What it does *not* do: learn vocabularies, clean text, join rows. Lookups are by bytes: the forms é and e◌́ differ.
struct FeatureSet: Sendable {
    /// An input tensor of the model that the columns fill.
    struct Input: Hashable, Sendable {
        var name: String
        var element: FeatureTensor.Element
        /// Components per row; nil where it depends on the rows.
        var width: Int?
        /// The extents of a row where they are known to be more than one: [3, 224, 224].
        var shape: [Int]?
    }

    /// In the order of the configuration; several may read one field.
    let columns: [FeatureColumn]
    /// In the order in which the configuration names them first.
    let inputs: [Input]
    /// The configuration's file, for errors.
    let path: String
    /// Other files that the configuration names, which lie beside it.
    let files: [String]

    /// The fields that a row has, in the order of the columns.
    var fields: [TowerField] {
        var fields: [TowerField] = []
        for column in columns {
            if let known = fields.firstIndex(where: { $0.name == column.field }) {
                // Two columns may want different things of a field: the stricter one rules.
                guard column.isRequired, !fields[known].isRequired else { continue }
                fields[known] = TowerField(name: column.field, type: fields[known].type, isRequired: true)
            } else {
                fields.append(
                    TowerField(name: column.field, type: column.kind.fieldType, isRequired: column.isRequired))
            }
        }
        return fields
    }

    /// The input whose elements a model of tokens gives vectors for: that of the first text, or of the first list.
    var listInput: Int? {
        let text = columns.first { if case .text = $0.kind { true } else { false } }
        return (text ?? columns.first { if case .list = $0.kind { true } else { false } })?.input
    }

    /// The field that a prompt is put before: that of the first text column, or the only one that is a text.
    var promptField: String? {
        if let column = columns.first(where: { if case .text = $0.kind { true } else { false } }) {
            return column.field
        }
        let texts = fields.filter { $0.type == .text }
        return texts.count == 1 ? texts[0].name : nil
    }

    /// The most elements that a text or a list keeps; 0 without one.
    var longestList: Int {
        columns.reduce(0) { longest, column in
            switch column.kind {
            case .list(_, _, let list), .text(_, let list): max(longest, list.length)
            default: longest
            }
        }
    }

    /// The inputs of texts and lists that are padded to the longest of a batch, without a mask or lengths beside them.
    var unmaskedInputs: [Int] {
        columns.compactMap { column in
            switch column.kind {
            case .list(_, _, let list), .text(_, let list):
                list.isFixed || list.mask != nil || list.lengths != nil ? nil : column.input
            default: nil
            }
        }
    }

    /// The inputs of texts and lists that are padded to the longest of a batch.
    var listInputs: [Int] {
        columns.compactMap { column in
            switch column.kind {
            case .list(_, _, let list), .text(_, let list): list.isFixed ? nil : column.input
            default: nil
            }
        }
    }

    /// The most bytes that one row can take in all inputs together.
    var bytesPerRow: Int {
        columns.reduce(0) { $0 + $1.kind.largestWidth * 8 * (1 + $1.kind.companions) }
    }

    /// Fills `batch` with the tensors of those of `rows` that stand at `places`; of all of them without it.
    /// - Parameters:
    ///   - source: What the rows are called in an error: a file's name, or “objects”.
    ///   - first: The number of the first row in an error.
    /// - Throws: `invalidInput` with the row and the field.
    func encode(
        _ rows: [JSON], at places: [Int]? = nil, into batch: FeatureBatch, source: String = "objects", first: Int = 0
    ) throws(BelfryError) {
        let places = places ?? Array(rows.indices)
        batch.begin(rows: places.count, inputs)
        for column in columns {
            for (row, place) in places.enumerated() {
                do throws(FeatureProblem) {
                    guard case .object(let members) = rows[place] else {
                        throw FeatureProblem("The row must be an object, not \(rows[place].kind).")
                    }
                    try column.encode(members[column.field], members, row: row, into: batch)
                } catch {
                    throw error.error(source: source, row: first + place, field: column.field)
                }
            }
            column.finish(batch)
        }
    }

    /// Throws what keeps `row` from being encoded: `invalidInput` that names the field.
    func check(_ row: JSON) throws(BelfryError) {
        let batch = FeatureBatch()
        batch.begin(rows: 1, inputs)
        for column in columns {
            do throws(FeatureProblem) {
                guard case .object(let members) = row else {
                    throw FeatureProblem("The row must be an object, not \(row.kind).")
                }
                try column.encode(members[column.field], members, row: 0, into: batch)
            } catch {
                throw BelfryError(.invalidInput, "Field \(column.field): \(error.message)", remedy: error.remedy)
            }
        }
    }

    /// About how many elements the longest list of a row has, or tokens its longest text: found without cutting it.
    func elements(of row: JSON) -> Int {
        columns.reduce(1) { maximum, column in
            switch column.kind {
            case .list(_, _, let list), .text(_, let list):
                switch row[column.field] {
                case .array(let values)?: max(maximum, min(values.count, list.length))
                case .string(let text)?: max(maximum, min(text.utf8.count / 4 + 2, list.length))
                default: maximum
                }
            default: maximum
            }
        }
    }
}

/// Why a value cannot be encoded; where it stands is added by the loop over the rows.
struct FeatureProblem: Error {
    var message: String
    var remedy: Remedy?

    init(_ message: String, remedy: Remedy? = nil) {
        self.message = message
        self.remedy = remedy
    }

    func error(source: String, row: Int, field: String) -> BelfryError {
        BelfryError(
            .invalidInput, message, at: .init(file: source, place: "row \(row), field \(field)"), remedy: remedy)
    }
}

extension JSON {
    /// What kind of value this is, for an error.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .unsigned, .number: "a number"
        case .string: "a text"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
