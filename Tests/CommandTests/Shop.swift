import Foundation
import TestSupport

/// A small shop for tests: a recipe over a CSV of our own, and a tower of random weights that is committed.
struct Shop {
    let folder: String
    var recipe: String { "\(folder)/shop" }
    var tower: String { "\(folder)/tiny.tower" }
    var collection: String { "\(recipe)/shop.belfry" }

    /// The folder of the only segment of the collection.
    var segment: String {
        get throws {
            let segments = try FileManager.default.contentsOfDirectory(atPath: "\(collection)/segments")
            guard segments.count == 1 else { throw CocoaError(.fileReadUnknown, userInfo: ["segments": segments]) }
            return "\(collection)/segments/\(segments[0])"
        }
    }

    static let model = TestData.root + "/Tests/TowersTests/Fixtures/tiny-bert"
    static let dimension = 36
    static let products = ["lamp", "desk", "chair", "glove", "pump", "valve", "scale", "oven", "flask", "drill"]
    static let colors = ["red", "green", "blue", "black", "white"]

    /// Writes the recipe and `rows` products into `folder`, and imports the tower.
    init(_ folder: String, rows: Int = 50, segmentRows: Int = 10, index: String = "auto") throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: recipe, withIntermediateDirectories: true)
        var csv = "id,title,description,price\n"
        for row in 0..<rows {
            let name = "\(Self.colors[row % 5]) \(Self.products[row / 5 % 10])"
            csv += "p-\(row),\(name),\"the \(name), number \(row)\",\(row).5\n"
        }
        try write(csv, "shop/products.csv")
        try write(
            """
            rows: {file: products.csv}
            id: id
            text: "{title}\\n{description}"
            payload: {title: string, price: number}
            show: [title, price]
            tower: ../tiny.tower
            vectors: {segment_rows: \(segmentRows)}
            index: \(index)
            """, "shop/recipe.yaml")
        let imported = try BelfryProcess.run(["tower", "import", Self.model, "--to", tower])
        guard imported.exitCode == 0 else { throw CocoaError(.fileReadUnknown, userInfo: ["errors": imported.errors]) }
    }

    /// Replaces a text of the recipe.
    func change(_ old: String, to new: String) throws {
        let yaml = try String(contentsOfFile: "\(recipe)/recipe.yaml", encoding: .utf8)
        try write(yaml.replacing(old, with: new), "shop/recipe.yaml")
    }

    func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    /// Every file of the collection that a build decides, by its path from the collection on, with its bytes.
    func files() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in FileManager.default.enumerator(atPath: collection)!.compactMap({ $0 as? String }) {
            if let data = FileManager.default.contents(atPath: "\(collection)/\(name)") { files[name] = data }
        }
        return files
    }
}
