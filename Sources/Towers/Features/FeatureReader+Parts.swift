import Files

extension FeatureReader {
    mutating func lookup(
        _ json: StrictObject, isList: Bool, _ elements: FeatureElements = .array
    ) throws(BelfryError) -> FeatureLookup {
        guard let json = try json.object("lookup") else { throw json.failure("lookup", "“lookup” is missing.") }
        try json.allow([
            "vocabulary", "unknown", "hash", "buckets", "boundaries", "rows", "first_row", "lowercase", "prefix",
        ])
        let kinds = ["vocabulary", "hash", "boundaries", "rows"].filter { json[$0] != nil }
        guard kinds.count == 1 else {
            throw json.failure(nil, "A lookup has exactly one of vocabulary, hash, boundaries and rows.")
        }
        func refuse(_ members: String...) throws(BelfryError) {
            for member in members where json[member] != nil {
                throw json.failure(member, "“\(member)” has no meaning beside “\(kinds[0])”.")
            }
        }
        let keys: FeatureLookup.Keys
        switch kinds[0] {
        case "vocabulary":
            try refuse("buckets")
            keys = .vocabulary(Shared(try vocabulary(json)))
        case "hash":
            try refuse("unknown")
            let hash = try json.choice("hash", FeatureHash.self) ?? .fnv1a64
            keys = .hash(hash, buckets: try json.needed("buckets", json.count("buckets", 1...FeatureSet.maxRows)))
        case "boundaries":
            try refuse("unknown", "buckets", "lowercase", "prefix")
            keys = .boundaries(try Self.boundaries(json))
        default:
            try refuse("buckets", "lowercase", "prefix")
            keys = .rows(try json.needed("rows", json.count("rows", 1...FeatureSet.maxRows)))
        }
        var lookup = FeatureLookup(
            keys: keys, firstRow: try json.count("first_row", 0...FeatureSet.maxRows) ?? 0, unknown: .refused)
        lookup.unknown = try Self.unknown(json, isList: isList)
        lookup.lowercases = try json.bool("lowercase", default: false)
        lookup.prefix = try json.count("prefix", 1...1 << 16)
        if elements != .array, lookup.wantsNumbers {
            throw json.failure("boundaries", "Pieces of a text are no numbers.")
        }
        if case .ngrams = elements { try refuse("lowercase", "prefix") }
        return lookup
    }

    private mutating func vocabulary(_ json: StrictObject) throws(BelfryError) -> FeatureVocabulary {
        if case .object? = json["vocabulary"], let object = try json.object("vocabulary") {
            try object.allow(["file"])
            let name = try object.needed("file", object.string("file"))
            guard name.hasSuffix(".txt"), !name.contains("/"), !name.hasPrefix("."), name != "vocab.txt" else {
                throw object.failure(
                    "file",
                    "“\(name)” must be the name of a .txt file beside the configuration, "
                        + "and not vocab.txt, which is a tokenizer's.")
            }
            files.insert(name)
            return try FeatureVocabulary(file: folder + "/" + name)
        }
        let values = try json.array("vocabulary") ?? []
        var vocabulary = FeatureVocabulary(capacity: values.count)
        for (index, value) in values.enumerated() {
            var key: [UInt8] = []
            if let text = value.utf8 {
                key = text
            } else if let number = value.integer {
                key.appendDecimal(Int64(number))
            } else {
                throw json.failure("vocabulary", "Value \(index) must be a text or a whole number, not \(value.kind).")
            }
            guard vocabulary.add(key) else {
                throw json.failure("vocabulary", "The value “\(String(decoding: key, as: UTF8.self))” is there twice.")
            }
        }
        guard vocabulary.count > 0 else { throw json.failure("vocabulary", "The vocabulary is empty.") }
        return vocabulary
    }

    private static func unknown(_ json: StrictObject, isList: Bool) throws(BelfryError) -> FeatureLookup.Unknown {
        switch json["unknown"] {
        case nil: return .refused
        case .string?:
            guard json["unknown"]?.string == "skip", isList else {
                throw json.failure("unknown", "“unknown” must be a row; “skip” is for lists only.")
            }
            return .skipped
        case .object?:
            let rows = try json.needed("unknown", json.object("unknown"))
            try rows.allow(["first_row", "rows"])
            return .rows(
                first: try rows.needed("first_row", rows.count("first_row", 0...FeatureSet.maxRows)),
                count: try rows.needed("rows", rows.count("rows", 1...FeatureSet.maxRows)))
        default:
            return .rows(first: try json.needed("unknown", json.count("unknown", 0...FeatureSet.maxRows)), count: 1)
        }
    }

    private static func boundaries(_ json: StrictObject) throws(BelfryError) -> [Double] {
        var boundaries: [Double] = []
        for value in try json.array("boundaries") ?? [] {
            guard let number = value.number, boundaries.last.map({ $0 < number }) ?? true else {
                throw json.failure("boundaries", "Boundaries must be numbers, each above the one before it.")
            }
            boundaries.append(number)
        }
        guard !boundaries.isEmpty else { throw json.failure("boundaries", "There is no boundary.") }
        return boundaries
    }

    static func scale(_ json: StrictObject) throws(BelfryError) -> FeatureScale {
        var scale = FeatureScale(logarithm: try json.choice("log", FeatureScale.Logarithm.self))
        let pairs = [("mean", "std"), ("min", "max")].filter { json[$0.0] != nil || json[$0.1] != nil }
        guard pairs.count <= 1 else {
            throw json.failure("mean", "A number is scaled by mean and std, or by min and max.")
        }
        guard let (first, second) = pairs.first else { return scale }
        scale.subtracted = try json.needed(first, json.number(first))
        scale.divisor = try json.needed(second, json.number(second)) - (first == "min" ? scale.subtracted : 0)
        guard scale.divisor > 0, scale.divisor.isFinite else {
            throw json.failure(second, "“\(second)” must be \(first == "min" ? "above min" : "above 0").")
        }
        return scale
    }

    static func shape(_ json: StrictObject) throws(BelfryError) -> [Int] {
        if let length = try json.count("length", 1...FeatureSet.widest) {
            guard json["shape"] == nil else { throw json.failure("shape", "“length” and “shape” say the same thing.") }
            return [length]
        }
        var shape: [Int] = []
        var length = 1
        for value in try json.array("shape") ?? [] {
            guard let extent = value.integer, (1...FeatureSet.widest).contains(extent),
                length * extent <= FeatureSet.widest, shape.count < 8
            else {
                throw json.failure("shape", "The extents must be counts, at most \(FeatureSet.widest) all together.")
            }
            length *= extent
            shape.append(extent)
        }
        guard !shape.isEmpty else { throw json.failure("length", "A vector needs “length” or “shape”.") }
        return shape
    }

    static func elements(_ json: StrictObject) throws(BelfryError) -> FeatureElements {
        if let separator = try json.string("separator") {
            guard json["ngrams"] == nil else {
                throw json.failure("separator", "A text is cut by “separator” or by “ngrams”, not by both.")
            }
            guard (1...16).contains(separator.utf8.count) else {
                throw json.failure("separator", "A separator has 1 to 16 bytes.")
            }
            return .separated(by: separator)
        }
        guard let json = try json.object("ngrams") else { return .array }
        try json.allow(["unit", "sizes", "lowercase", "before", "after"])
        var sizes: [Int] = []
        for value in try json.array("sizes") ?? [] {
            guard let size = value.integer, (1...64).contains(size), !sizes.contains(size), sizes.count < 16 else {
                throw json.failure("sizes", "The sizes must be different whole numbers from 1 to 64.")
            }
            sizes.append(size)
        }
        guard !sizes.isEmpty else { throw json.failure("sizes", "“sizes” is missing.") }
        return .ngrams(
            FeatureElements.Ngrams(
                unit: try json.choice("unit", FeatureElements.Ngrams.Unit.self) ?? .character, sizes: sizes,
                lowercases: try json.bool("lowercase", default: true), before: try json.string("before") ?? "",
                after: try json.string("after") ?? ""))
    }
}
