import Foundation
import TestSupport
import Testing

/// Inside a target, too, arrows point one way: no two of its folders know each other's types, not even through a third.
///
/// With `BELFRY_VERBOSE=1` the arrows are printed.
@Suite struct FolderArrowTests {
    /// Folders that know nobody: whoever reads them needs no other.
    static let leaves: [String: Set<String>] = [
        "Belfry": ["Catalogue", "Filter", "Payload"], "Recipes": ["Rows"],
    ]

    /// Folders that know few, by those that they may know.
    static let frugal: [String: [String: Set<String>]] = ["Belfry": ["Ranking": ["Filter"]]]

    @Test(arguments: SourceTree.targets)
    func foldersFormNoCircle(_ target: String) throws {
        let arrows = try FolderArrows(of: target)
        if ProcessInfo.processInfo.environment["BELFRY_VERBOSE"] != nil {
            print(arrows.description)
        }
        for folder in Self.leaves[target] ?? [] {
            #expect(arrows.targets(of: folder).isEmpty, "\(target)/\(folder) knows \(arrows.targets(of: folder))")
        }
        for (folder, allowed) in Self.frugal[target] ?? [:] {
            let known = arrows.targets(of: folder)
            #expect(allowed.isSuperset(of: known), "\(target)/\(folder) knows \(known)")
        }
        #expect(arrows.circle == nil, "\(target): \(arrows.circle ?? "")")
    }

    /// What knows a database, a recipe's language or a command line stands in one place.
    @Test(arguments: [("GRDB", "Belfry/Catalogue/"), ("Yams", "Recipes/Recipe/"), ("CYaml", "Recipes/Recipe/")])
    func importsStandInOnePlace(_ module: String, _ place: String) throws {
        for target in SourceTree.targets {
            for file in SourceTree.files(of: target) where try SourceTree.code(file).contains("import \(module)\n") {
                #expect(file.contains("/Sources/\(place)"), "\(file) imports \(module)")
            }
        }
    }

    @Test func aPlantedCircleIsSeen() {
        let arrows = FolderArrows(
            target: "T",
            [
                "A": ["struct Apple { var pear: Pear }"],
                "B": ["struct Pear {}", "extension Pear { func plum() -> Plum }"],
                "C": ["enum Plum { case of(Apple) }"],
            ])
        #expect(arrows.circle == "A → B → C → A")
        let free = FolderArrows(
            target: "T",
            [
                "A": ["struct Apple { /* Pear */ let name = \"Pear\" } // Pear"],
                "B": ["struct Pear { var apple: Apple }"],
            ])
        #expect(free.circle == nil && free.targets(of: "B") == ["A"])
    }
}

/// Which folders of a target know which others: what declares a type is known by what names it.
struct FolderArrows: CustomStringConvertible {
    let target: String
    /// For each folder those that it knows, with one type of each by which it does.
    private var known: [String: [String: String]] = [:]

    init(of target: String) throws {
        var folders: [String: [String]] = [:]
        for file in SourceTree.files(of: target) {
            let parts = file.dropFirst((SourceTree.root + "/" + target + "/").count).split(separator: "/")
            folders[parts.count > 1 ? String(parts[0]) : "", default: []].append(try SourceTree.code(file))
        }
        self.init(target: target, folders)
    }

    /// - Parameter folders: the code of the files in each folder.
    init(target: String, _ folders: [String: [String]]) {
        self.target = target
        var owners: [String: String] = [:]
        for (folder, files) in folders {
            for code in files { for type in SwiftCode(code).declaredTypes { owners[type] = folder } }
        }
        for (folder, files) in folders {
            for code in files {
                for type in SwiftCode(code).namedTypes {
                    guard let owner = owners[type], owner != folder else { continue }
                    known[folder, default: [:]][owner] = min(known[folder]?[owner] ?? type, type)
                }
            }
        }
    }

    func targets(of folder: String) -> [String] { (known[folder] ?? [:]).keys.sorted() }

    /// Folders that lead back to the first, as `A → B → A`; nil where there are none.
    var circle: String? {
        for start in known.keys.sorted() {
            var paths = [[start]]
            var seen: Set<String> = []
            while !paths.isEmpty {
                let path = paths.removeFirst()
                for next in targets(of: path.last!) {
                    if next == start { return (path + [start]).map(Self.name).joined(separator: " → ") }
                    if seen.insert(next).inserted { paths.append(path + [next]) }
                }
            }
        }
        return nil
    }

    private static func name(_ folder: String) -> String { folder.isEmpty ? "(root)" : folder }

    var description: String {
        known.keys.sorted().map { folder in
            let arrows = targets(of: folder).map { "\(Self.name($0)) (\(known[folder]![$0]!))" }
            return "\(target)/\(Self.name(folder)) → \(arrows.joined(separator: ", "))"
        }.joined(separator: "\n")
    }
}
