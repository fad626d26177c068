import Vectors

extension Metric {
    /// The metric's number in files: 1 l2, 2 ip, 3 cosine, 4 l1.
    var number: UInt32 {
        switch self {
        case .l2: 1
        case .ip: 2
        case .cosine: 3
        case .l1: 4
        }
    }

    /// The metric with a number; nil if there is none.
    init?(number: UInt32) {
        guard let metric = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = metric
    }
}
