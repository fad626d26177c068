import Files
import Shards

extension IndexRecord {
    /// Which files are in a segment's folder.
    static func identities(in folder: String) throws(BelfryError) -> [String: UInt32] {
        var identities: [String: UInt32] = [:]
        for name in try System.list(folder) { identities[name] = try SegmentFile("\(folder)/\(name)").identity }
        return identities
    }

    /// What is wrong with a file that is whole: it is not the one that was built with this collection. Reads the header.
    func problem(with name: String, in folder: String) throws(BelfryError) -> BelfryError? {
        guard let known = identities?[name], try SegmentFile("\(folder)/\(name)").identity != known else { return nil }
        return .corrupt(
            "The file is not the one that was built with this collection: the catalogue has another checksum.",
            at: .init(file: "\(folder)/\(name)"))
    }
}
