import Belfry
import Files

/// Which indexes of a field serve a condition, or an order.
struct IndexNeed {
    /// What an index must have been made with, beside its type.
    enum Option: String {
        case lookup, range, prefix
        case phrases = "phrase_matching"

        /// Whether it is as `params` say: an index of numbers looks values and ranges up unless they say otherwise, and one of
        /// texts finds neither beginnings nor phrases unless they say so.
        func isGiven(_ params: JSON, _ kind: FieldKind) -> Bool {
            switch self {
            case .lookup, .range: kind != .integer || params[rawValue]?.bool != false
            case .prefix, .phrases: params[rawValue]?.bool == true
            }
        }
    }

    let kinds: [FieldKind]
    var option: Option?

    init(_ kinds: [FieldKind], _ option: Option? = nil) { (self.kinds, self.option) = (kinds, option) }

    /// Any index says which points have a value, and how many.
    static let any = IndexNeed(FieldKind.allCases)
    /// What the values of a group and of a facet are counted by.
    static let match = IndexNeed([.keyword, .integer, .uuid, .bool], .lookup)
    static let order = IndexNeed([.integer, .float, .datetime], .range)
    static let number = IndexNeed([.integer, .float])

    init(_ test: FieldTest) {
        switch test {
        case .match(.string): self.init([.keyword, .uuid])
        case .match(.integer): self.init([.integer], .lookup)
        case .match(.bool): self.init([.bool])
        case .any(let values), .except(let values):
            switch values {
            // Nobody knows what an empty list is of.
            case .strings(let texts) where texts.isEmpty: self.init([.keyword, .uuid, .integer])
            case .strings: self.init([.keyword, .uuid])
            case .integers: self.init([.integer], .lookup)
            }
        case .text, .textAny: self.init([.text])
        case .phrase: self.init([.text], .phrases)
        case .prefix: self.init([.keyword], .prefix)
        case .substring: self.init([.keyword, .text])
        case .range: self.init([.integer, .float], .range)
        case .times: self.init([.datetime])
        case .box, .radius, .polygon: self.init([.geo])
        case .count: self = .any
        }
    }
}
