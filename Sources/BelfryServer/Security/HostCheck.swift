import Foundation

/// Keeps pages of other sites out: a browser sends their requests to a server on this machine as well, under a name that leads
/// here (DNS rebinding), or with the origin that they come from.
struct HostCheck: Sendable {
    /// Names beside `localhost` and addresses, by which the server may be called.
    var allowed: Set<String>
    /// Whether the server may be called by any name: a page of another site has no key.
    var allowsAnyHost: Bool

    /// Why a request is not answered; nil where it is.
    /// - Parameters:
    ///   - host: the header of that name, or what the request line says.
    ///   - origin: the page that a browser sends it for.
    func refusal(host: String?, origin: String?) -> Refusal? {
        let name = host.map(Self.name)
        if !allowsAnyHost, let name, !isOwn(name) {
            return Refusal(403, "Forbidden: the server does not answer to the name \(name.debugDescription).")
        }
        guard let origin, let place = origin.range(of: "://") else {
            return origin == nil ? nil : Refusal(403, "Forbidden: requests of this origin are not answered.")
        }
        let page = Self.name(String(origin[place.upperBound...]))
        guard page == name || allowed.contains(page) else {
            return Refusal(403, "Forbidden: requests of pages from \(page.debugDescription) are not answered.")
        }
        return nil
    }

    private func isOwn(_ name: String) -> Bool {
        name == "localhost" || allowed.contains(name) || Self.isAddress(name)
    }

    /// A host without its port, in lowercase.
    static func name(_ host: String) -> String {
        let host = host.lowercased()
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            let rest = host[host.index(after: end)...]
            return rest.isEmpty || rest.hasPrefix(":") ? String(host[...end]) : host
        }
        return host.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? host
    }

    /// Whether a host is an address: no name leads to one.
    static func isAddress(_ host: String) -> Bool {
        if host.hasPrefix("["), host.hasSuffix("]") {
            return host.dropFirst().dropLast().utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                    UInt8(ascii: ":"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { $0.utf8.count <= 3 && UInt8($0) != nil }
    }
}
