import Crypto
import Files
public import Foundation

/// A key for single collections, or for a time: a JSON Web Token (RFC 7519) that is signed with the server's key, HS256 (RFC
/// 7515), with the claims that Qdrant's clients know. Nothing is kept of it: whoever has the server's key makes one, and a new
/// server's key ends them all.
///
/// - `access`: `"r"`, `"m"`, or a list of `{"collection": "products", "access": "r"}`; `"rw"` lets points be written.
/// - `exp`: when it ends, in seconds since 1970; without it, it does not.
public struct AccessToken: Sendable {
    /// What a token lets its holder do.
    public enum Grant: Sendable {
        /// Read all.
        case reading
        /// Read these collections, and write points to those that say so.
        case collections([(name: String, writes: Bool)])
    }

    let caller: Caller

    /// A token as it is sent; nil for what is none, is signed with another key, has ended, or says what this server does not
    /// know: it might forbid something.
    init?(_ text: String, signedWith key: String, at time: Date) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64URL.decoded(parts[2]) else { return nil }
        let signed = Data((parts[0] + "." + parts[1]).utf8)
        guard
            HMAC<SHA256>.isValidAuthenticationCode(
                signature, authenticating: signed, using: SymmetricKey(data: Data(key.utf8)))
        else { return nil }
        guard let header = Self.json(parts[0]), let claims = Self.json(parts[1]), header["alg"]?.string == "HS256",
            Set(claims.names).isSubset(of: ["access", "exp", "iat", "nbf", "sub", "iss", "jti"])
        else { return nil }
        // Clocks of two machines differ by some seconds.
        let now = time.timeIntervalSince1970
        if let end = claims["exp"] { guard let end = end.number, now < end + 30 else { return nil } }
        if let begin = claims["nbf"] { guard let begin = begin.number, now > begin - 30 else { return nil } }
        guard let caller = Self.caller(claims["access"]) else { return nil }
        self.caller = caller
    }

    private static func json(_ part: Substring) -> JSON? {
        guard let data = Base64URL.decoded(part), let json = try? JSON(parsing: data, source: "a token"),
            case .object = json
        else { return nil }
        return json
    }

    private static func caller(_ access: JSON?) -> Caller? {
        switch access?.string {
        case "m"?: return Caller(.managing)
        case "r"?: return Caller(.reading)
        case _?: return nil
        case nil: break
        }
        guard let elements = access?.array else { return nil }
        var collections: [String: Access] = [:]
        for element in elements {
            guard Set(element.names) == ["collection", "access"], let name = element["collection"]?.string else {
                return nil
            }
            switch element["access"]?.string {
            case "r": collections[name] = max(collections[name] ?? .nothing, .reading)
            case "rw": collections[name] = .writing
            default: return nil
            }
        }
        return Caller(.nothing, collections)
    }

    /// A token, as clients send it.
    /// - Parameters:
    ///   - key: the server's key.
    ///   - end: when it ends; nil for never.
    public static func make(_ grant: Grant, signedWith key: String, until end: Date?) -> String {
        var claims = JSON.Members()
        claims["access"] =
            switch grant {
            case .reading: "r"
            case .collections(let collections):
                .array(
                    collections.map { ["collection": .string($0.name), "access": .string($0.writes ? "rw" : "r")] })
            }
        claims["exp"] = end.map { .integer(Int64($0.timeIntervalSince1970)) }
        let header: JSON = ["alg": "HS256", "typ": "JWT"]
        return sealed([header.text(), JSON.object(claims).text()], key)
    }

    /// The parts and their signature.
    static func sealed(_ parts: [String], _ key: String) -> String {
        let signed = parts.map { Base64URL.encoded(Data($0.utf8)) }.joined(separator: ".")
        let code = HMAC<SHA256>.authenticationCode(
            for: Data(signed.utf8), using: SymmetricKey(data: Data(key.utf8)))
        return signed + "." + Base64URL.encoded(Data(code))
    }
}

/// Base64 with an alphabet for URLs, without padding (RFC 4648, section 5).
enum Base64URL {
    static func encoded(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Nil for what is none; padding is none of it.
    static func decoded(_ text: Substring) -> Data? {
        guard !text.contains(where: { "+/=".contains($0) }) else { return nil }
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text.replacing("-", with: "+").replacing("_", with: "/") + padding)
    }
}
