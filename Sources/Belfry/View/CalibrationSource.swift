import Files
import Neighbors

/// What the recall of a collection was measured on.
package struct CalibrationSource: Sendable {
    /// As `calibrated on 1,000 rows of the data, 400 single words`; nil where the index was not calibrated.
    package let text: String?
    /// Why it was rows of the data alone although the recipe names queries; nil where it was not so.
    package let fallback: String?

    init(_ calibration: RecallCalibration?, _ named: IndexRecord.Queries?) {
        text = calibration.map { calibration in
            let kinds = calibration.kinds.map { "\(ProgressLine.grouped($0.queries)) \($0.kind.description)" }
            return "calibrated on \(kinds.joined(separator: ", "))"
        }
        fallback =
            if let named, calibration?.kinds.map(\.kind) == [.rows] {
                "rows of the data stand in for the recipe's \(named.areUsers ? "users" : "queries"): "
                    + (named.count == 0 ? "none" : "only \(ProgressLine.grouped(named.count))")
                    + " of them could be used, and a calibration needs \(SegmentBuilder.minQueries)"
            } else { nil }
    }
}
