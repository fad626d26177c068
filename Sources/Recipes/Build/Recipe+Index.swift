import Files
import Neighbors

extension Recipe {
    /// The index that is asked for, and the queries that it is calibrated on. A recall decides what `auto` chooses; any
    /// other index answers at every recall.
    /// - Parameters:
    ///   - isOfTexts: whether items and queries are texts, so that queries can be made of the items.
    ///   - seed: what all that is random starts from.
    func indexRequest(ofTexts isOfTexts: Bool, seed: UInt64) throws(BelfryError) -> String {
        let name = index == .auto ? "auto at \(recall.map { "recall \($0)" } ?? "its best recall")" : index.rawValue
        let request = seed == 1 ? name : "\(name), seed \(seed)"
        guard index != .exact, index != .auto || recall != 1 else { return request }
        if let calibration { return "\(request), calibrated on queries \(try calibration.digest().prefix(12))" }
        return isOfTexts ? "\(request), calibrated on its texts" : request
    }

    /// Whether an index will be built, and calibrated on queries.
    func isCalibrated(rows: Int, dimension: Int) -> Bool {
        switch index {
        case .exact: false
        case .auto: recall.map { $0 < 1 } ?? !DefaultRecall.scans(rows: rows, bytesPerRow: dimension)
        case .hnsw, .ivf: true
        }
    }
}
