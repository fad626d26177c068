/// How to mend what went wrong: a sentence or two for people, in which what a program can do stands as a typed action.
///
/// A library does not know how it is asked. ``description`` says an action in plain words; a command line writes it as a
/// command, a server as a URL:
/// ```swift
/// remedy: "Give a session: \(.recommend(collection: path, by: .session))."
/// ```
public struct Remedy: Hashable, Sendable {
    /// What can be done about an error.
    public enum Action: Hashable, Sendable {
        /// Build the collection of a recipe, by the recipe's folder, or the one that the error is about; in the place of one
        /// that is there or not.
        case build(recipe: String?, replacing: Bool)
        /// Make a tower of a model. Without a model, of one that is named then; without a name for the tower, under any.
        case importTower(model: String?, tower: String?, replacing: Bool)
        /// Verify all files of a collection.
        case check
        /// Make a damaged collection whole again, as far as that can be.
        case repair
        /// Search a collection by a text.
        case search(collection: String)
        /// Search a collection for what is similar to a point.
        case similar(collection: String)
        /// Search a collection by something else; of a sentence that has named the collection, by this alternative.
        case recommend(collection: String?, by: Source)
        /// Give a setting of a request or a build, or leave it out, as the sentence says.
        case setting(Setting)
    }

    /// What a recommendation starts from.
    public enum Source: Hashable, Sendable {
        /// Points that the answers are to be like.
        case examples
        /// The items of a session.
        case session
        /// A user by id.
        case user
        /// A user by an object of these fields.
        case fields([String])
    }

    /// A setting of a request or a build.
    public enum Setting: String, Hashable, Sendable {
        /// Whether what is there is replaced.
        case replacing
        /// The tower that embeds a query.
        case tower
        /// The one evaluation that is run.
        case evaluation
        /// The one variant of a recipe that is meant.
        case variant
        /// The file of a benchmark's truth.
        case truth
        /// How many queries a benchmark asks.
        case queryLimit
        /// How many answers are asked for.
        case k
        /// How a model's vectors of tokens become a text's.
        case pooling
        /// Whether a model's vectors are brought to unit length.
        case normalize
        /// The value of a graph that is the vector.
        case output
        /// The route of a model with several.
        case route
        /// The graph of a folder that has several.
        case graph
        /// The file that describes a model's inputs.
        case features
        /// Whether a model is of sessions.
        case session
        /// The other model of a pair.
        case pair
    }

    /// A piece of the sentence.
    public enum Part: Hashable, Sendable {
        /// Words.
        case text(String)
        /// What can be done.
        case action(Action)
    }

    /// The sentence, piece by piece.
    public private(set) var parts: [Part]

    /// What a program can do.
    public var actions: [Action] { parts.compactMap { if case .action(let action) = $0 { action } else { nil } } }

    /// Words alone.
    public init(_ text: String) { parts = [.text(text)] }

    /// The sentence, with each action as `word` writes it.
    public func text(_ word: (Action) -> String) -> String {
        parts.map { part in
            switch part {
            case .text(let text): text
            case .action(let action): word(action)
            }
        }.joined()
    }

    /// One sentence behind another.
    public static func + (first: Remedy, second: Remedy) -> Remedy {
        var both = first
        both.parts += second.parts
        return both
    }
}

extension Remedy: ExpressibleByStringInterpolation {
    /// Gathers the pieces of a sentence.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        /// Room for the pieces.
        public init(literalCapacity: Int, interpolationCount: Int) { parts.reserveCapacity(2 * interpolationCount + 1) }

        /// Words.
        public mutating func appendLiteral(_ literal: String) { add(literal) }

        /// A value's words.
        public mutating func appendInterpolation(_ value: some CustomStringConvertible) { add(value.description) }

        /// An action.
        public mutating func appendInterpolation(_ action: Action) { parts.append(.action(action)) }

        /// Another sentence.
        public mutating func appendInterpolation(_ remedy: Remedy) { parts += remedy.parts }

        private mutating func add(_ text: String) {
            guard !text.isEmpty else { return }
            if case .text(let before)? = parts.last {
                parts[parts.count - 1] = .text(before + text)
            } else {
                parts.append(.text(text))
            }
        }
    }

    /// Words alone.
    public init(stringLiteral value: String) { self.init(value) }

    /// Words and actions.
    public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }
}

extension Remedy: CustomStringConvertible {
    /// The sentence in plain words.
    public var description: String { text(\.description) }

    /// Whether the sentence has these words.
    package func contains(_ words: String) -> Bool { description.contains(words) }

    /// Whether the sentence begins with these words.
    package func hasPrefix(_ words: String) -> Bool { description.hasPrefix(words) }

    /// The sentence with other words in the place of some.
    package func replacing(_ words: String, with others: String) -> Remedy {
        var changed = self
        changed.parts = parts.map { part in
            if case .text(let text) = part { .text(text.replacing(words, with: others)) } else { part }
        }
        return changed
    }
}

extension Remedy.Action: CustomStringConvertible {
    /// The action in plain words.
    public var description: String {
        switch self {
        case .build(let recipe, let replacing):
            "build \(recipe ?? "the collection")\(replacing ? " in the place of the old one" : "")"
        case .importTower(let model, let tower, let replacing):
            "import \(model ?? "the model")\(tower.map { " as \($0)" } ?? "")"
                + (replacing ? " in the place of the old one" : "")
        case .check: "a check of all files"
        case .repair: "a repair"
        case .search(let collection): "search \(collection) by a text"
        case .similar(let collection): "search \(collection) for what is similar to a point"
        case .recommend(let collection, let source): (collection.map { "search \($0) by " } ?? "") + source.description
        case .setting(let setting): "the setting “\(setting.rawValue)”"
        }
    }
}

extension Remedy.Source: CustomStringConvertible {
    /// What it is, in plain words.
    public var description: String {
        switch self {
        case .examples: "examples"
        case .session: "a session"
        case .user: "a user"
        case .fields(let names): "a user's fields \(names.joined(separator: ", "))"
        }
    }
}
