import Files
import Foundation
import TestSupport
import Testing

@Suite struct DirectoryTests {
    /// A folder with what belongs there, what does not, and a link out of it.
    private static func make(_ folder: String) throws -> (place: String, victim: String) {
        let (place, victim) = (folder + "/place", folder + "/victim")
        for name in ["own/a", "own/b", "own/foreign", "whole/a", "notes", "file"] {
            let path = "\(place)/\(name)"
            try System.createDirectory(System.parent(of: path))
            try Data(name.utf8).write(to: URL(fileURLWithPath: path))
        }
        try System.createDirectory(victim)
        try Data("mine".utf8).write(to: URL(fileURLWithPath: victim + "/a"))
        return (place, victim)
    }

    private static let belongs: @Sendable (String) -> Belongings? = { name in
        switch name {
        case "own", "whole", "linked": .folder { ["a", "b"].contains($0) ? .file : nil }
        case "file", "turned": .file
        default: nil
        }
    }

    @Test func onlyWhatBelongsIsRemoved() throws {
        try withTemporaryDirectory { folder in
            let (place, _) = try Self.make(folder)
            try System.createDirectory(place + "/turned")
            let directory = try Directory(place)
            let foreign = ["notes", "own/foreign", "turned"]
            #expect(try directory.foreign(to: Self.belongs) == foreign)
            #expect(try directory.names() == ["file", "notes", "own", "turned", "whole"])
            #expect(try directory.remove(Self.belongs) == foreign)
            #expect(try directory.names() == ["notes", "own", "turned"])
            #expect(try System.list(place + "/own") == ["foreign"])
            #expect(try directory.remove(Self.belongs) == foreign)
        }
    }

    @Test func noLinkIsFollowed() throws {
        try withTemporaryDirectory { folder in
            let (place, victim) = try Self.make(folder)
            #expect(symlink(victim, place + "/linked") == 0 && symlink(victim + "/a", place + "/turned") == 0)
            for _ in 0..<2 {
                let error = #expect(throws: BelfryError.self) { try Directory(place).remove(Self.belongs) }
                #expect(error?.code == .conflict && error?.location?.file == place + "/linked", "\(error!)")
            }
            try System.remove(place + "/linked")
            #expect(try Directory(place).remove(Self.belongs) == ["notes", "own/foreign", "turned (a link)"])
            // The directory itself, with and without a slash at its end.
            #expect(symlink(victim, folder + "/link") == 0)
            for path in ["/link", "/link/", "/link//"] {
                #expect(#expect(throws: BelfryError.self) { try Directory(folder + path) }?.code == .conflict)
            }
            #expect(try Directory(around: folder + "/link/x").names() == ["a"])
            // All of a folder, links in it themselves.
            #expect(symlink(victim, place + "/own/out") == 0)
            try System.remove(place)
            try System.remove(folder + "/link")
            #expect(try System.list(folder) == ["victim"] && System.list(victim) == ["a"])
        }
    }

    @Test func anyNameCanBeRemoved() throws {
        try withTemporaryDirectory { folder in
            let odd: [CChar] = Array("\(folder)/x/".utf8CString.dropLast()) + [-1, -2, 0]
            try System.createDirectory(folder + "/x")
            #expect(mkdir(odd, 0o755) == 0)
            try Data().write(to: URL(fileURLWithPath: folder + "/x/ \n"))
            try System.remove(folder + "/x")
            #expect(try System.list(folder) == [])
        }
    }

    @Test func temporaryNamesAreTold() throws {
        try withTemporaryDirectory { folder in
            let (names, target) = (TemporaryName.file, folder + "/map.html")
            let own = names.beside(target)
            #expect(names.process(of: own) == ProcessInfo.processInfo.processIdentifier)
            #expect(own != names.beside(target) && own.hasPrefix(target))
            let dead = target + ".belfry-2147483647-\(UUID().uuidString)"
            for name in ["map.html.belfry-1", "map.html.belfry-x-\(UUID().uuidString)", "map.html", "a.belfry-"] {
                #expect(names.process(of: name) == nil, "\(name)")
            }
            let mine = target + ".belfry-mine"
            for path in [own, dead, mine] { try Data("x".utf8).write(to: URL(fileURLWithPath: path)) }
            #expect(try System.write(Data("y".utf8), to: target) == [dead])
            #expect(
                try System.list(folder) == [own, mine, target].map { String($0.dropFirst(folder.count + 1)) }.sorted())
        }
    }
}
