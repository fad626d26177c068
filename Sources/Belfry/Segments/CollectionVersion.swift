import Files

// A version of a collection is a second set of vectors of the same points, made by another tower. `title@v2` is in version
// `v2` what `title` is in the first, and `@v2` what the vectors without a name are. Kinds of vector that a version does not
// have of its own, it shares with the first.
extension VectorSpace {
    /// The name of the vectors that `name` are in a version.
    public static func name(_ name: String, inVersion version: String) -> String {
        version.isEmpty ? name : "\(name)@\(version)"
    }

    /// Its name in the first version, and the version that it is of; empty for the first.
    public var versioned: (name: String, version: String) {
        guard let at = name.lastIndex(of: "@"), case let version = name[name.index(after: at)...], !version.isEmpty
        else { return (name, "") }
        return (String(name[..<at]), String(version))
    }
}

extension CollectionConfiguration {
    /// The versions that stand beside the first, in the order in which they were made.
    public var versions: [String] {
        var versions: [String] = []
        for space in spaces {
            let version = space.versioned.version
            if !version.isEmpty, !versions.contains(version) {
                versions.append(version)
            }
        }
        return versions
    }

    /// The same as a version sees it: the names of vectors are those of this version.
    func version(_ version: String) -> CollectionConfiguration {
        var configuration = self
        configuration.version = version
        return configuration
    }

    /// Refuses a version that is not there.
    func requireVersion(_ version: String, at path: String) throws(BelfryError) {
        guard !version.isEmpty, !versions.contains(version) else { return }
        let known = versions.map { "“\($0)”" }.joined(separator: ", ")
        throw BelfryError(
            .notFound, "The collection has no version “\(version)”.", at: .init(file: path),
            remedy: versions.isEmpty
                ? "It has one version, which needs no name." : "It has these beside the first: \(known).")
    }
}
