package import Files

extension TowerPair {
    /// What belongs in the directory `path` of a tower or of a pair: `tower.json`, and the files that it lists.
    /// - Parameter other: A tower whose names count, too: what replaces this one, or what it is a copy of. It tells the
    ///   names where the manifest at `path` is damaged or was not written yet.
    package static func belongings(of path: String, like other: String? = nil) -> @Sendable (String) -> Belongings? {
        let places = [path] + [other].compactMap { $0 }
        func names(_ folder: String) -> @Sendable (String) -> Belongings? {
            let names = Set(places.flatMap { TowerManifest.fileNames(in: $0 + folder) }).union([TowerManifest.name])
            return { names.contains($0) || TemporaryName.file.process(of: $0) != nil ? .file : nil }
        }
        let (own, query, item) = (names(""), names("/" + queryFolder), names("/" + itemFolder))
        return { name in
            switch name {
            case queryFolder: .folder(query)
            case itemFolder: .folder(item)
            default: own(name)
            }
        }
    }

    /// Copies the tower or the pair at `source`, and nothing that lies beside its files, to `target`, where nothing is.
    ///
    /// The manifests go first: so a copy that was cut short tells what belongs to it.
    package static func copy(_ source: String, to target: String) throws(BelfryError) {
        try System.createDirectory(target)
        guard !isPair(source) else {
            for folder in [queryFolder, itemFolder] { try copy("\(source)/\(folder)", to: "\(target)/\(folder)") }
            return try System.sync(target)
        }
        let manifest = try TowerManifest(folder: source)
        for name in [TowerManifest.name] + manifest.files.keys.sorted() {
            try System.copyFile("\(source)/\(name)", to: "\(target)/\(name)")
        }
        try System.sync(target)
    }
}

extension TowerManifest {
    /// The names of the files that the manifest in `folder` lists, as far as it can be read: it may be damaged.
    fileprivate static func fileNames(in folder: String) -> [String] {
        let path = folder + "/" + name
        let json = (try? System.read(path)).flatMap { try? JSON(parsing: $0, source: path) }
        return json?["files"]?.names ?? []
    }
}
