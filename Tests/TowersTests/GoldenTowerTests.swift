import Files
import TestSupport
import Testing
import Vectors

@testable import Towers

/// Towers that earlier versions made (`Fixtures/make_golden_towers.sh`): they must open, and give the vectors that they
/// had then.
@Suite struct GoldenTowerTests {
    private static func folder(_ version: String) -> String { TinyBert.fixtures + "/golden/" + version }

    @Test(arguments: [
        ("2026-11", "text.tower", "63882d29a073e3ef5e3bfe3b42267575f6aaaa014d674dbba4e2639a01c8419c"),
        ("2026-11", "pair/query.tower", "ee888bc143cbee14ddc99f9e88aff30fe7943890bcefb18d76fe4e7f0584f84b"),
        ("2026-11", "pair/item.tower", "c7179177aa6e3be7e903c755e39ddd929ce3fe754b58599c7d04829c80a061a7"),
    ])
    func towersOpenAndComputeTheSame(version: String, name: String, fingerprint: String) throws {
        let path = Self.folder(version) + "/" + name
        // The canaries are vectors of then, and every byte is compared with its digest.
        #expect(Tower.check(path).map(\.description) == [])
        let tower = try Tower.load(path)
        #expect(tower.fingerprint == fingerprint)
        #expect(tower.takesTexts)
        #expect(try tower.embed(["a bell", "a tower"]).columns == tower.dimension)
    }

    @Test func aPairOpens() throws {
        let path = Self.folder("2026-11") + "/pair"
        #expect(TowerPair.check(path).map(\.description) == [])
        let pair = try TowerPair.load(path)
        #expect(pair.query.space == pair.item.space)
        #expect(pair.query.role == .query && pair.item.role == .document)
    }

    /// The same model gives the same tower today: its fingerprint, which collections keep, has not changed.
    @Test func importGivesTheSameFingerprint() throws {
        try withTemporaryDirectory { folder in
            let tower = try Tower.importModel(from: TinyBert.folder, to: folder + "/text.tower")
            #expect(tower.fingerprint == (try Tower.load(Self.folder("2026-11") + "/text.tower")).fingerprint)
        }
    }
}
