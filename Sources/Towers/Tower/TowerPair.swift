public import Files
import Foundation

/// Two towers of one vector space: one for what is searched for, one for what is found.
///
/// ## Overview
/// A two-tower model embeds users with one network and items with another; a session model embeds a session with a
/// recurrent network, and its items are the rows of its output layer. Both towers of a pair carry the fingerprints of
/// both, from which the space's identity is made, so that a collection knows which query tower belongs to it.
///
/// ## Usage
///     try Tower.importPair(query: "user.onnx", item: "movie.onnx", to: "movielens")
///     let pair = try TowerPair.load("movielens")
///     let user = try pair.query.embed([["user_id": 5, "age": 34]])
///     let movies = try pair.item.embed(rows)
public struct TowerPair: Sendable {
    /// Which two towers belong together.
    package struct Fingerprints: Hashable, Sendable {
        /// The query tower's.
        package let query: String
        /// The item tower's.
        package let item: String

        /// The identity of the space that both give vectors of.
        package var space: String { Digest.sha256(Data("\(query) \(item)".utf8)) }
    }

    /// The names of the towers' directories in a pair's.
    static let queryFolder = "query.tower"
    static let itemFolder = "item.tower"

    /// Embeds users, sessions, questions.
    public let query: Tower
    /// Embeds what is searched.
    public let item: Tower

    /// Whether a pair of towers is in the directory `path`.
    package static func isPair(_ path: String) -> Bool {
        System.exists(path + "/" + queryFolder + "/" + TowerManifest.name)
            && System.exists(path + "/" + itemFolder + "/" + TowerManifest.name)
    }

    /// Verifies both towers (`Tower.check`), and that they belong together; or the one tower that is at `path`.
    public static func check(_ path: String) -> [BelfryError] {
        guard isPair(path) else { return Tower.check(path) }
        let problems = Tower.check(path + "/" + queryFolder) + Tower.check(path + "/" + itemFolder)
        guard problems.isEmpty else { return problems }
        do throws(BelfryError) {
            _ = try load(path)
            return []
        } catch { return [error] }
    }

    /// Opens the pair in the directory `path`.
    public static func load(_ path: String) throws(BelfryError) -> TowerPair {
        let pair = TowerPair(
            query: try Tower.load(path + "/" + queryFolder), item: try Tower.load(path + "/" + itemFolder))
        guard let fingerprints = pair.query.manifest.pair, fingerprints == pair.item.manifest.pair,
            fingerprints == Fingerprints(query: pair.query.fingerprint, item: pair.item.fingerprint)
        else {
            throw BelfryError(.wrongTower, "The two towers do not belong together.", at: .init(file: path))
        }
        return pair
    }

    /// Opens what is at `path`: a pair, or one tower that embeds both what is searched for and what is found.
    public static func open(_ path: String) throws(BelfryError) -> TowerPair {
        if isPair(path) { return try load(path) }
        let tower = try Tower.load(path)
        guard !tower.isReranker else {
            throw BelfryError(
                .wrongTower, "The tower is a reranker: it reads a query and a text together, and gives no vector.",
                at: .init(file: path), remedy: "Name a tower that was imported from an encoder.")
        }
        return TowerPair(query: tower, item: tower)
    }

    /// The identity of the space of both towers' vectors.
    public var space: String { query.space }
}

extension Tower {
    /// The identity of the space of its vectors: of its pair, or its own fingerprint.
    public var space: String { manifest.pair?.space ?? fingerprint }

    /// What the tower embeds, if it is one of two.
    public var role: Role? { manifest.pair.map { $0.query == fingerprint ? .query : .document } }
}
