public import Files
import Shards
import Towers

extension VectorCollection {
    /// What `check` found out about one file or folder of a collection.
    public struct Finding: Sendable {
        /// The file or folder, from the collection's directory on.
        public let name: String
        /// What is wrong with it; empty where all is well.
        public let problems: [BelfryError]

        /// A finding.
        public init(name: String, problems: [BelfryError]) { (self.name, self.problems) = (name, problems) }

        /// Whether something is not what was written. A file that this user may not read, a disk that fails, or a format
        /// that this Belfry does not read is a problem of another kind: nobody knows what is in it.
        public var isDamaged: Bool {
            problems.contains { problem in
                // A tower's manifest stands under no checksum: what reads as another version may be a flipped bit.
                problem.code == .unsupported ? name.hasPrefix("towers/") : ![.io, .conflict].contains(problem.code)
            }
        }
    }

    /// Verifies every checksum of the collection at `path` and that its parts fit together.
    ///
    /// Goes on after a problem, so that one run names all that is damaged. Changes nothing: what a killed writer left half
    /// written in the catalogue is undone in a copy, which is what counts.
    /// - Throws: only where there is no collection to check.
    public static func check(_ path: String) throws(BelfryError) -> [Finding] {
        let layout = CollectionLayout(path: path)
        while true {
            let identity = FileIdentity(layout.path)
            let before = listing(layout)
            let findings = findings(layout)
            // Where a build has put another collection in the place meanwhile, or a writer has sealed or merged, parts of both
            // were looked at.
            let isSame = FileIdentity(layout.path) == identity && listing(layout) == before
            if isSame || findings.allSatisfy(\.problems.isEmpty) { return findings }
        }
    }

    /// What the catalogue lists, and up to which write; nil where it cannot be read.
    private static func listing(_ layout: CollectionLayout) -> [Int]? {
        try? Catalogue(layout.catalogue, .read).read { transaction in
            try transaction.segments().map(\.number) + [Int(transaction.lsn())]
        }
    }

    private static func findings(_ layout: CollectionLayout) -> [Finding] {
        let seal = CatalogueSeal.path(of: layout.catalogue)
        let rows = Catalogue.check(layout.catalogue)
        // A seal says nothing about a database that is half written.
        let sealed = Catalogue.hasJournal(layout.catalogue) ? [] : CatalogueSeal.check(layout.catalogue)
        let catalogue = rows + sealed.filter { $0.location?.file != seal }
        var findings = [
            Finding(name: "catalog.sqlite", problems: catalogue),
            Finding(name: "catalog.seal", problems: sealed.filter { $0.location?.file == seal }),
        ]
        findings += segmentFindings(layout)
        let fields = try? Catalogue(layout.catalogue, .read).read { try $0.fieldRecord() }
        findings += (fields?.problems(layout) ?? []).map { Finding(name: $0.name, problems: $0.problems) }
        if let finding = logFinding(layout) { findings.append(finding) }
        for name in towerNames(layout) {
            findings.append(Finding(name: "towers/\(name)", problems: TowerPair.check(layout.tower(name))))
        }
        let damaged = Set(findings.flatMap(\.problems).compactMap(\.location?.file))
        let mismatches = crossCheck(layout).filter { !damaged.contains($0.location?.file ?? "") }
        return findings + [Finding(name: "the parts together", problems: mismatches)]
    }

    /// The log, from where the catalogue ends; nil where there is none.
    private static func logFinding(_ layout: CollectionLayout) -> Finding? {
        guard System.exists(layout.log) else { return nil }
        do throws(BelfryError) {
            let state = try Catalogue(layout.catalogue, .read).read { try $0.state() }
            try LogReader(layout.log).replay(from: state.lsn + 1, applied: state.proven) {
                _, operations throws(BelfryError) in
                _ = try StagedBatch.unfolding(operations, in: layout.batches)
            }
            return Finding(name: "log", problems: [])
        } catch {
            return Finding(name: "log", problems: [error])
        }
    }

    /// The files of the segments that the catalogue lists; where it is beyond reading, those on disk.
    private static func segmentFindings(_ layout: CollectionLayout) -> [Finding] {
        let listed = try? Catalogue(layout.catalogue, .read).read { try $0.segments() }
        let records = listed.map { rows in
            rows.map { (layout.segment($0.number), try? SegmentRecord($0, layout)) }
        }
        let folders =
            records ?? ((try? System.list(layout.segments)) ?? []).map { ("\(layout.segments)/\($0)", nil) }
        return folders.flatMap { folder, record in
            (record?.files ?? (try? System.list(folder)) ?? []).map { name in
                var problems = SegmentFile.check("\(folder)/\(name)")
                if problems.isEmpty, let other = try? record?.problem(with: name, in: folder) { problems = [other] }
                return Finding(name: "\(folder.dropFirst(layout.path.count + 1))/\(name)", problems: problems)
            }
        }
    }

    /// The tower that the catalogue names; where it is beyond reading, those on disk.
    private static func towerNames(_ layout: CollectionLayout) -> [String] {
        let configuration = try? Catalogue(layout.catalogue, .read).read {
            try $0.document("collection", as: CollectionConfiguration.self)
        }
        return configuration.map { $0.towers.map(\.name) } ?? (try? System.list(layout.towers)) ?? []
    }

    /// Whether catalogue, segments and tower belong together: counts, the id of every row, the codes of every row, the
    /// rows of graph or lists, the fingerprint.
    private static func crossCheck(_ layout: CollectionLayout) -> [BelfryError] {
        var problems: [BelfryError] = []
        do throws(BelfryError) {
            let collection = try VectorCollection(layout.path)
            let place = BelfryError.Location(file: layout.catalogue)
            let view = collection.view
            let spaces = view.configuration.spaces
            var (points, vectors) = (0, [Int](repeating: 0, count: spaces.count))
            try view.forEachPoint { point in
                points += 1
                for space in spaces.indices {
                    guard let at = view.place(of: point, in: space) else { continue }
                    vectors[space] += 1
                    guard try view.id(at: at) != point.id else { continue }
                    problems.append(
                        .corrupt(
                            "Point \(point.id) is not in row \(at.row) of segment \(at.segment), where its slot is.",
                            at: .init(file: layout.ids(at.segment))))
                }
            }
            if points != collection.count {
                problems.append(.corrupt("There are \(points) points; there should be \(collection.count).", at: place))
            }
            for (space, count) in vectors.enumerated() where count != view.count(in: space) {
                problems.append(
                    .corrupt(
                        "\(count) points have \(spaces[space].title); there are \(view.count(in: space)) of them.",
                        at: place))
            }
            for live in view.segments { problems += try live.segment.problems() }
            for space in spaces.indices where spaces[space].tower != nil { _ = try collection.towers(of: space) }
        } catch {
            problems.append(error)
        }
        return problems
    }
}
